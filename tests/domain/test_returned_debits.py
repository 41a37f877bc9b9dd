"""When a returned debit may be presented again, by the rules of the networks."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.returned_debits import Cause, cause_of, next_presentment

FIRST = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("code", ["R01", "R09", "AM04", "insufficient_funds"])
def test_want_of_funds_is_tried_twice_more_and_then_never(code: str) -> None:
    now = FIRST + timedelta(days=3)
    assert [next_presentment(code, FIRST, returned, now).due_at for returned in (1, 2, 3)] == [
        now + timedelta(days=3),
        now + timedelta(days=7),
        None,
    ]


@pytest.mark.parametrize("code", ["R05", "R07", "R10", "R29", "MD01", "MD06"])
def test_what_the_payer_did_not_authorize_is_never_tried_again(code: str) -> None:
    decided = next_presentment(code, FIRST, 1, FIRST)
    assert (cause_of(code), decided.due_at) == (Cause.not_authorized, None)
    assert "mandate" in decided.why


def test_nothing_is_presented_more_than_180_days_after_the_first_time() -> None:
    last = FIRST + timedelta(days=177)
    assert next_presentment("R01", FIRST, 1, last).due_at == FIRST + timedelta(days=180)
    assert next_presentment("R01", FIRST, 1, last + timedelta(seconds=1)).due_at is None


@pytest.mark.parametrize(("code", "cause"), [("AC04", Cause.no_account), ("R02", Cause.no_account), ("R99", Cause.unclear)])
def test_other_reasons_need_a_person(code: str, cause: Cause) -> None:
    assert (cause_of(code), next_presentment(code, FIRST, 1, FIRST).due_at) == (cause, None)
