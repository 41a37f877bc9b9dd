"""Moments and spans as people say them."""

import re
from datetime import UTC, datetime, timedelta

from domain.errors import BadInput
from domain.values import as_utc

_STAMP = re.compile(r"(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])")
_UNITS = ((86400, "day", "days"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s"))


def span(length: timedelta) -> str:
    """In its largest unit, rounded down: `3 days`, `4 h`, `12 min`, `8 s`."""
    seconds = int(abs(length.total_seconds()))
    for size, one, many in _UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count} {one if count == 1 else many}"
    return "0 s"


def ago(moment: datetime, now: datetime) -> str:
    return "just now" if now - moment < timedelta(minutes=1) else f"{span(now - moment)} ago"


def age(moment: datetime, now: datetime) -> str:
    return "< 1 min" if now - moment < timedelta(minutes=1) else span(now - moment)


def until(moment: datetime, now: datetime) -> str:
    """`in 3 h`, `now`, or `2 h overdue`."""
    if abs(moment - now) < timedelta(seconds=1):
        return "now"
    return f"in {span(moment - now)}" if moment >= now else f"{span(now - moment)} overdue"


def absolute(moment: datetime) -> str:
    return f"{moment:%d %b %Y %H:%M:%S} UTC"


def day(moment: datetime) -> str:
    return f"{moment:%d %b %Y}"


def worded(text: str) -> str:
    """Text of ours with its dates as people say them: `until 01 Mar 2027` for `until 2027-03-01`."""
    return _STAMP.sub(_worded, text)


def _worded(found: re.Match[str]) -> str:
    """Kept on one line. What only looks like a date stays as it is."""
    try:
        return day(datetime.fromisoformat(found[0])).replace(" ", "\N{NO-BREAK SPACE}")
    except ValueError:
        return found[0]


def given(text: str, field: str) -> datetime:
    """What a date field holds, such as `2026-12-01T09:00` or `2026-12-01`, in UTC. BadInput, for `field`, for anything else."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return as_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except ValueError:
        raise BadInput(field, "is a date and time in UTC, such as 2026-12-01T09:00") from None


def clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"


def minute(moment: datetime) -> datetime:
    """Within a minute the same, so that what shows spans is drawn again once a minute."""
    return moment.replace(second=0, microsecond=0)
