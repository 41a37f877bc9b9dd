"""The days of dunning: counted from the due date, put off by what is late, warned of in time."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.dunning import SHIPPED, DunningCase, DunningPolicy, Notice, Track, capped, first_day
from domain.messages import MessageKind
from domain.money import Money

DUE = date(2026, 3, 14)
BERLIN = ZoneInfo("Europe/Berlin")


def case(opened_at: datetime, anchor: date = DUE) -> DunningCase:
    return DunningCase(
        invoice="I-1",
        customer="C-1",
        subscription="S-1-1",
        policy=SHIPPED,
        policy_version=0,
        anchor=anchor,
        opened_at=opened_at,
        attempts_left=SHIPPED.attempts,
    )


@pytest.mark.money_case(26)
def test_day_fourteen_begins_at_midnight_of_the_legal_entity_fourteen_days_after_the_due_date() -> None:
    found = case(datetime(2026, 2, 28, tzinfo=UTC))
    (suspension,) = (step for step in SHIPPED.steps() if step.track is Track.restrict)
    assert found.due_at(suspension, BERLIN) == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert found.suspends_on() == date(2026, 3, 28)


def test_a_case_that_is_opened_late_begins_then() -> None:
    assert first_day(DUE, date(2026, 3, 15)) == DUE
    assert first_day(DUE, date(2026, 2, 28)) == DUE
    assert first_day(DUE, date(2026, 4, 20)) == date(2026, 4, 19)


@given(late=st.lists(st.integers(0, 40), min_size=8, max_size=8))
def test_however_late_each_step_is_done_a_suspension_follows_its_notice_by_the_days_that_were_told(late: list[int]) -> None:
    now = datetime(2026, 3, 15, 1, tzinfo=UTC)
    found = case(now)
    promised: date | None = None
    for delay in late:
        step = found.next_step
        assert step is not None
        now = max(now, found.due_at(step, BERLIN)) + timedelta(days=delay)
        found = found.on_time(step, now, BERLIN)
        if step.text is MessageKind.suspension_notice:
            promised = found.suspends_on()
        if step.track is Track.restrict:
            assert promised is not None
            assert now.astimezone(BERLIN).date() >= promised
        found = found.model_copy(update={"done": found.done + 1})


def test_nobody_is_suspended_without_notice() -> None:
    for tell in ((), (Notice(day=14, text=MessageKind.suspension_notice),)):
        with pytest.raises(ValidationError, match="suspension_notice"):
            DunningPolicy(id="rude", tell=tell)
    with pytest.raises(ValidationError, match="last day"):
        DunningPolicy(id="endless", end=10)


def test_the_rest_of_an_invoice_may_be_a_trifle_and_a_small_invoice_is_none() -> None:
    policy = DunningPolicy(id="usual")
    euros = {minor: Money(minor=minor, currency="EUR") for minor in (30, 49, 50, 1000)}
    assert [policy.is_trifle(euros[due], euros[of]) for due, of in ((49, 1000), (49, 50))] == [True, True]
    assert [policy.is_trifle(euros[due], euros[of]) for due, of in ((50, 1000), (30, 30))] == [False, False]


def test_the_caps_of_the_card_networks() -> None:
    assert [capped("visa", 14), capped("visa", 15)] == [False, True]
    assert [capped("mastercard", 9), capped("mastercard", 10)] == [False, True]
    assert [capped(None, 9), capped(None, 10)] == [False, True]
