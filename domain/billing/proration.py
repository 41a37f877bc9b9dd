"""What a part of a period costs: exact fractions of the full period, rounded once, whose sums lose nothing."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.billing.calendar import Period, ServicePeriod
from domain.billing.exact import decimal_of, rounded
from domain.billing.zones import TimeZone, local_date, midnight, zone_of
from domain.money import Money
from domain.values import StrictValue, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


class Basis(StrEnum):
    """What is counted, of a part and of the whole."""

    second = "second"
    """Elapsed seconds, so that a day of 23 hours weighs less (docs.stripe.com/billing/subscriptions/prorations)."""
    day = "day"
    """Calendar days of the customer's zone, each alike (Kill Bill, Lago, WHMCS)."""
    thirty = "thirty"
    """Days of months that all have 30: the last day of a month is its 30th (docs.zuora.com, strict 30/360)."""
    none = "none"
    """Nothing: any part is charged whole, and nothing is credited."""


class ChangeDay(StrEnum):
    """Who is billed for a day on which a plan was changed. Matters by day and by 30 days only."""

    new = "new"
    old = "old"


class ProrationPolicy(StrictValue):
    """A product's settings. `bill_termination_day`: whether the day of a termination or pause is billed, which matters by day
    and by 30 days only; where the service ends at local midnight nothing of the day was used, so it is not billed."""

    by: Basis = Basis.second
    change_day: ChangeDay = ChangeDay.new
    bill_termination_day: bool = True


class Proration(Value):
    """A policy, in the customer's time zone."""

    policy: ProrationPolicy = ProrationPolicy()
    timezone: TimeZone = "UTC"

    @cached_property
    def zone(self) -> ZoneInfo:
        return zone_of(self.timezone)


class Cut(StrEnum):
    """Why a part of a period begins or ends where it does, which decides who is billed for that day."""

    start = "start"
    """A service began or was resumed: the day is billed."""
    change = "change"
    """One plan followed another: see `ChangeDay`."""
    termination = "termination"
    """A service ended or was paused: see `bill_termination_day`."""


class Part(Period):
    """A part of a period. Where it ends with the period itself, the cut there does not matter."""

    starts: Cut = Cut.change
    ends: Cut = Cut.change


class PartOf(Value):
    """What was charged of a full period."""

    part: Part
    whole: Period


class Measured(NamedTuple):
    """`part` of `whole` units: 17 of 31 days. `by` says which; it is finer than asked for where the whole has no such unit."""

    part: int
    whole: int
    by: Basis

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.part, self.whole)


def measured(part: Period, period: Period, proration: Proration) -> Measured:
    """How much of the full period the part is. ValueError where it does not lie within it.

    A part that does not say otherwise begins and ends with a change of plan; a full period at a boundary, with whole days.
    """
    return _measured([part], period, proration)[0]


def fraction_of(part: Period, period: Period, proration: Proration) -> Fraction:
    """How much of the full period the part is, from 0 to 1; always 1 where nothing is prorated."""
    return measured(part, period, proration).fraction


def charge_for(amount: Decimal, currency: str, period: Period, part: Period, proration: Proration) -> Money:
    """What the part costs where the full period costs `amount`, exact and in major units; rounded once, half up."""
    return _rounded(amount, fraction_of(part, period, proration), currency)


def charges_for(amount: Decimal, currency: str, period: Period, parts: Sequence[Period], proration: Proration) -> list[Money]:
    """What each part of one period costs, in order, so that they add up to what all of them cost together.

    Each is the rounded sum up to its end less the one up to its start; parts that leave nothing out add up to the whole amount.
    Where nothing is prorated the first one costs it all. Raises ValueError where parts overlap.
    """
    fractions = (each.fraction for each in _measured(parts, period, proration))
    sums = [_rounded(amount, fraction, currency) for fraction in accumulate(fractions, initial=Fraction(0))]
    return [after - before for before, after in pairwise(sums)]


def service_fraction(service: ServicePeriod, proration: Proration) -> Fraction:
    """How many full periods a billed period is charged as: 0 for a free stub, more than 1 for one with a long stub."""
    if proration.policy.by is Basis.none:
        return Fraction(1 if service.shares else 0)
    return sum((each.fraction for each in service_measures(service, proration)), Fraction(0))


def service_measures(service: ServicePeriod, proration: Proration) -> list[Measured]:
    """How much of each full period that it lies in a billed period is charged as."""
    return [measured(each.part, each.whole, proration) for each in parts_of(service)]


def parts_of(service: ServicePeriod, starts: Cut = Cut.start, ends: Cut = Cut.termination) -> tuple[PartOf, ...]:
    """What of which full periods a billed period is charged as; `starts` and `ends` say why it begins and ends there."""
    last = len(service.shares) - 1
    return tuple(
        PartOf(
            part=Part(
                start=share.part.start,
                end=share.part.end,
                starts=starts if index == 0 else Cut.start,
                ends=ends if index == last else Cut.start,
            ),
            whole=share.whole,
        )
        for index, share in enumerate(service.shares)
    )


