"""A database with many orders in it."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import yaml
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from activities.store import catalogue, changes, customers, dispatches, inbox, orders, policies
from activities.store.billing import bill_order, credit_item
from activities.store.capacity import reserve
from activities.store.database import Connection, Database
from activities.store.entitlements import grant
from api.acceptance import place
from api.context import Context
from domain import keys
from domain.approvals import ApprovalPolicy, ApprovalRequirement, Ballot
from domain.billing.order_billing import Bill, Credit
from domain.catalogue import Plan, Price, Product
from domain.customers import Customer
from domain.facts import (
    ApprovalStatus,
    Event,
    HandOver,
    ItemStatus,
    OrderChange,
    OrderStatus,
    PaymentStatus,
    StepStatus,
)
from domain.fallout import Fallout, FalloutVerb, Subject
from domain.money import Money
from domain.orders import Order, OrderRequest
from domain.provisioning import CallbackStatus, PartnerCallback
from domain.roles import Principal, Role
from domain.states import ItemState, OrderState, PaymentState, ServiceState, StepState
from tests.bench.rows import pattern_of, seed
from tests.world import SAMPLES
from workers.embedded.postgres import Cluster
from workers.migrate import upgrade

FINISHED = 1_000
"""Seeded orders, of about thirty rows each."""

FIRST = 100_001
CUSTOMERS = [f"S-{number}" for number in range(1, 1001)]
NOW = datetime.now(UTC).replace(microsecond=0)
SHOP = Principal(key_id="key", name="shop", roles=[Role.admin])


@dataclass(frozen=True)
class Crowded:
    """A database with many orders. `order` is one more, accepted and not begun."""

    database: Database
    context: Context
    order: Order

    async def placed(self) -> Order:
        """Another one."""
        placed = await place(self.context, SHOP, request_of(CUSTOMERS[3]), f"key-{secrets.token_hex(4)}")
        return await _stored(self.database, placed.id)


def request_of(customer: str) -> OrderRequest:
    """A line, whose product has a capacity."""
    items = [{"id": "1", "product": "fibre", "plan": "fibre-500", "quantity": 1}]
    return OrderRequest.model_validate({"customer": customer, "currency": "EUR", "items": items})


@asynccontextmanager
async def crowded_database(cluster: Cluster) -> AsyncIterator[Crowded]:
    url = await cluster.create_database("crowded")
    await upgrade(url)
    database = Database(url)
    await _publish(database)
    context = Context(database, processes=None)  # type: ignore[arg-type]
    await _seed(database, context)
    placed = await place(context, SHOP, request_of(CUSTOMERS[7]), "first")
    yield Crowded(database, context, await _stored(database, placed.id))
    await database.close()


async def _stored(database: Database, order: str) -> Order:
    async with database.transaction() as connection:
        found = (await orders.get(connection, order)).order
    assert found is not None
    return found


async def _publish(database: Database) -> None:
    samples = yaml.safe_load((SAMPLES / "catalogue.yaml").read_text(encoding="utf-8"))
    async with database.transaction() as connection:
        for product in samples["products"]:
            limit = {"capacity": 10 * FINISHED} if product["id"] == "fibre" else {}
            await catalogue.publish(connection, Product.model_validate(product | limit), NOW)
        for plan in samples["plans"]:
            await catalogue.publish(connection, Plan.model_validate(plan), NOW)
        for price in samples["prices"]:
            await catalogue.publish(connection, Price.model_validate(price), NOW)
        for policy in samples["approval_policies"]:
            await policies.put(connection, ApprovalPolicy.model_validate(policy))
        for customer in ["C-1", *CUSTOMERS]:
            record = {"id": customer, "name": customer, "country": "DE", "verified": True, "payment_method": "tok_visa"}
            await customers.put(connection, Customer.model_validate(record), NOW)


async def _seed(database: Database, context: Context) -> None:
    """One order with a row in every table, many like it, and some of them still at work."""
    placed = await place(context, SHOP, request_of("C-1"), "pattern")
    async with database.transaction() as connection:
        stored = await orders.get(connection, placed.id)
        assert stored.order is not None
        await fulfil(connection, stored.order)
        await _call_back(connection, stored.order)
        pattern = await pattern_of(connection, placed.id)
        assert [table for table, rows in pattern.rows.items() if not rows] == []
        await seed(connection, pattern, FIRST, FIRST + FINISHED - 1, CUSTOMERS)
        await _some_at_work(connection)
        await _judged(connection)
        await _reported(connection)
        await _living(connection)
    engine = create_async_engine(database.url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("VACUUM ANALYZE"))
    await engine.dispose()


async def _judged(connection: Connection) -> None:
    """Each order counted by its customer and its card of the last month, and scored."""
    orders_ = {"first": FIRST, "last": FIRST + FINISHED - 1}
    seen = """
        INSERT INTO fraud_sightings (order_id, subject, currency, amount, at)
        SELECT 'O-' || n, kind || ':' || md5((n / 3)::text), 'EUR', 1000, now() - (n % 700) * interval '1 hour'
          FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n, unnest(ARRAY['card', 'customer']) kind
    """
    scored = """
        INSERT INTO fraud_scores (order_id, score, trouble, answered_at)
        SELECT 'O-' || n, n % 100, '', now() FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
    """
    for statement in (seen, scored):
        await connection.execute(text(statement), orders_)


async def _reported(connection: Connection) -> None:
    """Each subscription once began to be charged, and each invoice was once dunned, a day before the last."""
    began = """
        INSERT INTO recurring_revenue (subscription, number, movement, at, clock, currency, amount)
        SELECT id, 1, 'new', now() - row_number() OVER (ORDER BY id) * interval '1 day', '', 'EUR', 1000 FROM subscriptions
            ON CONFLICT DO NOTHING
    """
    dunned = """
        INSERT INTO dunning_openings (invoice, opening, clock, currency, opened_at, owed, paid_before, closed_at, result, lost)
        SELECT id, 1, '', 'EUR', at - interval '9 days', 1000, 0, at, 'lost', 1000
          FROM (SELECT id, now() - row_number() OVER (ORDER BY id) * interval '1 day' AS at FROM invoices) invoice
    """
    for statement in (began, dunned):
        await connection.execute(text(statement))


async def _living(connection: Connection) -> None:
    """Each subscription renews an hour after the one before, some have been due for hours, every other is on a test clock; each
    invoice was collected, and each subscription has a past."""
    due = """
        INSERT INTO due_rows (key, kind, subject, customer, clock, due_at, handed_at, payload)
        SELECT concat_ws(chr(58), id, 'renewal'), 'renewal', id, customer,
               CASE WHEN place % 2 = 0 THEN 'frozen' END, at, at, '{}'
          FROM (SELECT id, customer, place, now() + (place - 100) * interval '1 hour' AS at
                  FROM (SELECT id, customer, row_number() OVER (ORDER BY id) AS place FROM subscriptions) one) one
            ON CONFLICT (key) DO UPDATE SET clock = excluded.clock, due_at = excluded.due_at, handed_at = excluded.handed_at
    """
    collected = """
        INSERT INTO collections (key, invoice, number, customer, method, currency, amount, state, reason, begun_at)
        SELECT concat_ws(chr(58), id, 'payment', 1), id, 1, customer, 'tok_visa', 'EUR', 1000, 'paid', 'issued', now()
          FROM invoices
    """
    past = """
        INSERT INTO subscription_events (subscription, seq, key, type, at, recorded_at, actor, summary, data)
        SELECT id, n, concat('past', n), 'subscription.renewed', now(), now(), 'subscription', 'renewed', '{}'
          FROM subscriptions, generate_series(101, 103) n
    """
    for statement in (due, collected, past):
        await connection.execute(text(statement))


async def _some_at_work(connection: Connection) -> None:
    """One order in fifty waits: for a person, for capacity, or in fallout. Each was invoiced a second before the last."""
    some = f"(number - {FIRST}) % 50 = 0 AND number >= {FIRST}"
    for change in (
        "UPDATE dispatches SET sent_at = due_at",
        f"UPDATE orders SET state = 'pending', waiting_on = 'approval: order' WHERE {some}",
        f"UPDATE orders SET jeopardy = 'critical', blockers = '{{capacity:fibre}}' WHERE {some}",
        f"UPDATE fallout f SET open = true FROM orders o WHERE o.id = f.order_id AND {some}",
        f"UPDATE dispatches d SET sent_at = NULL FROM orders o WHERE o.id = d.subject AND {some}",
        "UPDATE invoices i SET gathered_at = gathered_at - o.number * interval '1 s' FROM orders o WHERE o.id = i.order_id",
    ):
        await connection.execute(text(change))


async def fulfil(connection: Connection, order: Order) -> None:
    """Everything that a finished order has written, as its workflow writes it."""
    await reserve(connection, order.id, order.items, ["fibre"])
    await grant(connection, keys.reference(order.id, "1"), order.customer.id, {"line.mbit": "500"}, NOW)
    await changes.record(connection, change_of(order))
    payment = keys.payment(order.id, 1)
    await bill_order(connection, Bill(order=order.id, items=["1"], payment=payment, total=order.total, at=NOW), "sandbox")
    back = Credit(order=order.id, item="1", refund=keys.refund(payment, "1"), amount=order.total, reason="kindness", at=NOW)
    await credit_item(connection, back, "sandbox")
    await changes.record(connection, OrderChange(order=order.id, customer=order.customer.id, status=_completed()))


def _completed() -> OrderStatus:
    return OrderStatus(state=OrderState.completed)


async def _call_back(connection: Connection, order: Order) -> None:
    callback = PartnerCallback(reference=keys.reference(order.id, "1"), status=CallbackStatus.completed)
    await inbox.receive(connection, "fibreworks", f"message-{order.id}", order.id, "1", callback, NOW)
    await dispatches.mark_sent(connection, [f"{order.id}:start"], NOW)


def change_of(order: Order, number: int = 1) -> OrderChange:
    """A change with something of everything."""
    money = {"amount": order.total, "authorized": order.total, "captured": order.total}
    steps = order.items[0].plan.steps
    kinds = [f"step.{state}:{step.id}" for step in steps for state in ("running", "done")]
    return OrderChange(
        order=order.id,
        customer=order.customer.id,
        events=[Event(key=f"{kind}:{number}", type="step", at=NOW, actor="turnup", summary=kind) for kind in kinds],
        status=OrderStatus(state=OrderState.in_progress),
        items=[ItemStatus(item="1", state=ItemState.in_progress, service=ServiceState.active, captured=True)],
        steps=[
            StepStatus(item="1", step=step.id, name=step.name, state=StepState.done, owner="network", stage="provision")
            for step in steps
        ],
        payments=[
            PaymentStatus(
                key=keys.payment(order.id, 1),
                number=1,
                state=PaymentState.captured,
                refunded=Money.zero(order.currency),
                **money,
            )
        ],
        approvals=[_approval()],
        fallout=[_fallout(order)],
        hand_overs=[_hand_over(order)],
    )


def _approval() -> ApprovalStatus:
    ballot = Ballot(requirement=ApprovalRequirement(reason="large", quorum=1, deadline=3600), placed_by="shop")
    return ApprovalStatus(subject="order", ballot=ballot, asked_at=NOW, deadline=NOW + timedelta(hours=1))


def _fallout(order: Order) -> Fallout:
    return Fallout(
        id=f"{order.id}:1:order:fallout:1",
        subject=Subject.step,
        title="stuck",
        owner="network",
        error="no answer",
        attempts=5,
        money_at_stake=order.total,
        opened_at=NOW,
        deadline=NOW + timedelta(days=1),
        verb=FalloutVerb.retry,
    )


def _hand_over(order: Order) -> HandOver:
    return HandOver(
        subscription=keys.subscription(order.id, "1"),
        order=order.id,
        item="1",
        customer=order.customer.id,
        product="fibre",
        plan="fibre-500",
        quantity=1,
        currency="EUR",
        activated_at=NOW,
    )
