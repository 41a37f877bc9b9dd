"""The months that a report is over."""

from datetime import UTC, datetime

from domain.values import Instant, Value


class Months(Value):
    """Calendar months, by UTC: the first instant of each, in order, and the end of the last."""

    starts: tuple[Instant, ...]
    until: Instant

    @property
    def since(self) -> datetime:
        return self.starts[0]


def last_months(count: int, now: datetime) -> Months:
    """The month of `now`, and those before it: `count` in all."""
    place = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1
    starts = [_start(each) for each in range(place - count + 1, place + 2)]
    return Months(starts=tuple(starts[:-1]), until=starts[-1])


def _start(place: int) -> datetime:
    return datetime(place // 12, place % 12 + 1, 1, tzinfo=UTC)
