"""Suspending a subscription and taking that back, by reason: access is closed and opened with the facts, in one transaction."""

from datetime import datetime

from activities.store import access_blocks, clocks, dunning_cases, invoices, messages, subscriptions, suspended_time
from activities.store.database import Connection
from domain.errors import Conflict
from domain.facts import Event
from domain.messages import MessageFacts, MessageKind
from domain.states import SubscriptionState
from domain.subscriptions.facts import Subscription
from domain.subscriptions.suspension import NON_PAYMENT, SuspendCommand, UnsuspendCommand

WORKFLOW = "dunning"


async def suspend_by_hand(connection: Connection, subscription: str, command: SuspendCommand) -> SubscriptionState:
    """Again changes nothing. Raises NotFound, and Conflict where it has ended."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    facts = stored.subscription
    if facts.ended_at is not None:
        raise Conflict(f"subscription {subscription} ended on {facts.ended_at:%Y-%m-%d}")
    if command.reason in facts.suspended_for:
        return stored.state
    now = await clocks.business_now(connection, facts.customer)
    event = Event(
        key=f"suspended:{command.reason}:{stored.version}",
        type="subscription.suspended",
        at=now,
        actor=command.by,
        summary=f"suspended ({command.reason}{': ' + command.words if command.words else ''})",
    )
    return await suspend(connection, facts, command.reason, facts.id, event, now)


async def unsuspend_by_hand(connection: Connection, subscription: str, command: UnsuspendCommand) -> SubscriptionState:
    """Lift this reason alone; where it does not hold, nothing changes. Raises NotFound."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    if command.reason not in stored.subscription.suspended_for:
        return stored.state
    now = await clocks.business_now(connection, stored.subscription.customer)
    return await lift(connection, stored.subscription, command.reason, f"{stored.version}", command.by, now)


async def suspend(
    connection: Connection, subscription: Subscription, reason: str, source: str, event: Event, now: datetime
) -> SubscriptionState:
    """The caller has locked its row. `source` is what the reason came from."""
    await access_blocks.block(connection, [subscription.service], reason, source, now)
    reasons = tuple(dict.fromkeys((*subscription.suspended_for, reason)))
    is_first = not subscription.suspended_for and subscription.billing_stop is None
    changed, billing = await suspended_time.begins(connection, subscription, now) if is_first else (subscription, [])
    changed = changed.model_copy(update={"suspended_for": reasons})
    return await subscriptions.save(connection, changed, [event, *billing], now)


async def lift(
    connection: Connection, subscription: Subscription, reason: str, because: str, by: str, now: datetime
) -> SubscriptionState:
    """The reason is gone, wherever it came from; what else stands in the way still does. The caller has locked its row."""
    await access_blocks.lift_of(connection, subscription.service, reason, now)
    left = tuple(each for each in subscription.suspended_for if each != reason)
    still = f"; still suspended for {', '.join(left)}" if left else ""
    event = Event(
        key=f"unsuspended:{reason}:{because}",
        type="subscription.unsuspended",
        at=now,
        actor=by,
        summary=f"no longer suspended for {reason.replace('_', ' ')}{still}",
    )
    changed, billing = (subscription, []) if left else await suspended_time.is_over(connection, subscription, now)
    return await subscriptions.save(connection, changed.model_copy(update={"suspended_for": left}), [event, *billing], now)


async def for_want_of_payment(
    connection: Connection, subscription: Subscription, invoice: str, opening: int, facts: MessageFacts, now: datetime
) -> SubscriptionState:
    """Close access for an invoice over it, and tell the customer. Again changes nothing."""
    event = Event(
        key=f"suspended:{invoice}:{opening}",
        type="subscription.suspended",
        at=now,
        actor=WORKFLOW,
        summary=f"suspended, since invoice {facts.invoice} is not paid",
    )
    if NON_PAYMENT not in subscription.suspended_for:
        key = f"{subscription.id}:suspended:{invoice}:{opening}"
        await messages.tell(connection, key, subscription.customer, MessageKind.suspended, facts, now)
    return await suspend(connection, subscription, NON_PAYMENT, invoice, event, now)


async def after_payment(
    connection: Connection, subscription: Subscription, invoice: str, now: datetime
) -> SubscriptionState | None:
    """Open access that was closed for want of payment, once all that is due for the subscription is paid or given up, but for
    trifles. None where nothing changes."""
    if NON_PAYMENT not in subscription.suspended_for or subscription.owed or subscription.ended_at is not None:
        return None
    for block in await access_blocks.of_service(connection, subscription.service):
        if block.reason != NON_PAYMENT or block.lifted_at is not None:
            continue
        if await dunning_cases.is_owed(connection, (await invoices.get(connection, block.source)).invoice):
            return None
    state = await lift(connection, subscription, NON_PAYMENT, f"{invoice}:{now.isoformat()}", WORKFLOW, now)
    key = f"{subscription.id}:restored:{invoice}:{now.isoformat()}"
    facts = MessageFacts(plan=subscription.plan_name)
    await messages.tell(connection, key, subscription.customer, MessageKind.restored, facts, now)
    return state
