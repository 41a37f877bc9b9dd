"""Orders as their invariants see them, read from our own database by their ids."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, Table, select, text

from activities.store.database import Connection, among
from activities.store.tables.ledger import ledger_entries
from activities.store.tables.orders import events, order_items, order_steps, orders, payments
from activities.store.tables.services import entitlements, services
from domain import keys
from domain.billing.ledger import AccountKind, kind_of
from domain.disputes import TAKEN
from domain.invariants.facts import (
    AccessFacts,
    AfterFacts,
    EventFacts,
    InvoiceFacts,
    ItemFacts,
    OrderFacts,
    PaymentFacts,
    Posting,
    RefundedFacts,
)
from domain.orders import Order, OrderItem
from domain.provisioning import Verb
from domain.refunds import COUNTED
from domain.states import ItemState, OrderState, PaymentState, ServiceState, StepState

ENTITLEMENTS = "entitlements"
"""The adapter that grants what a plan promises."""

_HELD = frozenset(
    {
        PaymentState.authorizing,
        PaymentState.pending,
        PaymentState.authorized,
        PaymentState.held,
        PaymentState.capturing,
        PaymentState.releasing,
    }
)
_AFTER = text("""
    WITH paid AS (
        SELECT key, order_id FROM payments WHERE order_id = ANY(CAST(:orders AS varchar[]))
        UNION ALL
        SELECT collections.key, invoices.order_id FROM invoices JOIN collections ON collections.invoice = invoices.id
         WHERE invoices.order_id = ANY(CAST(:orders AS varchar[])) AND collections.state = 'paid'
    )
    SELECT order_id, 'refunded' AS what, sum(amount) AS amount FROM paid JOIN refunds ON payment = paid.key
     WHERE state = 'succeeded' AND requested_by <> 'order' GROUP BY order_id
    UNION ALL
    SELECT order_id, 'disputed', sum(amount) FROM paid JOIN disputes ON payment = paid.key
     WHERE state = ANY(CAST(:taken AS varchar[])) GROUP BY order_id
    UNION ALL
    SELECT order_id, 'collected', sum(amount) FROM paid JOIN collections ON collections.key = paid.key GROUP BY order_id
""")
_PAID_AGAIN = text("""
    WITH again AS (
        SELECT invoice, max(ended_at) AS last FROM collections
         WHERE state = 'paid' AND (number > 1 OR invoice LIKE 'O-%')
         GROUP BY invoice ORDER BY last DESC LIMIT :limit
    ), paid AS (
        SELECT invoice, key, amount FROM again JOIN collections USING (invoice) WHERE state = 'paid'
        UNION ALL
        SELECT invoice, payments.key, captured FROM again JOIN payments ON order_id = split_part(invoice, ':', 1)
         WHERE captured > 0
    ), kept AS (
        SELECT invoice, amount - coalesce((SELECT sum(refunds.amount) FROM refunds
                                            WHERE payment = paid.key AND state = 'succeeded'), 0) AS amount
          FROM paid WHERE NOT EXISTS (SELECT 1 FROM representments WHERE payment = paid.key)
    )
    SELECT invoices.id, invoices.total, count(*) AS payments, sum(kept.amount) AS kept
      FROM kept JOIN invoices ON invoices.id = kept.invoice WHERE kept.amount > 0 GROUP BY invoices.id
""")
_REFUNDED = text("""
    WITH asked AS (
        SELECT payment FROM (SELECT payment FROM refunds ORDER BY requested_at DESC LIMIT :limit) newest
        UNION SELECT payment FROM refunds WHERE state = 'reserved'
    )
    SELECT asked.payment,
           (SELECT sum(amount) FROM ledger_entries WHERE transaction = asked.payment AND account LIKE 'cash:%') AS taken,
           coalesce(sum(amount) FILTER (WHERE state = ANY(CAST(:counted AS varchar[]))), 0) AS back,
           min(requested_at) FILTER (WHERE state = 'reserved') AS promised_at
      FROM asked JOIN refunds ON refunds.payment = asked.payment GROUP BY asked.payment
""")
_OUT_OF_LINE = text("""
    WITH apart AS (
        SELECT id, order_id, true AS is_blocked FROM services
         WHERE state = 'active' AND id IN (SELECT service FROM access_blocks WHERE lifted_at IS NULL)
        UNION ALL
        SELECT id, order_id, false FROM services
         WHERE state = 'suspended' AND access_changes > 0
           AND NOT EXISTS (SELECT 1 FROM access_blocks block WHERE block.service = services.id AND block.lifted_at IS NULL)
    )
    SELECT id AS service, order_id AS "order", is_blocked, error AS trouble,
           CASE WHEN key IS NULL OR clock IS NULL THEN due_at ELSE now() END AS due_at
      FROM apart LEFT JOIN due_rows ON kind = 'access' AND subject = id
     ORDER BY id LIMIT :limit
""")
"""What a test clock has due is not late: it stands still until it is advanced."""
Row = Mapping[Any, Any]
Rows = Mapping[str, Sequence[Row]]


async def one_snapshot(connection: Connection) -> None:
    """Let all that this transaction reads be of one moment. To be its first statement."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


async def out_of_line(connection: Connection, limit: int) -> list[AccessFacts]:
    """Services whose state is not as what blocks them, in order of id."""
    rows = (await connection.execute(_OUT_OF_LINE, {"limit": limit})).mappings()
    return [AccessFacts.model_validate(dict(row)) for row in rows]


