"""Billing stops when a subscription is suspended and goes on when it is not any more, where the policy says so."""

from collections.abc import Collection
from datetime import datetime

from activities.store import billables, catalogue, due_rows, endings, life_policies, subscription_lines
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.subscription_lines import BilledLine
from domain.billing.gathering import Billable
from domain.billing.invoice_states import InvoiceState
from domain.facts import Event
from domain.subscriptions.facts import BillingStop, Ending, EndReason, Subscription
from domain.subscriptions.policies import RenewalPolicy, SuspendedTime, SuspensionPolicy
from domain.subscriptions.renewal import is_stopped, line_of, renewed
from domain.subscriptions.suspended_time import going_on, stop_of

WORKFLOW = "subscription"


async def begins(connection: Connection, subscription: Subscription, now: datetime) -> tuple[Subscription, list[Event]]:
    """It is suspended for the first of its reasons. What is charged afterwards is charged up to now."""
    stop = stop_of(subscription, now, await life_policies.get(connection, SuspensionPolicy))
    if stop is None or subscription.paused_since is not None:
        return subscription, []
    stopped = subscription.model_copy(update={"billing_stop": stop})
    if stop.mode is SuspendedTime.stop:
        left = await endings.without_what_follows(connection, subscription, now)
        stopped = left.model_copy(update={"billing_stop": stop})
    closing = {each.charge for each in stopped.progress if is_stopped(stopped, each)}
    billed = await bill_until(connection, stopped.model_copy(update={"billing_stop": None}), now, now, closing)
    words = "nothing is billed from now on" if stop.mode is SuspendedTime.stop else "what is billed from now on is given back"
    event = _event("billing_stopped", now, f"{words}, as long as it is suspended")
    return billed.model_copy(update={"billing_stop": stop}), [event]


async def is_over(connection: Connection, subscription: Subscription, now: datetime) -> tuple[Subscription, list[Event]]:
    """Nothing keeps it suspended any more."""
    stop = subscription.billing_stop
    if stop is None:
        return subscription, []
    if stop.mode is SuspendedTime.credit:
        await _give_back(connection, subscription, stop, now)
    event = _event("billing_goes_on", now, f"it is billed again; {stop.since:%Y-%m-%d %H:%M} UTC to now is not charged")
    return going_on(subscription, now), [event]


async def bill_until(
    connection: Connection, subscription: Subscription, at: datetime, now: datetime, charges: Collection[str] | None = None
) -> Subscription:
    """What is charged afterwards is charged up to `at`; only these `charges`, where they are given."""
    policy = await life_policies.get(connection, RenewalPolicy)
    own = tuple(each for each in subscription.progress if charges is None or each.charge in charges)
    until = Ending(at=at, reason=EndReason.requested, by="")
    part = len(own) < len(subscription.progress)
    later = [] if part else await catalogue.moving(connection, subscription)
    made = renewed(subscription.model_copy(update={"ending": until, "progress": own}), at, policy.missed_cycles, later)
    lines = [line_of(made.subscription, due) for due in made.charged]
    entity = subscription.legal_entity
    charged = [
        Billable(line=line, customer=subscription.customer, legal_entity=entity, due_at=now) for line in lines if line.amount
    ]
    await billables.add(connection, charged)
    if not part:
        return made.subscription.model_copy(update={"ending": subscription.ending})
    progress = tuple(made.subscription.progress_of(each.charge) or each for each in subscription.progress)
    return subscription.model_copy(update={"progress": progress})


async def _give_back(connection: Connection, subscription: Subscription, stop: BillingStop, now: datetime) -> None:
    """Have what was billed for the suspension credited, invoice by invoice; what none has issued yet, once one has."""
    found = await subscription_lines.beyond(connection, subscription.id, stop.since)
    by_invoice: dict[str, list[str]] = {}
    for each in found:
        if _is_charged(each, subscription, now):
            by_invoice.setdefault(each.invoice or each.line.id, []).append(each.line.id)
    rows = [
        DueRow(
            key=f"{subscription.id}:unused:{name}:{stop.since:%Y%m%d%H%M%S}",
            kind=Kind.unused,
            subject=subscription.id,
            customer=subscription.customer,
            due_at=now,
            payload={"at": stop.since.isoformat(), "until": now.isoformat(), "lines": " ".join(lines)},
        )
        for name, lines in by_invoice.items()
    ]
    await due_rows.put(connection, rows)


def _is_charged(billed: BilledLine, subscription: Subscription, now: datetime) -> bool:
    """Whether it charges some time before now, of which nothing was given back."""
    period = billed.line.period
    gone = billed.state is InvoiceState.voided or billed.line.id in subscription.given_back
    return not gone and billed.line.gives_back is None and period is not None and period.start < now


def _event(kind: str, at: datetime, summary: str) -> Event:
    return Event(key=f"{kind}:{at.isoformat()}", type=f"subscription.{kind}", at=at, actor=WORKFLOW, summary=summary)
