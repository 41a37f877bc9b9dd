"""The wall-clock times at which the periods of a schedule begin, counted from an origin."""

from calendar import monthrange
from datetime import date, datetime, time
from enum import StrEnum
from typing import NamedTuple


class Interval(StrEnum):
    day = "day"
    week = "week"
    month = "month"
    quarter = "quarter"
    year = "year"


MONTHS = {Interval.month: 1, Interval.quarter: 3, Interval.year: 12}
DAYS = {Interval.day: 1, Interval.week: 7}


class Grid(NamedTuple):
    """`origin` and `step` count months since the year 0 where there is a `day` of the month, else days since the year 1."""

    origin: int
    step: int
    day: int | None
    clock: time

    def boundary(self, n: int) -> datetime:
        """Wall-clock time; the last day of the month where it has no such day. ValueError beyond the years 1 to 9999."""
        at = self.origin + n * self.step
        if self.day is None:
            return datetime.combine(date.fromordinal(at), self.clock)
        year, month = divmod(at, 12)
        if not 1 <= year <= 9999:
            raise ValueError(f"year {year} is out of range")
        return datetime.combine(date(year, month + 1, min(self.day, monthrange(year, month + 1)[1])), self.clock)

    def estimate(self, day: date) -> int:
        """The n of a boundary that is at most one step from the last one up to this day."""
        return (_position(day, self.day is not None) - self.origin) // self.step


def anniversary_grid(interval: Interval, count: int, wall: datetime) -> Grid:
    """Every `count` intervals from a wall-clock time on."""
    monthly = interval in MONTHS
    step = (MONTHS | DAYS)[interval] * count
    return Grid(_position(wall.date(), monthly), step, wall.day if monthly else None, wall.time())


def aligned_months(interval: Interval, day_of_month: int, month_of_year: int, day: date) -> Grid:
    """Midnights of a day of the month, every interval, from the one in the interval that contains `day`."""
    step, position = MONTHS[interval], _position(day, True)
    return Grid(position - (position - month_of_year + 1) % step, step, day_of_month, time())


def aligned_days(interval: Interval, weekday: int, day: date) -> Grid:
    """Midnights, each day or each week on a weekday (ISO 8601: Monday is 1), from the last one up to `day`."""
    step = DAYS[interval]
    return Grid(day.toordinal() - (day.isoweekday() - weekday) % step, step, None, time())


def _position(day: date, monthly: bool) -> int:
    return day.year * 12 + day.month - 1 if monthly else day.toordinal()
