"""Billing periods the slow way: every calendar day is looked at, and every quarter of an hour of the days that begin one."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

QUARTER_OF_AN_HOUR = timedelta(minutes=15)
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def first_instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When the clocks of the zone first show this time of this day, or any later one. Both are on quarters of an hour."""
    wanted = datetime.combine(day, clock)
    instant = wanted.replace(tzinfo=UTC) - timedelta(hours=15)
    while instant.astimezone(zone).replace(tzinfo=None) < wanted:
        instant += QUARTER_OF_AN_HOUR
    return instant


def falls_on(day: date, wanted: int) -> bool:
    """Whether a month has its boundary on this day: the wanted one, or its last where it is shorter."""
    last = (day + timedelta(days=1)).day == 1
    return day.day == wanted or (last and day.day < wanted)


def anniversary_days(anchor: date, interval: str, count: int) -> Iterator[date]:
    """The anchor's day and every later one that begins a period."""
    day = anchor
    while True:
        if interval in MONTHS:
            months = (day.year - anchor.year) * 12 + day.month - anchor.month
            begins = falls_on(day, anchor.day) and months % (MONTHS[interval] * count) == 0
        else:
            begins = (day - anchor).days % ({"day": 1, "week": 7}[interval] * count) == 0
        if begins:
            yield day
        day += timedelta(days=1)


def calendar_days(start: date, interval: str, weekday: int, day_of_month: int, month_of_year: int) -> Iterator[date]:
    """Every day from `start` on that begins an interval of the calendar."""
    day = start
    while True:
        if interval in MONTHS:
            in_month = interval == "month" or (day.month - month_of_year) % MONTHS[interval] == 0
            begins = in_month and falls_on(day, day_of_month)
        else:
            begins = interval == "day" or day.isoweekday() == weekday
        if begins:
            yield day
        day += timedelta(days=1)
