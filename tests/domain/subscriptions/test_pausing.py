"""What a pause does to the periods around it."""

from datetime import UTC, datetime

import pytest

from domain.billing.proration import Basis
from domain.subscriptions.pausing import resumed
from domain.subscriptions.policies import MissedCycles, PausedTime, PausePolicy
from domain.subscriptions.renewal import line_of, renewed
from tests.domain.samples import eur
from tests.domain.subscriptions.test_changes import START, begun, billed_to, priced

EXTEND = PausePolicy(unused=PausedTime.extend)
PAUSED, RESUMED = datetime(2026, 4, 11, tzinfo=UTC), datetime(2026, 5, 11, tzinfo=UTC)


def test_what_is_charged_afterwards_is_charged_for_what_was_used_before_an_extending_pause_too() -> None:
    """10 days of April, 30 days of pause, then the rest: the period begins on 1 May, and is billed at its end."""
    before, _ = billed_to(begun(priced("afterwards", "20.00", timing="arrears")), PAUSED)
    after = resumed(before.model_copy(update={"paused_since": PAUSED}), RESUMED, EXTEND)
    assert renewed(after, datetime(2026, 5, 30, tzinfo=UTC)).charged == ()
    made = renewed(after, datetime(2026, 6, 1, tzinfo=UTC), MissedCycles.each)
    assert [line_of(made.subscription, due).amount for due in made.charged] == [eur(2000)]
    assert made.charged[0].service.end == datetime(2026, 6, 1, tzinfo=UTC)


def test_what_was_billed_before_an_extending_pause_is_there_again_after_it() -> None:
    before, lines = billed_to(begun(priced("small", "30.00")), START)
    after = resumed(before.model_copy(update={"paused_since": PAUSED}), RESUMED, EXTEND)
    assert len(lines) == 1
    assert after.progress[0].until == datetime(2026, 5, 31, tzinfo=UTC)


@pytest.mark.parametrize("hour", [9, 15])
def test_a_day_that_was_billed_before_a_pause_is_not_billed_again_after_it(hour: int) -> None:
    """11 April was: from the 12th on 19 of 30 days are left."""
    price = priced("small", "30.00", by=Basis.day)
    began = PAUSED.replace(hour=8)
    [progress] = begun(price).progress
    paused = begun(price).model_copy(
        update={"paused_since": began, "progress": (progress.model_copy(update={"number": 1, "until": began}),)}
    )
    again = resumed(paused, PAUSED.replace(hour=hour), PausePolicy())
    made = renewed(again, datetime(2026, 4, 12, tzinfo=UTC))
    assert [line_of(made.subscription, due).amount for due in made.charged] == [eur(1900)]
