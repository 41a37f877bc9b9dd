"""Subscriptions as their invariants see them, read from our own database."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from activities.store.database import Connection
from activities.store.due_rows import Kind
from domain.invariants.facts import ChargedFacts, DueFacts, LifeFacts
from domain.states import SubscriptionState

SOON = timedelta(days=1)
"""Longer than anything that is due rests until it is handed out again."""
JUST_NOW = timedelta(hours=1)
_IN_DOUBT = text("""
    SELECT subject AS id FROM due_rows
     WHERE clock IS NULL AND handed_at < :soon AND due_at < :late
       AND kind <> 'access' AND kind <> 'collect'
    UNION
    SELECT subscriptions.id FROM subscriptions
      JOIN services ON services.order_id = subscriptions.order_id AND services.item = subscriptions.item
     WHERE subscriptions.state = 'ended' AND services.ended_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM due_rows WHERE subject = subscriptions.id AND kind = 'deprovision')
    UNION
    SELECT subscriptions.id FROM service_exports
      JOIN services ON services.id = service_exports.service AND services.ended_at IS NOT NULL
      JOIN subscriptions ON subscriptions.order_id = services.order_id AND subscriptions.item = services.item
     WHERE service_exports.state IN ('working', 'failed')
    UNION
    SELECT line ->> 'subscription' FROM billables
      JOIN invoices ON invoices.id = billables.invoice
     WHERE invoices.gathered_at > :since AND line ->> 'subscription' IS NOT NULL
    UNION
    SELECT line ->> 'subscription' FROM patrol_findings JOIN billables ON billables.id = patrol_findings.subject
     WHERE patrol_findings.invariant = 'time_is_charged_once' AND patrol_findings.closed_at IS NULL
     LIMIT :limit
""")
"""Those with something long due, those that ended and are not due to be taken down, or were taken down before they were given
out, and those that were invoiced just now, or were found to be charged twice."""
_LIVES = text("""
    SELECT one.id, one.order_id AS "order", one.state, one.event_count,
           COALESCE(test_clocks.now, CAST(:now AS timestamptz)) AS now, services.ended_at IS NOT NULL AS service_ended,
           EXISTS (SELECT 1 FROM access_blocks WHERE service = services.id AND lifted_at IS NULL) AS is_blocked,
           services.throttle_changes % 2 = 1 AS is_throttled,
           (SELECT count(*) FROM subscription_events WHERE subscription = one.id AND type = 'subscription.ended') AS ends,
           ARRAY(SELECT seq FROM subscription_events WHERE subscription = one.id ORDER BY seq) AS events,
           ARRAY(SELECT state FROM service_exports WHERE service = services.id) AS exports
      FROM subscriptions one
      JOIN customers ON customers.id = one.customer
      LEFT JOIN test_clocks ON test_clocks.id = customers.clock
      JOIN services ON services.order_id = one.order_id AND services.item = one.item
     WHERE one.id = ANY(CAST(:ids AS varchar[])) AND one.state <> 'pending'
""")
_DUE = text("""
    SELECT one.id, due.key, due.kind, due.due_at, due.error FROM subscriptions one
      JOIN due_rows due ON due.subject = ANY(ARRAY[one.id, one.order_id || ':' || one.item])
     WHERE one.id = ANY(CAST(:ids AS varchar[]))
""")
_CHARGED = text("""
    SELECT line ->> 'subscription' AS id, billables.id AS line, line ->> 'charge' AS charge,
           (line #>> '{period,start}')::timestamptz AS start, (line #>> '{period,end}')::timestamptz AS "end",
           EXISTS (SELECT 1 FROM billables back WHERE (back.line ->> 'subscription') = (billables.line ->> 'subscription')
                      AND back.line #>> '{gives_back,line}' = billables.id)
           OR EXISTS (SELECT 1 FROM credit_notes, jsonb_array_elements(credit_notes.document #> '{taxed,lines}') one
                       WHERE credit_notes.invoice = billables.invoice AND one.value ->> 'id' = billables.id) AS is_given_back
      FROM billables LEFT JOIN invoices ON invoices.id = billables.invoice
     WHERE (line ->> 'subscription') = ANY(CAST(:ids AS varchar[])) AND line #>> '{gives_back,line}' IS NULL
       AND line #>> '{period,start}' IS NOT NULL AND invoices.state IS DISTINCT FROM 'voided'
""")


async def in_doubt(connection: Connection, now: datetime, grace: timedelta, limit: int) -> list[LifeFacts]:
    """What a patrol looks at; what a test clock has due is not late, since it stands still until it is advanced."""
    asked = {"now": now, "late": now - grace, "soon": now + SOON, "since": now - JUST_NOW, "limit": limit}
    found = [str(row.id) for row in await connection.execute(_IN_DOUBT, asked)]
    return await of_subscriptions(connection, found, now)


async def of_subscriptions(connection: Connection, ids: Sequence[str], now: datetime) -> list[LifeFacts]:
    """Those of `ids` that a process has taken over, at `now` in real time."""
    due, charged = await _by_life(connection, _DUE, ids), await _by_life(connection, _CHARGED, ids)
    rows = (await connection.execute(_LIVES, {"ids": list(ids), "now": now})).mappings()
    return [
        LifeFacts(
            **{**row, "state": SubscriptionState(row["state"]), "events": list(row["events"]), "exports": list(row["exports"])},
            due=[_due(one) for one in due[row["id"]]],
            charged=[ChargedFacts.model_validate(one) for one in charged[row["id"]]],
        )
        for row in rows
    ]


async def _by_life(connection: Connection, query: Any, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    sorted_out: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in (await connection.execute(query, {"ids": list(ids)})).mappings():
        sorted_out[row["id"]].append({name: value for name, value in row.items() if name != "id"})
    return sorted_out


def _due(row: dict[str, Any]) -> DueFacts:
    kind = Kind(row.pop("kind"))
    gives_out = kind is Kind.export
    return DueFacts(**row, takes_down=kind is Kind.deprovision, gives_out=gives_out, turns_access=kind is Kind.access)
