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
from domain.invariants.facts import EventFacts, ItemFacts, OrderFacts, PaymentFacts, Posting
from domain.orders import Order, OrderItem
from domain.provisioning import Verb
from domain.states import ItemState, OrderState, PaymentState, ServiceState, StepState

ENTITLEMENTS = "entitlements"
"""The adapter that grants what a plan promises."""

_HELD = frozenset(
    {
        PaymentState.authorizing,
        PaymentState.authorized,
        PaymentState.held,
        PaymentState.capturing,
        PaymentState.releasing,
    }
)
Row = Mapping[Any, Any]
Rows = Mapping[str, Sequence[Row]]


async def one_snapshot(connection: Connection) -> None:
    """Let all that this transaction reads be of one moment. To be its first statement."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


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
    return [_facts(row, {name: rows.get(row["id"], ()) for name, rows in parts.items()}, granted) for row in found]


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


def _facts(row: Row, parts: Mapping[str, Sequence[Row]], granted: Mapping[str, frozenset[str]]) -> OrderFacts:
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
        ledger=[Posting.model_validate(dict(entry)) for entry in parts[ledger_entries.name]],
        event_count=row["event_count"],
        events=[EventFacts(seq=event["seq"], at=event["at"]) for event in parts[events.name]],
    )


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
        captured=row["captured"],
        refunded=row["refunded"],
        captures=1 if row["captured"] else 0,
    )
