"""How the command line writes what it was told: moments, ages, and text that is never taken for markup."""

import sys
from datetime import datetime

from rich.console import Console

from domain.states import ORDER, OrderState, is_terminal

console = Console(highlight=False, markup=False, emoji=False)
"""Prints texts as they are: an id such as `O-1001:key:1` holds no picture of a key."""

ENDED = frozenset(state for state in OrderState if is_terminal(ORDER, state))


def say(line: str, style: str | None = None) -> None:
    """One line, however long; the terminal breaks it, so that what is copied from it is whole."""
    console.print(line, style=style, soft_wrap=True)


def say_wrong(line: str) -> None:
    """One line on standard error."""
    print(f"turnup: {line}", file=sys.stderr)


def moment(at: datetime) -> str:
    """Such as `2026-11-25 01:35 UTC`. `at` is in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def age(since: datetime, now: datetime) -> str:
    """In the largest unit that fits at least once, rounded down: `40 s`, `3 min`, `5 h`, `12 d`."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
