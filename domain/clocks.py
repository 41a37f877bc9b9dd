"""Test clocks: time as chosen customers see it, frozen until it is advanced."""

import re
from datetime import datetime, timedelta

from domain.billing.calendar import Cadence, Schedule
from domain.billing.grid import Interval
from domain.errors import BadInput
from domain.values import Instant, Value

FURTHEST = timedelta(days=366 * 5)
"""How far one advance goes at most."""
_DURATION = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?)?")
"""ISO 8601-1:2019, 5.5.2, without seconds and fractions."""


class Clock(Value):
    """`now` is what it shows; `target` where it is being advanced to, None where it stands still."""

    id: str
    name: str
    now: Instant
    target: Instant | None = None
    created_at: Instant
    created_by: str


class Advance(Value):
    """Let everything happen that falls due to a clock's customers up to `to`."""

    clock: str
    to: Instant


class Moment(Value):
    """An instant that a clock has come to, and the keys of the rows that are due at it. None of either is left at the end."""

    now: Instant
    rows: tuple[str, ...] = ()
    done: bool = False


def later(now: datetime, duration: str, field: str) -> datetime:
    """`now` and a duration such as P1M or P1Y2M10DT12H; months end with shorter ones (31 January and P1M is 28 February).
    BadInput, for `field`, for what is no duration."""
    found = _DURATION.fullmatch(duration)
    if found is None or not any(found.groups()):
        raise BadInput(field, "is no duration; write it as ISO 8601 does, such as P1M, P14D or PT6H")
    years, months, weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    at = now
    if count := 12 * years + months:
        if count > 12 * 50:
            raise BadInput(field, "goes further than a clock can")
        at = Schedule(cadence=Cadence(interval=Interval.month, count=count), anchor=now).period(0).end
    return at + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
