"""When each row of the sample order is written by the bare workflow, in one statement a phase."""

from tests.bench.rows import Insertion, Pattern, Row

BILLING = ("invoices", "billables", "ledger_transactions", "ledger_entries")
SETTLE = (
    "settled_ AS (UPDATE orders SET state = 'completed', event_count = (($1::jsonb->'then'->>'event_count')::int),"
    " updated_at = now() WHERE id = $1::jsonb->'then'->>'id')"
)


def phases(pattern: Pattern) -> dict[str, Insertion]:
    """`accepted` is written by the endpoint, the others by the workflow."""
    rows = dict(pattern.rows)
    order, rows["orders"] = rows["orders"][0], [rows["orders"][0] | {"state": "acknowledged", "event_count": 1}]
    events = _events_by_phase(rows["events"])
    start = [row for row in rows["dispatches"] if row["kind"] == "start"]
    rest = {name: rows[name] for name in ("services", "subscriptions", "entitlements", "capacity_reservations")}
    rest["dispatches"] = [row for row in rows["dispatches"] if row["kind"] != "start"]
    settled = {"id": order["id"], "event_count": order["event_count"]}
    tables = {
        "accepted": {"orders": rows["orders"], "order_items": rows["order_items"], "dispatches": start},
        "authorized": {"payments": rows["payments"]},
        "provisioned": {"order_steps": rows["order_steps"]},
        "captured": {name: rows[name] for name in BILLING},
        "completed": rest,
    }
    made = {name: Insertion.of({**given, "events": events[name]}) for name, given in tables.items()}
    made["completed"] = Insertion.of({**rest, "events": events["completed"]}, SETTLE, settled)
    return made


def _events_by_phase(events: list[Row]) -> dict[str, list[Row]]:
    """Each event in the phase that ends with the first one of the phase's name."""
    ends = {"payment.authorized": "provisioned", "payment.captured": "completed"}
    found: dict[str, list[Row]] = {name: [] for name in ("accepted", "authorized", "provisioned", "captured", "completed")}
    phase = "accepted"
    for event in sorted(events, key=lambda row: int(row["seq"])):
        if event["type"].startswith("payment.captur") and phase == "provisioned":
            phase = "captured"
        found[phase].append(event)
        phase = "authorized" if phase == "accepted" else ends.get(event["type"], phase)
    return found
