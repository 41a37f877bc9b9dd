"""How a subscription ends: when at the earliest, what an early end costs, and what of it was paid for and not used."""

from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from domain.billing.calendar import Period
from domain.billing.debits import Debit, PeriodCredit, credit_for
from domain.billing.exact import decimal_of, rounded
from domain.billing.lines import InvoiceLine
from domain.billing.proration import Basis, Cut, Part, Proration, fraction_of
from domain.billing.rates import rate
from domain.catalogue import Timing
from domain.errors import Conflict
from domain.money import Money, total
from domain.subscriptions.commands import Ordered
from domain.subscriptions.facts import Ending, EndReason, Progress, Subscription
from domain.subscriptions.policies import EndingPolicy, SuspendedTime
from domain.subscriptions.renewal import charge_of
from domain.values import Instant, StrictValue, Value

MOMENT = timedelta(microseconds=1)
EARLY_END = "early-end"
"""What the fee for ending before the minimum term is charged as."""


class When(StrEnum):
    now = "now"
    period_end = "period_end"
    """The end of what is billed: nothing is given back."""


class CancelCommand(StrictValue):
    """End a subscription `when`: now, at the end of its period, or at a date. `version` is the one it was seen at; `shown` the
    digest of the preview that it has to agree with, and `as_of` the instant which that was computed for. `ordered` is there
    where an order asks for it."""

    when: When | Instant = When.period_end
    by: Annotated[str, Field(min_length=1, max_length=120)]
    words: Annotated[str, Field(max_length=500)] = ""
    reason: EndReason = EndReason.requested
    version: int | None = None
    as_of: Instant | None = None
    shown: Annotated[str, Field(max_length=200)] | None = None
    ordered: Ordered | None = None


class Cancellation(Value):
    """What a cancellation comes to. `given_back` is what was billed beyond the end: it is taken off what is still due, and what
    was paid of it becomes the customer's credit. `fee` is for ending before the minimum term is over. Both with their tax where
    the price is with tax, without it otherwise."""

    subscription: str
    at: Instant
    given_back: Money
    fee: Money
    access_until: Instant
    data_until: Instant


def ends_at(subscription: Subscription, command: CancelCommand, now: datetime, policy: EndingPolicy) -> datetime:
    """When it ends. Conflict for a date that is past, or within the period of notice."""
    if command.when is When.period_end:
        return period_end(subscription, now, now + policy.notice)
    at = now if command.when is When.now else command.when
    at = max(at, now) if command.ordered is not None else at  # an order may have waited beyond the date
    earliest = now + policy.notice
    if command.when is not When.now and at < now:
        raise Conflict(f"it cannot end at {at:%Y-%m-%d %H:%M} UTC, which is past; now is {now:%Y-%m-%d %H:%M} UTC")
    if at < earliest:
        days = policy.notice.days
        raise Conflict(f"notice of {days} days is to be given: it can end at {earliest:%Y-%m-%d %H:%M} UTC at the earliest")
    return at


def period_end(subscription: Subscription, now: datetime, earliest: datetime | None = None) -> datetime:
    """The first end, at `earliest` or later, of what is billed in advance or of a period that is charged afterwards; now where
    nothing recurs. A period that is due to begin and is not billed yet is not begun any more."""
    earliest = earliest or now
    ends = [_period_end(subscription, each, now, earliest) for each in subscription.progress]
    return max(ends, default=earliest)


def _period_end(subscription: Subscription, progress: Progress, now: datetime, earliest: datetime) -> datetime:
    charge = charge_of(subscription, progress.charge)
    end = progress.until
    if charge.timing is Timing.advance and earliest == now:
        return end
    schedule = charge.schedule(progress.anchor, subscription.timezone)
    return end if end >= earliest else schedule.at(max(earliest - MOMENT, progress.anchor)).end


def early_fee(subscription: Subscription, at: datetime, policy: EndingPolicy) -> Money:
    """What is due for ending before the minimum term is over: a percentage of what the rest of it would have cost, rounded
    once, half up. Without tax, where the price is without."""
    term_ends = subscription.started_at + policy.minimum_term
    if at >= term_ends or not policy.early_fee_percent:
        return Money.zero(subscription.currency)
    rest = Fraction(0)
    for each in subscription.progress:
        charge = charge_of(subscription, each.charge)
        amount = Fraction(rate(charge.model, subscription.quantity).amount)
        schedule = charge.schedule(each.anchor, subscription.timezone)
        start = max(at, each.anchor)
        while start < term_ends:
            whole = schedule.whole(start)
            part = Part(start=start, end=min(whole.end, term_ends), starts=Cut.start, ends=Cut.termination)
            rest += amount * fraction_of(part, whole, _proration(subscription))
            start = whole.end
    return rounded(decimal_of(rest * Fraction(policy.early_fee_percent) / 100), subscription.currency)


def fee_line(subscription: Subscription, fee: Money) -> InvoiceLine:
    return InvoiceLine(
        id=f"{subscription.id}:{EARLY_END}",
        subscription=subscription.id,
        item=subscription.item,
        plan=subscription.plan,
        product=subscription.product,
        charge=EARLY_END,
        description=f"{subscription.plan_name}: ended before its minimum term",
        price_version=subscription.price.version,
        amount=fee,
        tax_inclusive=subscription.price.tax_inclusive,
    )


def unused(subscription: Subscription, debit: Debit, at: datetime, until: datetime | None = None) -> PeriodCredit | None:
    """What of a billed period lies beyond the end, or between `at` and `until`, in the price's proration; None where nothing
    does."""
    start, end = max(at, debit.period.start), min(until or debit.period.end, debit.period.end)
    if end <= start or subscription.price.proration.by is Basis.none:
        return None
    part = Part(start=start, end=end, starts=Cut.termination, ends=Cut.start)
    return credit_for(debit, part, (), _proration(subscription))


def used_until(subscription: Subscription, at: datetime) -> datetime:
    """Up to when one that ends `at` may be charged: not for a pause that it ends in, nor for a suspension whose time is given
    back."""
    stop = subscription.billing_stop
    since = stop.since if stop is not None and stop.mode is SuspendedTime.credit else at
    return min(subscription.paused_since or at, since, at)


def given_back(credited: list[PeriodCredit], currency: str) -> Money:
    """With tax."""
    return total([each.gross + each.unpaid for each in credited], currency)


def scheduled(subscription: Subscription, command: CancelCommand, at: datetime) -> Subscription:
    ending = Ending(at=at, reason=command.reason, by=command.by, words=command.words)
    return subscription.model_copy(update={"ending": ending})


def _proration(subscription: Subscription) -> Proration:
    return Proration(policy=subscription.price.proration, timezone=subscription.timezone)


def overlaps(period: Period | None, at: datetime) -> bool:
    """Whether a billed period goes on beyond the end."""
    return period is not None and period.end > at
