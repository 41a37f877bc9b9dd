"""A service that has ended is closed, and taken down for good once its data was kept long enough."""

from datetime import datetime, timedelta

from sqlalchemy import update

from activities.store import capacity, clocks, due_rows, entitlements, life_policies, orders, services, subscriptions
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.order_facts import ENTITLEMENTS
from activities.store.tables.services import services as table
from domain.catalogue import Plan
from domain.facts import Event
from domain.orders import Order, OrderItem
from domain.plans import Step
from domain.provisioning import ProvisionRequest, Verb
from domain.states import ServiceState
from domain.subscriptions.facts import Subscription
from domain.subscriptions.policies import EndingPolicy

HELD_FOR = timedelta(days=1)
"""How long a legal hold puts the end of the data off each time it is looked at."""
LATER = timedelta(hours=1)
"""How long it rests once a system has not done it in spite of all tries."""
SUSPEND, TERMINATE = "suspend", "terminate"
WORKFLOW = "deprovision"


class Asked(ProvisionRequest):
    """One call to the system that built a part of the service."""

    adapter: str


async def look(connection: Connection, key: str) -> tuple[list[Asked], str]:
    """What a due row asks for; nothing, with the reason in words, where it is done or kept by a legal hold."""
    row = await due_rows.get(connection, key)
    if row is None:
        return [], "done before"
    stored = await subscriptions.get(connection, row.subject, lock=True)
    subscription = stored.subscription
    if subscription.ended_at is None:
        await due_rows.remove(connection, [key])
        return [], f"subscription {subscription.id} goes on"
    if _phase(key) == TERMINATE and subscription.legal_hold:
        now = await clocks.business_now(connection, subscription.customer)
        await due_rows.put(connection, [row.model_copy(update={"due_at": now + HELD_FOR})])
        return [], f"kept by a legal hold: {subscription.legal_hold}"
    order = (await orders.get(connection, subscription.order)).order
    return [] if order is None else _asked(order, subscription, Verb(_phase(key))), ""


def _asked(order: Order, subscription: Subscription, verb: Verb) -> list[Asked]:
    """One call to each system that built a part of it, the last one first."""
    item = order.item(subscription.item)
    if item is None:
        return []
    asked = request(subscription, item, verb, f"{subscription.id}:{verb}")
    return [
        Asked(adapter=adapter, **dict(asked.model_copy(update={"key": f"{asked.key}:{adapter}"})))
        for adapter in reversed(builders(item.plan))
    ]


def request(subscription: Subscription, item: OrderItem, verb: Verb, key: str) -> ProvisionRequest:
    """What a system that built a part of the service is asked, of the service as it is."""
    return ProvisionRequest(
        verb=verb,
        key=key,
        reference=subscription.service,
        customer=subscription.customer,
        product=subscription.product,
        plan=subscription.plan,
        quantity=subscription.quantity,
        characteristics=item.characteristics,
        remote_id=subscription.remote_id,
    )


def builders(plan: Plan) -> list[str]:
    """The systems that build a part of a service, each once, the first first."""
    return list(dict.fromkeys(step.adapter for step in plan.steps if step.adapter is not None and _builds(step)))


def _builds(step: Step) -> bool:
    """Our own entitlements are closed and revoked in the transactions here."""
    return step.adapter not in {None, ENTITLEMENTS} and step.verb in {Verb.create, Verb.activate}


async def try_again(connection: Connection, key: str, trouble: str) -> str:
    """It could not be done, and is due again in an hour. When, in words."""
    row = await due_rows.get(connection, key)
    if row is None:
        return "done before"
    again = await clocks.business_now(connection, row.customer) + LATER
    await due_rows.put(connection, [row.model_copy(update={"due_at": again})])
    await due_rows.failed(connection, key, trouble)
    return f"{trouble}; it is tried again at {again:%Y-%m-%d %H:%M} UTC"


async def done(connection: Connection, key: str) -> str:
    """Again changes nothing."""
    row = await due_rows.get(connection, key)
    if row is None:
        return "done before"
    subscription = (await subscriptions.get(connection, row.subject, lock=True)).subscription
    now = await clocks.business_now(connection, subscription.customer)
    await due_rows.remove(connection, [key])
    if _phase(key) == TERMINATE:
        return await _terminated(connection, subscription, now)
    suspended = update(table).where(table.c.id == subscription.service, table.c.state == ServiceState.active)
    await connection.execute(suspended.values(state=ServiceState.suspended))
    policy = await life_policies.get(connection, EndingPolicy)
    until = (subscription.ended_at or now) + policy.retention
    await due_rows.put(connection, [_row(subscription, TERMINATE, max(until, now))])
    return await _say(connection, subscription, "closed", f"access is closed; its data is kept until {until:%Y-%m-%d}", now)


async def _terminated(connection: Connection, subscription: Subscription, now: datetime) -> str:
    await entitlements.revoke(connection, subscription.service, now)
    await services.end(connection, subscription.service, now)
    await capacity.release(connection, subscription.order, [subscription.item], now)
    return await _say(connection, subscription, "terminated", "the service is taken down, and seen to be gone", now)


async def _say(connection: Connection, subscription: Subscription, kind: str, words: str, now: datetime) -> str:
    event = Event(key=f"service:{kind}", type=f"service.{kind}", at=now, actor=WORKFLOW, summary=words)
    await subscriptions.append(connection, subscription.id, [event])
    return f"subscription {subscription.id}: {words}"


def begin(subscription: Subscription, now: datetime) -> DueRow:
    """Have the service closed at `now`; the rest follows from it."""
    return _row(subscription, SUSPEND, now)


def _row(subscription: Subscription, phase: str, at: datetime) -> DueRow:
    key = f"{subscription.id}:deprovision:{phase}"
    return DueRow(key=key, kind=Kind.deprovision, subject=subscription.id, customer=subscription.customer, due_at=at)


def _phase(key: str) -> str:
    return key.rpartition(":")[2]
