"""What a subscription is to be charged, period after period, each computed from its anchor and charged once."""

from collections.abc import Iterator
from datetime import datetime

from domain.billing.calendar import Period, ServicePeriod
from domain.billing.lines import InvoiceLine, line_key, portion_of
from domain.billing.proration import Proration, charge_for_service, service_measures
from domain.billing.rates import rate
from domain.catalogue import OneTimeCharge, Per, RecurringCharge, Timing, UsageCharge
from domain.subscriptions.facts import Progress, Subscription
from domain.subscriptions.policies import MissedCycles
from domain.values import Value


class DuePeriod(Value):
    """The `number`-th period of a charge, which is to be billed."""

    charge: str
    number: int
    service: ServicePeriod


class Renewal(Value):
    """What a renewal at some instant comes to: the subscription with its progress, what is charged, and what is waived."""

    subscription: Subscription
    charged: tuple[DuePeriod, ...] = ()
    waived: tuple[DuePeriod, ...] = ()


def renewed(subscription: Subscription, now: datetime, missed: MissedCycles = MissedCycles.one) -> Renewal:
    """Bill all charges up to `now`. Nothing is due again once it is: doing it twice charges nothing the second time. An end
    that is decided is the end of what is billed."""
    charged: list[DuePeriod] = []
    waived: list[DuePeriod] = []
    progress: list[Progress] = []
    for each in subscription.progress:
        due = list(_due(subscription, each, now))
        kept = _kept(due, missed)
        charged += kept
        waived += [period for period in due if period not in kept]
        last = due[-1] if due else None
        moved = {"number": last.number + 1, "until": last.service.end} if last else {}
        progress.append(each.model_copy(update=moved))
    changed = subscription.model_copy(update={"progress": tuple(progress)})
    return Renewal(subscription=changed, charged=tuple(charged), waived=tuple(waived))


def next_renewal(subscription: Subscription) -> datetime | None:
    """When the next period is to be billed; None where nothing recurs any more."""
    return min((_billed_at(subscription, period) for period in _next(subscription)), default=None)


def upcoming(subscription: Subscription) -> list[DuePeriod]:
    """What is billed at the next renewal."""
    at = next_renewal(subscription)
    return [period for period in _next(subscription) if _billed_at(subscription, period) == at]


def _next(subscription: Subscription) -> list[DuePeriod]:
    """The next period of each charge."""
    if subscription.ended_at is not None or subscription.paused_since is not None:
        return []
    return list(filter(None, (_period(subscription, each) for each in subscription.progress)))


def line_of(subscription: Subscription, due: DuePeriod) -> InvoiceLine:
    """What the period costs, as a line of an invoice, before discounts and tax."""
    charge = charge_of(subscription, due.charge)
    proration = Proration(policy=subscription.price.proration, timezone=subscription.timezone)
    rated = rate(charge.model, subscription.quantity)
    portions = map(portion_of, service_measures(due.service, proration))
    return InvoiceLine(
        id=line_key(subscription.id, subscription.item, due.charge, subscription.price.version, due.number),
        subscription=subscription.id,
        item=subscription.item,
        plan=subscription.plan,
        product=subscription.product,
        charge=due.charge,
        description=f"{subscription.plan_name}: {charge.name}",
        period=Period(start=due.service.start, end=due.service.end),
        price_version=subscription.price.version,
        quantity=subscription.quantity if charge.per is Per.unit or charge.rate is not None else 1,
        tiers=rated.bands,
        portions=tuple(portion for portion in portions if portion is not None),
        amount=charge_for_service(rated.amount, subscription.currency, due.service, proration),
        tax_inclusive=subscription.price.tax_inclusive,
    )


def charge_of(subscription: Subscription, charge: str) -> RecurringCharge:
    """ValueError where its price has no such charge that recurs."""
    for index, each in enumerate(subscription.price.charges):
        if subscription.price.charge_id(index) == charge and not isinstance(each, OneTimeCharge | UsageCharge):
            return each
    raise ValueError(f"charge: {charge!r} of subscription {subscription.id} is none that recurs")


def _due(subscription: Subscription, progress: Progress, now: datetime) -> Iterator[DuePeriod]:
    period = _period(subscription, progress)
    while period is not None and _billed_at(subscription, period) <= now:
        yield period
        progress = progress.model_copy(update={"number": period.number + 1, "until": period.service.end})
        period = _period(subscription, progress)


def _period(subscription: Subscription, progress: Progress) -> DuePeriod | None:
    """The next period of a charge; None where the subscription ends before it. The last one ends with the subscription."""
    charge = charge_of(subscription, progress.charge)
    schedule = charge.schedule(progress.anchor, subscription.timezone)
    service = schedule.at(progress.until)
    end = subscription.ending.at if subscription.ending else None
    if end is not None and end <= progress.until:
        return None
    if end is not None and end < service.end:
        service = schedule.final(end)
    return DuePeriod(charge=progress.charge, number=progress.number, service=service)


def _billed_at(subscription: Subscription, due: DuePeriod) -> datetime:
    in_arrears = charge_of(subscription, due.charge).timing is Timing.arrears
    return due.service.end if in_arrears else due.service.start


def _kept(due: list[DuePeriod], missed: MissedCycles) -> list[DuePeriod]:
    if len(due) < 2 or missed is MissedCycles.each:
        return due
    return due[-1:] if missed is MissedCycles.one else []
