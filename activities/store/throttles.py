"""A service that is to be slower for a while, a softer step than closing it: decided with the facts, done at its systems by the
process that follows its access."""

from datetime import datetime

from sqlalchemy import text

from activities.store import due_rows, dunning_cases, invoices, messages, subscriptions
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from domain.facts import Event
from domain.messages import MessageFacts, MessageKind
from domain.states import SubscriptionState
from domain.subscriptions.facts import Subscription

WORKFLOW = "dunning"
THROTTLE = "throttle"
"""Says in a due row that it is about the service's speed, where it would be about its access."""
_TURN = text("""
    UPDATE services SET throttle_changes = throttle_changes + 1
     WHERE id = :service AND ended_at IS NULL AND (throttle_changes % 2 = 1) IS DISTINCT FROM :throttled
    RETURNING id
""")


async def for_want_of_payment(
    connection: Connection, subscription: Subscription, invoice: str, opening: int, facts: MessageFacts, now: datetime
) -> SubscriptionState:
    """Slow its service down for an invoice over it, and tell the customer. Again changes nothing. The caller has locked its
    row."""
    if invoice in subscription.throttled_for:
        return subscription.state(now)
    if not subscription.throttled_for:
        await _turn(connection, subscription, True, now)
        key = f"{subscription.id}:throttled:{invoice}:{opening}"
        await messages.tell(connection, key, subscription.customer, MessageKind.throttled, facts, now)
    words = f"slowed down, since invoice {facts.invoice} is not paid"
    event = _event(f"throttled:{invoice}:{opening}", "throttled", now, words)
    changed = subscription.model_copy(update={"throttled_for": (*subscription.throttled_for, invoice)})
    return await subscriptions.save(connection, changed, [event], now)


async def after_payment(connection: Connection, subscription: Subscription, now: datetime) -> Subscription:
    """As it is once all that is due for it is paid or given up: at full speed again."""
    if not subscription.throttled_for or subscription.owed or subscription.ended_at is not None:
        return subscription
    for invoice in subscription.throttled_for:
        if await dunning_cases.is_owed(connection, (await invoices.get(connection, invoice)).invoice):
            return subscription
    return await lift(connection, subscription, now)


async def lift(connection: Connection, subscription: Subscription, now: datetime) -> Subscription:
    """The caller has locked its row."""
    if not subscription.throttled_for:
        return subscription
    await _turn(connection, subscription, False, now)
    changed = subscription.model_copy(update={"throttled_for": ()})
    event = _event(f"unthrottled:{now.isoformat()}", "unthrottled", now, "no longer slowed down")
    await subscriptions.save(connection, changed, [event], now)
    return changed


async def _turn(connection: Connection, subscription: Subscription, throttled: bool, now: datetime) -> None:
    turned = await connection.execute(_TURN, {"service": subscription.service, "throttled": throttled})
    if turned.scalar() is None:
        return
    row = DueRow(
        key=f"{subscription.service}:{THROTTLE}",
        kind=Kind.access,
        subject=subscription.service,
        customer=subscription.customer,
        due_at=now,
        payload={"about": THROTTLE},
    )
    await due_rows.put(connection, [row])


def _event(key: str, kind: str, at: datetime, summary: str) -> Event:
    return Event(key=key, type=f"subscription.{kind}", at=at, actor=WORKFLOW, summary=summary)