def share_of(part: Part, charged: Sequence[PartOf], proration: Proration) -> Fraction:
    """How much of what was charged for parts of full periods was for `part`, from 0 to 1: each instant counts for as much as it
    was charged at, however long the periods are."""
    whole = sum((fraction_of(each.part, each.whole, proration) for each in charged), Fraction(0))
    own = sum((_within(part, each, proration) for each in charged), Fraction(0))
    return own / whole if whole else Fraction(0)


def _within(part: Part, charged: PartOf, proration: Proration) -> Fraction:
    """How much of the full period lies in both; all that was charged of it where the part begins and ends beyond."""
    common, own = part.common(charged.part), charged.part
    if common is None:
        return Fraction(0)
    starts = own.starts if common.start == own.start else part.starts
    ends = own.ends if common.end == own.end else part.ends
    both = Part(start=common.start, end=common.end, starts=starts, ends=ends)
    return min(fraction_of(both, charged.whole, proration), fraction_of(own, charged.whole, proration))


def charge_for_service(amount: Decimal, currency: str, service: ServicePeriod, proration: Proration) -> Money:
    """What a billed period costs, its stubs by their part, where a full one costs `amount`; rounded once, half up."""
    return _rounded(amount, service_fraction(service, proration), currency)


def active_parts(period: Period, pauses: Sequence[Period]) -> list[Part]:
    """What is left of a period without its pauses, which may overlap."""
    parts, start = [], period.start
    for pause in sorted(filter(None, map(period.common, pauses)), key=lambda each: each.start):
        if start < pause.start:
            parts.append(Part(start=start, end=pause.start, starts=Cut.start, ends=Cut.termination))
        start = max(start, pause.end)
    return [*parts, Part(start=start, end=period.end, starts=Cut.start)] if start < period.end else parts


def paused_part(period: Period, pause: Period) -> Part | None:
    """What of a period that was billed already is to be credited for a pause."""
    common = period.common(pause)
    return None if common is None else Part(start=common.start, end=common.end, starts=Cut.termination, ends=Cut.start)


def _rounded(amount: Decimal, fraction: Fraction, currency: str) -> Money:
    return rounded(decimal_of(Fraction(amount) * fraction), currency)


_FINER = {
    Basis.thirty: (Basis.thirty, Basis.day, Basis.second),
    Basis.day: (Basis.day, Basis.second),
    Basis.second: (Basis.second,),
}


def _measured(parts: Sequence[Period], period: Period, proration: Proration) -> list[Measured]:
    _check(parts, period)
    by = proration.policy.by
    if by is Basis.none:
        return [Measured(int(index == 0), 1, by) for index in range(len(parts))]
    for basis in _FINER[by]:
        ends = _ends(period, Cut.start, basis, proration)
        if ends[0] < ends[1]:
            return _counted(parts, period, ends, basis, proration)
    raise ValueError("period: must last at least a second")


def _counted(
    parts: Sequence[Period], period: Period, ends: tuple[int, int], basis: Basis, proration: Proration
) -> list[Measured]:
    """A unit that two parts share, such as the day of a pause and a resumption, counts for the earlier one."""
    (low, high), cursor, counted = ends, ends[0], []
    for part in parts:
        start, end = _ends(part, Cut.change, basis, proration)
        start = low if part.start == period.start else max(start, cursor)
        end = high if part.end == period.end else min(end, high)
        counted.append(Measured(max(0, end - start), high - low, basis))
        cursor = max(cursor, end)
    return counted


def _ends(period: Period, otherwise: Cut, basis: Basis, proration: Proration) -> tuple[int, int]:
    """The positions of start and end; `otherwise` is the cut at both of a period that does not say why it begins and ends."""
    starts, ends = (period.starts, period.ends) if isinstance(period, Part) else (otherwise, otherwise)
    position = _POSITIONS[basis]
    return (
        position(_day_of(period.start, starts, proration), period.start),
        position(_day_of(period.end, ends, proration), period.end),
    )


def _check(parts: Sequence[Period], period: Period) -> None:
    for index, part in enumerate(parts):
        if part.start < period.start or part.end > period.end:
            raise ValueError(f"part: must lie within {period.start.isoformat()} to {period.end.isoformat()}")
        if index and part.start < parts[index - 1].end:
            raise ValueError(f"parts[{index}]: must not begin before the one before it ends")


def _day_of(instant: datetime, cut: Cut, proration: Proration) -> date:
    """The first day that belongs to what comes after the cut."""
    day, policy = local_date(instant, proration.zone), proration.policy
    old = cut is Cut.change and policy.change_day is ChangeDay.old
    billed = cut is Cut.termination and policy.bill_termination_day
    return day + _DAY if (old or billed) and instant > midnight(day, proration.zone) else day


def _second(_day: date, instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(seconds=1)


def _ordinal(day: date, _instant: datetime) -> int:
    return day.toordinal()


def _thirtieth(day: date, _instant: datetime) -> int:
    last = (day + _DAY).day == 1
    return (day.year * 12 + day.month) * 30 + (30 if last else min(day.day, 30))


_POSITIONS: dict[Basis, Callable[[date, datetime], int]] = {
    Basis.second: _second,
    Basis.day: _ordinal,
    Basis.thirty: _thirtieth,
}
