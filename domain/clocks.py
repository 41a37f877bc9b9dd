"""Test clocks: time as chosen customers see it, frozen until it is advanced."""

from datetime import timedelta

from domain.values import Instant, Value

FURTHEST = timedelta(days=366 * 5)
"""How far one advance goes at most."""


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
