"""Revenue hour by hour: which local days a service is on, counted by walking through it."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo


def days_of_service(start: datetime, end: datetime, zone: ZoneInfo) -> list[date]:
    """Every local date met on the way, without the one that the service ends on."""
    met, hour = [], start
    while hour < end:
        met.append(hour.astimezone(zone).date())
        hour += timedelta(hours=1)
    last = end.astimezone(zone).date()
    first = start.astimezone(zone).date()
    return sorted({day for day in met if day < last} | {first})


def exact_through(net: int, days: list[date], through: date) -> Fraction:
    return Fraction(net * sum(day <= through for day in days), len(days))