async def of_orders(connection: Connection, ids: Sequence[str]) -> list[OrderFacts]:
    """Those of `ids` that exist, in order of number."""
    if not ids:
        return []
    wanted = list(dict.fromkeys(ids))
    query = select(orders).where(among(orders.c.id, wanted)).order_by(orders.c.number)
    found = (await connection.execute(query)).mappings().all()
    parts = {
        table.name: await _by_order(connection, table, wanted)
        for table in (order_items, order_steps, payments, ledger_entries, events, services)
    }
    granted = await _granted(connection, parts[order_items.name])
    after = await _moved_after(connection, wanted)
    return [
        _facts(row, {name: rows.get(row["id"], ()) for name, rows in parts.items()}, granted, after.get(row["id"], {}))
        for row in found
    ]


async def _by_order(connection: Connection, table: Table, ids: Sequence[str]) -> Rows:
    query: Select[Any] = select(table).where(among(table.c.order_id, ids))
    query = query.order_by(*table.primary_key.columns)
    sorted_out: dict[str, list[Row]] = defaultdict(list)
    for row in (await connection.execute(query)).mappings():
        sorted_out[row["order_id"]].append(row)
    return sorted_out


async def _granted(connection: Connection, items: Rows) -> dict[str, frozenset[str]]:
    """The features that each item holds, by its reference."""
    sources = [keys.reference(order, row["item"]) for order, rows in items.items() for row in rows]
    query = select(entitlements.c.source, entitlements.c.feature).where(
        among(entitlements.c.source, sources), entitlements.c.revoked_at.is_(None)
    )
    held: dict[str, set[str]] = defaultdict(set)
    for row in (await connection.execute(query)).all():
        held[row.source].add(row.feature)
    return {source: frozenset(features) for source, features in held.items()}


def _facts(
    row: Row,
    parts: Mapping[str, Sequence[Row]],
    granted: Mapping[str, frozenset[str]],
    after: Mapping[str, int],
) -> OrderFacts:
    is_draft = isinstance(row["document"]["customer"], str)
    order = None if is_draft else Order.model_validate(row["document"])
    return OrderFacts(
        id=row["id"],
        state=OrderState(row["state"]),
        placed_at=row["placed_at"],
        changed_at=row["updated_at"],
        starts_at=order.requested_start if order else None,
        waiting_on=row["waiting_on"],
        owner=row["owner"],
        deadline=row["deadline"],
        items=[_item(item, order, parts, granted) for item in parts[order_items.name]],
        payments=[_payment(payment) for payment in parts[payments.name]],
        after=_after(parts, after),
        ledger=[Posting.model_validate(dict(entry)) for entry in parts[ledger_entries.name]],
        event_count=row["event_count"],
        events=[EventFacts(seq=event["seq"], at=event["at"]) for event in parts[events.name]],
    )


def _after(parts: Mapping[str, Sequence[Row]], moved: Mapping[str, int]) -> AfterFacts:
    """A return is as booked: the gateway's message is all that there is of it besides."""
    returns = {keys.returned(payment["key"]) for payment in parts[payments.name]}
    returns |= {keys.returned(entry["transaction"]) for entry in parts[ledger_entries.name]}
    back = [entry for entry in parts[ledger_entries.name] if entry["transaction"] in returns]
    gone = sum(entry["amount"] for entry in back if kind_of(entry["account"]) is AccountKind.cash)
    return AfterFacts(returned=-gone, **moved)


async def _moved_after(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """By order: what was refunded on request, is disputed, and was collected by its invoices."""
    rows = await connection.execute(_AFTER, {"orders": ids, "taken": [state.value for state in TAKEN]})
    moved: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows.mappings():
        moved[row["order_id"]][row["what"]] = int(row["amount"])
    return moved


async def paid_more_than_once(connection: Connection, limit: int) -> list[InvoiceFacts]:
    """Invoices that more than one payment may have been kept of, those paid last first."""
    rows = await connection.execute(_PAID_AGAIN, {"limit": limit})
    return [InvoiceFacts.model_validate(dict(row)) for row in rows.mappings()]


async def refunded(connection: Connection, limit: int) -> list[RefundedFacts]:
    """Payments that were refunded last, and all of which a refund is still promised."""
    rows = await connection.execute(_REFUNDED, {"limit": limit, "counted": [state.value for state in COUNTED]})
    return [RefundedFacts.model_validate(dict(row)) for row in rows.mappings()]


def _item(
    row: Row, order: Order | None, parts: Mapping[str, Sequence[Row]], granted: Mapping[str, frozenset[str]]
) -> ItemFacts:
    item = order.item(row["item"]) if order else None
    live = any(one["item"] == row["item"] and one["state"] == ServiceState.active for one in parts[services.name])
    done = {step["step"] for step in parts[order_steps.name] if step["item"] == row["item"] and step["state"] == StepState.done}
    return ItemFacts(
        item=row["item"],
        state=ItemState(row["state"]),
        due=item.due.minor if item else 0,
        captured=bool(row["document"].get("captured")),
        live=live,
        entitled=_entitled(item, done) if item else frozenset(),
        granted=granted.get(keys.reference(row["order_id"], row["item"]), frozenset()),
    )


def _entitled(item: OrderItem, done: set[str]) -> frozenset[str]:
    """What the steps that were done grant; one that an operator skipped grants nothing."""
    grants = any(step.adapter == ENTITLEMENTS and step.verb is Verb.activate and step.id in done for step in item.plan.steps)
    return frozenset(item.plan.entitlements) if grants else frozenset()


def _payment(row: Row) -> PaymentFacts:
    return PaymentFacts(
        key=row["key"],
        held=PaymentState(row["state"]) in _HELD,
        under_way=row["state"] == PaymentState.pending,
        captured=row["captured"],
        refunded=row["refunded"],
        captures=1 if row["captured"] else 0,
    )
