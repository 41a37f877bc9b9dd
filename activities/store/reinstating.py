"""A subscription that ended for want of payment goes on, where all that is due of it is paid while its data is still kept."""

from datetime import datetime

from activities.store import (
    access_blocks,
    deprovisioning,
    dunning_cases,
    endings,
    invoices,
    life_policies,
    messages,
    pauses,
    subscription_lines,
    subscriptions,
    throttles,
)
from activities.store.database import Connection
from domain.billing.invoices import Invoice
from domain.facts import Event
from domain.messages import MessageFacts, MessageKind
from domain.states import SubscriptionState
from domain.subscriptions.ending import used_until
from domain.subscriptions.facts import EndReason, Subscription
from domain.subscriptions.pausing import given_back_from, gives_back, resumed
from domain.subscriptions.policies import EndingPolicy, PaidAfterwards, PausePolicy, Unused
from domain.subscriptions.suspension import NON_PAYMENT

WORKFLOW = "dunning"
AS_A_PAUSE = PausePolicy()
"""The time between is as a pause that was given back: what was billed of it is billed anew from when it goes on."""


async def after_payment(
    connection: Connection, subscription: Subscription, invoice: Invoice, now: datetime
) -> SubscriptionState | None:
    """None where nothing changes: also where it ended for another reason, the invoice was credited and not paid, more than a
    trifle is due, or its service is being taken down. The caller has locked its row."""
    ended_at, ending = subscription.ended_at, subscription.ending
    if ended_at is None or ending is None or ending.reason is not EndReason.unpaid or not invoice.paid:
        return None
    policy = await life_policies.get(connection, EndingPolicy)
    if policy.paid_afterwards is PaidAfterwards.settle:
        return None
    for owed in await subscription_lines.owed(connection, subscription.id, now.date()):
        if await dunning_cases.is_owed(connection, (await invoices.get(connection, owed)).invoice):
            return None
    if not await deprovisioning.call_off(connection, subscription):
        return None
    again = await _billed_anew(connection, subscription, ended_at, now, policy)
    await access_blocks.lift(connection, endings.ENDED, subscription.id, now)
    await access_blocks.lift(connection, pauses.PAUSED, subscription.id, now)  # a pause is over with the end
    await access_blocks.lift_of(connection, subscription.service, NON_PAYMENT, now)
    await pauses.drop(connection, subscription)
    reasons = tuple(reason for reason in subscription.suspended_for if reason != NON_PAYMENT)
    again = again.model_copy(
        update={
            "ended_at": None,
            "ending": None,
            "pausing": None,
            "suspended_for": reasons,
            "reinstated": subscription.reinstated + 1,
        }
    )
    event = Event(
        key=f"reinstated:{again.reinstated}",
        type="subscription.reinstated",
        at=now,
        actor=WORKFLOW,
        summary=f"goes on, since invoice {invoice.number} is paid and nothing is due any more",
    )
    key = f"{again.id}:restored:{invoice.id}:{now.isoformat()}"
    await messages.tell(connection, key, again.customer, MessageKind.restored, MessageFacts(plan=again.plan_name), now)
    await pauses.go_on_with_changes(connection, again, now)
    again, billing = await pauses.stop_billing(connection, again, now)
    state = await subscriptions.save(connection, again, [event, *billing], now)
    return (await throttles.lift(connection, again, now)).state(now) if again.throttled_for else state


async def _billed_anew(
    connection: Connection, subscription: Subscription, ended_at: datetime, now: datetime, policy: EndingPolicy
) -> Subscription:
    """Where nothing was given back, what was billed goes on as it was."""
    if policy.unused is Unused.nothing or not gives_back(subscription, AS_A_PAUSE):
        return subscription
    given = await subscription_lines.beyond(connection, subscription.id, used_until(subscription, ended_at))
    paused = given_back_from(subscription, ended_at, [each.line.id for each in given])
    return resumed(paused.model_copy(update={"paused_since": ended_at}), now, AS_A_PAUSE)
