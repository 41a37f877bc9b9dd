"""Whether a gateway is well: down below half, up again from four fifths, and nothing concluded from too little."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gateway_health import ENOUGH, Health, judge

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def _before(*, healthy: bool) -> Health:
    return Health(gateway="amber", healthy=healthy, since=NOW - timedelta(hours=1), checked_at=NOW - timedelta(seconds=10))


@pytest.mark.parametrize(
    ("was", "failed", "answered", "now"),
    [
        (True, 5, 10, True),  # half is enough to stay
        (True, 6, 10, False),
        (True, 4, 4, True),  # four answers say nothing
        (True, 5, 5, False),
        (False, 3, 10, False),  # 70 % is not enough to come back
        (False, 2, 10, True),
        (False, 0, 4, False),
        (False, 0, 0, True),  # nobody asked it for the whole window: it gets another chance
    ],
)
def test_a_gateway_goes_down_and_comes_back_at_different_rates(*, was: bool, failed: int, answered: int, now: bool) -> None:
    failures = [True] * failed + [False] * (answered - failed)

    after = judge("amber", _before(healthy=was), failures, NOW)

    assert after.healthy is now
    assert after.since == (NOW if now is not was else NOW - timedelta(hours=1))


@given(st.booleans(), st.lists(st.booleans(), min_size=ENOUGH, max_size=60))
def test_the_same_answers_again_never_turn_it_back(was: bool, failures: list[bool]) -> None:
    once = judge("amber", _before(healthy=was), failures, NOW)

    assert judge("amber", once, failures, NOW + timedelta(seconds=1)).healthy is once.healthy


def test_an_old_word_takes_no_gateway_out() -> None:
    down = judge("amber", None, [True] * 5, NOW)

    assert down.is_down(NOW + timedelta(minutes=1))
    assert not down.is_down(NOW + timedelta(minutes=3))
