"""Whether a gateway is well, from how it answered of late: with hysteresis, so that it does not flap at a threshold."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.values import Instant, Value

WINDOW = timedelta(minutes=5)
LAST = 50
"""Answers that are looked at, at most: of a busy gateway, the last seconds' say more than the first of five minutes."""
ENOUGH = 5
"""Answers below which nothing is concluded."""
DOWN_BELOW = (1, 2)
"""A gateway that was well is not when less than this part of the answers was good."""
UP_FROM = (4, 5)
"""A gateway that was not well is, when at least this part was."""
STALE = timedelta(minutes=2)
"""A word older than this says nothing: no worker is watching."""


class Health(Value):
    """`failed` of the `answered` calls looked at spoke against the gateway, not against the payer. `since` when it is so."""

    gateway: str
    healthy: bool = True
    answered: int = 0
    failed: int = 0
    since: Instant
    checked_at: Instant

    def is_down(self, now: datetime) -> bool:
        return not self.healthy and now - self.checked_at < STALE


def judge(gateway: str, before: Health | None, failures: Sequence[bool], now: datetime) -> Health:
    """`failures` are the answers of the window, whether each failed. Too few of them leave a well gateway well; one that is not
    well, and is asked too little to show otherwise, is given another chance once its window is empty."""
    answered, failed = len(failures), sum(failures)
    healthy = _healthy(before is None or before.healthy, answered, failed)
    since = before.since if before is not None and before.healthy == healthy else now
    return Health(gateway=gateway, healthy=healthy, answered=answered, failed=failed, since=since, checked_at=now)


def _healthy(was: bool, answered: int, failed: int) -> bool:
    good = answered - failed
    if was:
        return answered < ENOUGH or good * DOWN_BELOW[1] >= answered * DOWN_BELOW[0]
    if answered == 0:
        return True
    return answered >= ENOUGH and good * UP_FROM[1] >= answered * UP_FROM[0]
