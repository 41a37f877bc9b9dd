"""When evidence against a dispute is warned of."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.disputes import Evidencing, evidencing, look_again_at

DEADLINE = datetime(2026, 3, 10, 12, tzinfo=UTC)
INSTANT = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("before", "stage", "next_look"),
    [
        (timedelta(days=3) + INSTANT, Evidencing.ahead, timedelta(days=3)),
        (timedelta(days=3), Evidencing.soon, timedelta(days=1)),
        (timedelta(days=1) + INSTANT, Evidencing.soon, timedelta(days=1)),
        (timedelta(days=1), Evidencing.urgent, timedelta()),
        (INSTANT, Evidencing.urgent, timedelta()),
        (timedelta(), Evidencing.lapsed, timedelta()),
    ],
)
def test_each_stage_begins_at_its_instant_and_is_looked_at_then(
    before: timedelta, stage: Evidencing, next_look: timedelta
) -> None:
    now = DEADLINE - before
    assert (evidencing(DEADLINE, 3, now), DEADLINE - look_again_at(DEADLINE, 3, now)) == (stage, next_look)
