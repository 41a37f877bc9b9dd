"""Billing periods, computed from an anchor and never from the end of the period before."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from domain.billing.grid import MONTHS, Grid, Interval, aligned_days, aligned_months, anniversary_grid
from domain.billing.zones import TimeZone, instant_of, local_date, zone_of
from domain.values import Instant, StrictValue, Value, as_utc

_INSTANT = timedelta(microseconds=1)


class Period(Value):
    """From `start`, inclusive, to `end`, exclusive; both in UTC."""

    start: Instant
    end: Instant

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end: must be after start")
        return self

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def common(self, other: "Period") -> "Period | None":
        """The time that both share, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start=start, end=end) if start < end else None


class Share(Value):
    """`part` is charged at its fraction of the full period `whole`."""

    part: Period
    whole: Period


class ServicePeriod(Period):
    """A period as it is billed, and what is charged for it: one share of a full period for most, none for a free stub, two for
    a stub that is billed with the full period after it."""

    shares: tuple[Share, ...]

    @property
    def full(self) -> bool:
        """Whether it is exactly one full period, so that nothing has to be prorated."""
        return len(self.shares) == 1 and (self.start, self.end) == (self.shares[0].whole.start, self.shares[0].whole.end)


class Cadence(StrictValue):
    """Every `count` intervals."""

    interval: Interval
    count: Annotated[int, Field(ge=1, le=1000)] = 1


class Alignment(StrictValue):
    """The calendar day that periods begin on, at local midnight. What is left out is the first: Monday, day 1, January.

    `weekday` (ISO 8601: Monday is 1) is for weeks, `day_of_month` for months, quarters and years, and is the last day of
    months that are shorter; `month_of_year` is for years, and for quarters, which begin in it and every third month from it.
    """

    weekday: Annotated[int, Field(ge=1, le=7)] | None = None
    day_of_month: Annotated[int, Field(ge=1, le=31)] | None = None
    month_of_year: Annotated[int, Field(ge=1, le=12)] | None = None

    def check(self, interval: Interval) -> None:
        """ValueError that names the field which an interval like this has no use for."""
        if self.weekday is not None and interval is not Interval.week:
            raise ValueError(f"alignment.weekday: is for weeks, not for every {interval}")
        if self.day_of_month is not None and interval not in MONTHS:
            raise ValueError(f"alignment.day_of_month: is for months, quarters and years, not for every {interval}")
        if self.month_of_year is not None and interval not in (Interval.quarter, Interval.year):
            raise ValueError(f"alignment.month_of_year: is for quarters and years, not for every {interval}")


class Stub(StrEnum):
    """What becomes of the time before the first full period of a service."""

    short = "short"
    """A period of its own, billed as a part of the full period it lies in."""
    long = "long"
    """Billed together with the first full period, as one period."""
    free = "free"
    """A period of its own, for which nothing is charged."""


