"""A customer's time zone, and the instants of its wall-clock times across daylight-saving changes."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

_SECOND = timedelta(seconds=1)


def zone_of(name: str) -> ZoneInfo:
    """The zone with this name in the IANA time zone database; ValueError where there is none.

    `localtime` would depend on the machine, and the `right/` zones count leap seconds: both are refused.
    """
    try:
        if name == "localtime" or name.startswith(("right/", "posix")):
            raise ValueError(name)
        return ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone such as 'Europe/Berlin'") from None


def _known_zone(name: str) -> str:
    zone_of(name)
    return name


TimeZone = Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), AfterValidator(_known_zone)]
"""The name of a zone in the IANA time zone database."""


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of a naive wall-clock time.

    A time that the clocks skip is the first instant after the gap; a time that they show twice is the earlier one (`fold=0`
    of PEP 495).
    """
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    return _end_of_gap(wall, zone)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar day that the instant lies in."""
    return instant.astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a calendar day, which is not 00:00 where the clocks skip midnight."""
    return instant_of(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001 - a wall-clock time


def _end_of_gap(skipped: datetime, zone: ZoneInfo) -> datetime:
    """The instant of the change, found by halving: with either fold a skipped time lies on the other side of it."""
    before = skipped.replace(tzinfo=zone, fold=1).astimezone(UTC).replace(microsecond=0)
    after = skipped.replace(tzinfo=zone, fold=0).astimezone(UTC).replace(microsecond=0)
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return after
