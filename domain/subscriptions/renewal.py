"""What a subscription is to be charged, period after period, each computed from its anchor and charged once."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from domain.billing.calendar import Period, ServicePeriod, Share
from domain.billing.exact import decimal_of, rounded
from domain.billing.lines import InvoiceLine, line_key, portions_of
from domain.billing.proration import Basis, Cut, Measured, PartOf, Proration, measured, parts_of
from domain.billing.rates import rate
from domain.catalogue import Per, Price, RecurringCharge, Timing
from domain.subscriptions.facts import Progress, Subscription
from domain.subscriptions.moved_prices import Move, move_of, moved, price_at, recurring, repriced
from domain.subscriptions.policies import MissedCycles, SuspendedTime
from domain.values import Value


class DuePeriod(Value):
    """The `number`-th period of a charge, to be billed by `price`; by the subscription's where that is left out. `starts`
    and `ends` say why, where it is a part of one."""

    charge: str
    number: int
    service: ServicePeriod
    price: Price | None = None
    starts: Cut = Cut.start
    ends: Cut = Cut.termination


class Renewal(Value):
    """What a renewal at some instant comes to: the subscription with its progress, what is charged, and what is waived."""

    subscription: Subscription
    charged: tuple[DuePeriod, ...] = ()
    waived: tuple[DuePeriod, ...] = ()


class _Charged(Value):
    """One charge billed up to an instant: how it goes on, None where it does not, what became due of it, and how it was moved
    to later versions of its price."""

    goes_on: Progress | None
    due: tuple[DuePeriod, ...]
    moves: tuple[Move, ...]


def renewed(
    subscription: Subscription, now: datetime, missed: MissedCycles = MissedCycles.one, later: Sequence[Price] = ()
) -> Renewal:
    """Bill all charges up to `now`. Nothing is due again once it is: doing it twice charges nothing the second time. An end
    that is decided is the end of what is billed, and nothing is while it is paused. `later` are versions of its price that move
    existing subscriptions: a period goes by the one that holds when it begins."""
    known = [_charged(subscription, each, now, later) for each in subscription.progress]
    going_on = [each.goes_on for each in known if each.goes_on is not None]
    changed = repriced(subscription, going_on, [move for each in known for move in each.moves])
    fresh = [_charged(changed, each, now, ()) for each in changed.progress[len(going_on) :]]
    begun = [each.goes_on for each in fresh if each.goes_on is not None]
    progress = (*changed.progress[: len(going_on)], *begun)
    due = [(each.due, _kept(each.due, missed)) for each in [*known, *fresh]]
    return Renewal(
        subscription=changed.model_copy(update={"progress": progress}),
        charged=tuple(period for _, kept in due for period in kept),
        waived=tuple(period for whole, kept in due for period in whole if period not in kept),
    )


def next_renewal(subscription: Subscription) -> datetime | None:
    """When the next period is to be billed; None where nothing recurs any more."""
    return min((_billed_at(subscription, period) for period in following(subscription)), default=None)


def upcoming(subscription: Subscription, later: Sequence[Price] = ()) -> list[DuePeriod]:
    """What is billed at the next renewal, which may move it to one of `later`, as far as they are known."""
    at = next_renewal(subscription)
    return [] if at is None else list(renewed(subscription, at, MissedCycles.each, later).charged)


def following(subscription: Subscription) -> list[DuePeriod]:
    """The next period of each charge that is billed again."""
    if subscription.ended_at is not None or subscription.paused_since is not None:
        return []
    return list(filter(None, (_period(subscription, each) for each in subscription.progress)))


def line_of(subscription: Subscription, due: DuePeriod) -> InvoiceLine:
    """What the period costs, as a line of an invoice, before discounts and tax."""
    price = due.price or subscription.price_of(due.charge)
    charge = _charge(subscription, price, due.charge)
    proration = Proration(policy=price.proration, timezone=subscription.timezone)
    rated = rate(charge.model, subscription.quantity)
    parts = parts_of(due.service, due.starts, due.ends)
    measures = _measures(parts, proration)
    fraction = sum((each.fraction for each in measures), Fraction(0))
    return InvoiceLine(
        id=line_key(subscription.id, subscription.item, due.charge, price.version, due.number),
        subscription=subscription.id,
        item=subscription.item,
        plan=subscription.plan,
        product=subscription.product,
        charge=due.charge,
        description=f"{subscription.plan_name}: {charge.name}",
        period=Period(start=due.service.start, end=due.service.end),
        price_version=price.version,
        quantity=subscription.quantity if charge.per is Per.unit or charge.rate is not None else 1,
        tiers=rated.bands,
        portions=portions_of(measures),
        shares=() if due.service.full else parts,
        amount=rounded(decimal_of(Fraction(rated.amount) * fraction), subscription.currency),
        tax_inclusive=price.tax_inclusive,
    )


def _measures(parts: Sequence[PartOf], proration: Proration) -> list[Measured]:
    """How much of each full period is charged; where nothing is prorated, any part counts as one."""
    if proration.policy.by is Basis.none:
        return [Measured(1, 1, Basis.none)] if parts else []
    return [measured(each.part, each.whole, proration) for each in parts]


def charge_of(subscription: Subscription, charge: str) -> RecurringCharge:
    """ValueError where its price has no such charge that recurs."""
    return _charge(subscription, subscription.price_of(charge), charge)


def _charge(subscription: Subscription, price: Price, charge: str) -> RecurringCharge:
    found = recurring(price).get(charge)
    if found is None:
        raise ValueError(f"charge: {charge!r} of subscription {subscription.id} is none that recurs")
    return found


def _charged(subscription: Subscription, progress: Progress, now: datetime, later: Sequence[Price]) -> _Charged:
    goes_on: Progress | None = progress
    due: list[DuePeriod] = []
    moves: list[Move] = []
    begins = _timing(subscription, progress) is Timing.advance
    while goes_on is not None and goes_on.until <= now and not _is_over(subscription, goes_on):
        if begins and (move := move_of(subscription, goes_on, later)):
            moves.append(move)
            goes_on = moved(goes_on, move)
        period = None if goes_on is None else _period(subscription, goes_on)
        if goes_on is None or period is None or _billed_at(subscription, period) > now:
            break
        due.append(period)
        goes_on = goes_on.model_copy(update={"number": period.number + 1, "until": period.service.end, "starts": Cut.start})
        begins = True
    return _Charged(goes_on=goes_on, due=tuple(due), moves=tuple(moves))


def _timing(subscription: Subscription, progress: Progress) -> Timing:
    return _charge(subscription, price_at(subscription, progress), progress.charge).timing


def _is_over(subscription: Subscription, progress: Progress) -> bool:
    """Nothing more of it is billed, or nothing for now."""
    ended = subscription.ending is not None and subscription.ending.at <= progress.until
    return ended or subscription.paused_since is not None or is_stopped(subscription, progress)


def is_stopped(subscription: Subscription, progress: Progress) -> bool:
    """Whether a charge is not billed while it is suspended: none is, or only those that are charged afterwards, since there is
    nothing yet that could be given back."""
    stop = subscription.billing_stop
    if stop is None:
        return False
    return stop.mode is SuspendedTime.stop or _timing(subscription, progress) is Timing.arrears


def _period(subscription: Subscription, progress: Progress) -> DuePeriod | None:
    """The next period of a charge, or what is left of it; None where the subscription ends before it. The last one ends with
    the subscription."""
    if _is_over(subscription, progress):
        return None
    price = price_at(subscription, progress)
    schedule = _charge(subscription, price, progress.charge).schedule(progress.anchor, subscription.timezone)
    service = schedule.at(progress.until)
    if subscription.ending is not None and subscription.ending.at < service.end:
        service = schedule.final(subscription.ending.at)
    service = left_from(service, progress.until)
    return DuePeriod(charge=progress.charge, number=progress.number, service=service, price=price, starts=progress.starts)


def left_from(service: ServicePeriod, start: datetime) -> ServicePeriod:
    """What is left of a billed period from `start` on, which lies in it."""
    if start <= service.start:
        return service
    rest = Period(start=start, end=service.end)
    parts = [(share.part.common(rest), share.whole) for share in service.shares]
    return ServicePeriod(
        start=start, end=service.end, shares=tuple(Share(part=part, whole=whole) for part, whole in parts if part)
    )


def _billed_at(subscription: Subscription, due: DuePeriod) -> datetime:
    timing = _charge(subscription, due.price or subscription.price, due.charge).timing
    return due.service.end if timing is Timing.arrears else due.service.start


def _kept(due: tuple[DuePeriod, ...], missed: MissedCycles) -> tuple[DuePeriod, ...]:
    if len(due) < 2 or missed is MissedCycles.each:
        return due
    return due[-1:] if missed is MissedCycles.one else ()