class Schedule(StrictValue):
    """The periods of a service that begins at `anchor`.

    Without an alignment they keep the anchor's day and wall-clock time in `timezone`, on the last day of months that are
    shorter (31 January, 28 February, 31 March). With one they begin at local midnight of the aligned day, the first of them at
    the anchor or after it; what lies before is a stub. A wall-clock time that the clocks skip is the first instant after the
    gap, one that they show twice is the earlier; the anchor itself stays as given.
    """

    cadence: Cadence
    anchor: Instant
    timezone: TimeZone = "UTC"
    alignment: Alignment | None = None
    stub: Stub = Stub.short

    @field_validator("anchor")
    @classmethod
    def _within_the_calendar(cls, anchor: datetime) -> datetime:
        if not 1900 <= anchor.year <= 2999:
            raise ValueError("needs a year from 1900 to 2999")
        return anchor

    @model_validator(mode="after")
    def _aligned(self) -> Self:
        if self.alignment is not None:
            self.alignment.check(self.cadence.interval)
        return self

    def period(self, n: int) -> Period:
        """The n-th full period. 0 is the first that begins at the anchor or after it; negative ones lie before."""
        return Period(start=self._boundary(n), end=self._boundary(n + 1))

    def number(self, instant: datetime) -> int:
        """The n of the full period that contains the instant, which may lie before the anchor."""
        instant = _checked(instant, "instant")
        n = self._grid.estimate(local_date(instant, self._zone))
        while self._boundary(n) > instant:
            n -= 1
        while self._boundary(n + 1) <= instant:
            n += 1
        return n

    def whole(self, instant: datetime) -> Period:
        """The full period that contains the instant: what a stub is a part of."""
        return self.period(self.number(instant))

    def first(self, start: datetime) -> ServicePeriod:
        """The first billed period of a service that joins the schedule at `start`: full at a boundary, else by `stub`."""
        start = _checked(start, "start")
        whole = self.whole(start)
        if start == whole.start:
            return _billed(start, whole.end, [whole])
        if self.stub is Stub.free:
            return ServicePeriod(start=start, end=whole.end, shares=())
        if self.stub is Stub.short:
            return _billed(start, whole.end, [whole])
        following = self.whole(whole.end)
        return _billed(start, following.end, [whole, following])

    def at(self, instant: datetime) -> ServicePeriod:
        """The billed period that contains the instant; ValueError before the anchor, where nothing is billed."""
        instant = _checked(instant, "instant")
        if instant < self.anchor:
            raise ValueError(f"instant: must not be before the schedule's anchor, {self.anchor.isoformat()}")
        opening = self._opening
        if instant in opening:
            return opening
        whole = self.whole(instant)
        return _billed(whole.start, whole.end, [whole])

    def final(self, end_of_service: datetime) -> ServicePeriod:
        """The last billed period of a service that ends at `end_of_service`, exclusive: full at a boundary, else a stub."""
        end = _checked(end_of_service, "end_of_service")
        if end <= self.anchor:
            raise ValueError(f"end_of_service: must be after the schedule's anchor, {self.anchor.isoformat()}")
        last = self.at(end - _INSTANT)
        return _billed(last.start, end, [share.whole for share in last.shares])

    def starting_within(self, window: Period) -> Iterator[ServicePeriod]:
        """The billed periods whose start lies in the window, in order; the one from the anchor on is the earliest."""
        period = self.at(max(window.start, self.anchor))
        if period.start < window.start:
            period = self.at(period.end)
        while period.start < window.end:
            yield period
            period = self.at(period.end)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return zone_of(self.timezone)

    @cached_property
    def _opening(self) -> ServicePeriod:
        return self.first(self.anchor)

    @cached_property
    def _grid(self) -> Grid:
        interval, count = self.cadence.interval, self.cadence.count
        if self.alignment is None:
            return anniversary_grid(interval, count, self.anchor.astimezone(self._zone).replace(tzinfo=None))
        grid = self._aligned_grid(self.alignment, local_date(self.anchor, self._zone))
        while instant_of(grid.boundary(0), self._zone) < self.anchor:
            grid = grid._replace(origin=grid.origin + grid.step)
        return grid._replace(step=grid.step * count)

    def _aligned_grid(self, alignment: Alignment, day: date) -> Grid:
        interval = self.cadence.interval
        if interval in MONTHS:
            return aligned_months(interval, alignment.day_of_month or 1, alignment.month_of_year or 1, day)
        return aligned_days(interval, alignment.weekday or 1, day)

    def _boundary(self, n: int) -> datetime:
        if n == 0 and self.alignment is None:
            return self.anchor
        try:
            return instant_of(self._grid.boundary(n), self._zone)
        except (ValueError, OverflowError):
            raise ValueError(f"period {n} begins beyond the years 1 to 9999") from None


def _checked(instant: datetime, field: str) -> datetime:
    try:
        return as_utc(instant)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None


def _billed(start: datetime, end: datetime, wholes: list[Period]) -> ServicePeriod:
    """From start to end, charged by the parts that lie in these full periods."""
    span = Period(start=start, end=end)
    parts = [(span.common(whole), whole) for whole in wholes]
    return ServicePeriod(start=start, end=end, shares=tuple(Share(part=part, whole=whole) for part, whole in parts if part))
