"""When revenue is earned: per day over the service period, from activation, to the last minor unit."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from domain.billing.calendar import Period
from domain.billing.zones import TimeZone, local_date, midnight, zone_of
from domain.money import Money, total
from domain.values import Instant, StrictValue, Value


class Remainder(StrEnum):
    last_day = "last_day"
    spread = "spread"


class RecognitionSettings(StrictValue):
    """`remainder`: each day has the same amount, rounded down, and the last day the rest; or minor units are spread, so that
    what is recognized is never more than half a minor unit from the exact share. `timezone` is that of the books."""

    remainder: Remainder = Remainder.last_day
    timezone: TimeZone = "UTC"


class Earned(Value):
    """Revenue of one local day."""

    day: date
    amount: Money


class RevenueSchedule(Value):
    """How what was invoiced for one line is earned: `net`, over its period from when the service was at work, or at once where
    it has none. It is not earned before `issued_at`: what the days before had is earned on the day of the invoice."""

    line: str
    net: Money
    period: Period | None = None
    begins_at: Instant
    issued_at: Instant
    settings: RecognitionSettings = RecognitionSettings()

    def days(self) -> list[Earned]:
        """Those with something to earn; they add up to `net`."""
        zone = zone_of(self.settings.timezone)
        before = local_date(self.issued_at, zone) - timedelta(days=1)
        if self.period is None:
            days = at_once(self.net, self.begins_at, self.settings)
        else:
            days = schedule(self.net, self.period, self.begins_at, self.settings)
        return due_for_close(days, before, date.max)


class Close(Value):
    """What a close books of one line, and the day that it is looked at next; None where all is earned."""

    earned: list[Earned]
    next_day: date | None


def close(planned: RevenueSchedule, since: date, left: Money, through: date) -> Close:
    """The days from `since`, the first that is not booked, up to and with `through`. `left` is what is still deferred of the
    line: where a credit has taken some of it, the days that are left share the rest."""
    days = [each for each in planned.days() if each.day >= since]
    if total([each.amount for each in days], left.currency) != left:
        days = rescaled(days, left)
    later = [each.day for each in days if each.day > through]
    return Close(earned=[each for each in days if each.day <= through], next_day=min(later, default=None))


def booked_at(day: date, settings: RecognitionSettings) -> datetime:
    """A day's revenue is booked at its very end, so that it belongs to that day in every list of the books."""
    return midnight(day + timedelta(days=1), zone_of(settings.timezone)) - timedelta(microseconds=1)


def schedule(net: Money, period: Period, activated_at: datetime, settings: RecognitionSettings) -> tuple[Earned, ...]:
    """The days on which `net` (without tax, with a minus for a credit) is earned; they add up to it exactly.

    Days are counted from the local date that the service starts on, or was activated on if that is later, to the one before
    the date that the period ends on, as Stripe does by day ("cut off the last day"). A service that was activated after its
    period, and one that starts and ends within a day, earn all on their first day.
    """
    zone = zone_of(settings.timezone)
    first = max(local_date(period.start, zone), local_date(activated_at, zone))
    days = max(1, (local_date(period.end, zone) - first).days)
    amounts = _last_day(net.minor, days) if settings.remainder is Remainder.last_day else _spread(net.minor, days)
    return tuple(
        Earned(day=first + timedelta(days=index), amount=Money(minor=minor, currency=net.currency))
        for index, minor in enumerate(amounts)
    )


def at_once(net: Money, delivered_at: datetime, settings: RecognitionSettings) -> tuple[Earned, ...]:
    """A one-off is earned on the local day of its delivery."""
    return (Earned(day=local_date(delivered_at, zone_of(settings.timezone)), amount=net),)


def _last_day(minor: int, days: int) -> list[int]:
    sign = -1 if minor < 0 else 1
    each, rest = divmod(abs(minor), days)
    return [sign * each] * (days - 1) + [sign * (each + rest)]


def _spread(minor: int, days: int) -> list[int]:
    """The differences of the exact running total, rounded half up."""
    sign = -1 if minor < 0 else 1
    sums = [(2 * abs(minor) * day + days) // (2 * days) for day in range(days + 1)]
    return [sign * (after - before) for before, after in pairwise(sums)]


def earned_through(days: Iterable[Earned], through: date, currency: str) -> Money:
    """What is earned up to and with a day."""
    return total([each.amount for each in days if each.day <= through], currency)


def due_for_close(days: Iterable[Earned], closed_through: date, through: date) -> list[Earned]:
    """What a close up to `through` books, a day at a time and without the days of nothing.

    What was earned in days that are closed already (an invoice that came late) is booked on the first open day: a closed day
    never changes. The caller passes only days that were not booked before.
    """
    booked: dict[date, Money] = {}
    for each in days:
        day = max(each.day, closed_through + timedelta(days=1))
        if day <= through:
            booked[day] = booked[day] + each.amount if day in booked else each.amount
    return [Earned(day=day, amount=amount) for day, amount in sorted(booked.items()) if amount]


def rescaled(days: Sequence[Earned], left: Money) -> list[Earned]:
    """Days that are not booked yet, after a credit note has left only `left` to earn on them: in proportion to what each had,
    by largest remainder. ValueError where there is something to earn and no day for it."""
    weights = [abs(each.amount.minor) for each in days]
    if not left:
        return []
    if not any(weights):
        raise ValueError(f"days: there is none left to earn {left} on")
    parts = left.split(weights)
    return [Earned(day=each.day, amount=part) for each, part in zip(days, parts, strict=True) if part]
