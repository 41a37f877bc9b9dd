"""Parts of a period the slow way: minute by minute, or day by day, asking for each who had the service then."""

from datetime import date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def by_minutes(start: datetime, end: datetime, part_start: datetime, part_end: datetime) -> Fraction:
    """All four on whole minutes."""
    counted = whole = 0
    minute = start
    while minute < end:
        whole += 1
        counted += part_start <= minute < part_end
        minute += MINUTE
    return Fraction(counted, whole)


def by_days(
    start: datetime, end: datetime, part_start: datetime, part_end: datetime, zone: ZoneInfo, change_day: str
) -> Fraction:
    """A day on which a plan changed belongs to whoever had the service at its last moment (new), or at its first (old)."""
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    counted = whole = 0
    while day < last:
        whole += 1
        if change_day == "new":
            counted += part_start < first_moment(day + DAY, zone) <= part_end
        else:
            counted += part_start <= max(first_moment(day, zone), start) < part_end
        day += DAY
    return Fraction(counted, whole)


def first_moment(day: date, zone: ZoneInfo) -> datetime:
    """Midnight, where the clocks do not skip it."""
    return datetime.combine(day, time(), zone)


def rounded_half_up(minor: Fraction) -> int:
    """Of an amount that is not negative: up from the half, by looking at what is left."""
    whole = int(minor)
    return whole + 1 if minor - whole >= Fraction(1, 2) else whole
