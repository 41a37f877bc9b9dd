"""Revenue is earned per day of service and adds up to the line."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.calendar import Period
from domain.billing.recognition import (
    Earned,
    RecognitionSettings,
    Remainder,
    RevenueSchedule,
    at_once,
    booked_at,
    close,
    due_for_close,
    earned_through,
    rescaled,
    schedule,
)
from tests.domain.billing.line_samples import MARCH
from tests.domain.billing.oracle_recognition import days_of_service, exact_through
from tests.domain.samples import eur

DEFAULT = RecognitionSettings()
SPREAD = RecognitionSettings(remainder=Remainder.spread)
FAR_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_a_service_is_earned_by_day_as_stripe_shows() -> None:
    # Stripe, "Revenue Recognition settings examples": 120 USD from 15 June 12:00 to 13 October 12:00 are, by day,
    # 16.00 in June, 31 in July, 31 in August, 30 in September and 12.00 in October
    period = Period(start=datetime(2026, 6, 15, 12, tzinfo=UTC), end=datetime(2026, 10, 13, 12, tzinfo=UTC))

    months: Counter[int] = Counter()
    for each in schedule(eur(12000), period, FAR_AGO, DEFAULT):
        months[each.day.month] += each.amount.minor

    assert months == {6: 1600, 7: 3100, 8: 3100, 9: 3000, 10: 1200}


def test_the_rest_is_earned_on_the_last_day() -> None:
    # 100.00 / 31 = 3.2258: 30 × 3.22 = 96.60, and 3.40 on the 31st
    days = schedule(eur(10000), MARCH, FAR_AGO, DEFAULT)

    assert [each.amount.minor for each in days] == [322] * 30 + [340]
    assert (days[0].day, days[-1].day) == (date(2026, 3, 1), date(2026, 3, 31))


def test_the_rest_is_spread_by_setting() -> None:
    # 0.03 over 4 days: 0.75, 1.5, 2.25, 3 cents running, rounded half up 1, 2, 2, 3
    period = Period(start=MARCH.start, end=MARCH.start + timedelta(days=4))

    assert [each.amount.minor for each in schedule(eur(3), period, FAR_AGO, SPREAD)] == [1, 1, 0, 1]


def test_nothing_is_earned_before_activation() -> None:
    # activated on the 11th: 21 days of 100.00 / 21 = 4.76, and 100.00 − 20 × 4.76 = 4.80 on the last
    days = schedule(eur(10000), MARCH, datetime(2026, 3, 11, 9, tzinfo=UTC), DEFAULT)

    assert (len(days), days[0].day, days[0].amount, days[-1].amount) == (21, date(2026, 3, 11), eur(476), eur(480))


def test_a_service_activated_after_its_period_earns_all_on_that_day() -> None:
    days = schedule(eur(10000), MARCH, datetime(2026, 4, 5, tzinfo=UTC), DEFAULT)

    assert days == (Earned(day=date(2026, 4, 5), amount=eur(10000)),)


def test_a_one_off_is_earned_at_delivery() -> None:
    # 23:30 UTC on 2 March is 3 March in Berlin
    delivered = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)

    assert at_once(eur(5000), delivered, RecognitionSettings(timezone="Europe/Berlin")) == (
        Earned(day=date(2026, 3, 3), amount=eur(5000)),
    )


def test_days_are_those_of_the_books_through_a_clock_change() -> None:
    # March in Berlin is 1 March 00:00 CET to 1 April 00:00 CEST: 31 local days, though an hour short
    march = Period(start=datetime(2026, 2, 28, 23, tzinfo=UTC), end=datetime(2026, 3, 31, 22, tzinfo=UTC))

    days = schedule(eur(3100), march, FAR_AGO, RecognitionSettings(timezone="Europe/Berlin"))

    assert [(each.day.day, each.amount.minor) for each in days] == [(day, 100) for day in range(1, 32)]


def test_a_close_books_what_came_late_on_its_first_open_day() -> None:
    # 31.00 over March; closed through the 10th, so the 11th books 11 × 1.00 and each day to the 15th 1.00
    days = schedule(eur(3100), MARCH, FAR_AGO, DEFAULT)

    booked = due_for_close(days, closed_through=date(2026, 3, 10), through=date(2026, 3, 15))

    assert [(each.day.day, each.amount.minor) for each in booked] == [(11, 1100), (12, 100), (13, 100), (14, 100), (15, 100)]


def test_days_of_nothing_are_not_booked() -> None:
    # 0.05 over 31 days is all on the last one
    days = schedule(eur(5), MARCH, FAR_AGO, DEFAULT)

    assert due_for_close(days, date(2026, 2, 28), date(2026, 3, 31)) == [Earned(day=date(2026, 3, 31), amount=eur(5))]


PERIODS = st.tuples(st.integers(0, 24 * 400), st.integers(1, 24 * 70))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/New_York"])


@given(st.integers(-20000, 20000), PERIODS, ZONES, st.sampled_from(Remainder))
def test_the_days_are_those_of_the_service_and_add_up(
    net: int, hours: tuple[int, int], zone: str, remainder: Remainder
) -> None:
    start = MARCH.start + timedelta(hours=hours[0])
    period = Period(start=start, end=start + timedelta(hours=hours[1]))

    days = schedule(eur(net), period, FAR_AGO, RecognitionSettings(remainder=remainder, timezone=zone))

    expected = days_of_service(period.start, period.end, ZoneInfo(zone))
    assert [each.day for each in days] == expected
    assert sum(each.amount.minor for each in days) == net
    for each in days:
        exact = exact_through(net, expected, each.day)
        off = abs(earned_through(days, each.day, "EUR").minor - exact)
        assert off * 2 <= 1 if remainder is Remainder.spread else off < len(expected)


@pytest.mark.parametrize("net", [10000, -10000])
def test_a_credit_is_earned_back_as_its_debit_was(net: int) -> None:
    assert [each.amount.minor for each in schedule(eur(net), MARCH, FAR_AGO, DEFAULT)][-1] == net // 10000 * 340


def test_after_a_credit_note_the_days_that_are_left_earn_what_is_left() -> None:
    # 4 days of 2.50 are left and 4.00 of their 10.00 credited: 6.00 over them are 1.50 each
    days = [Earned(day=date(2026, 3, day), amount=eur(250)) for day in range(28, 32)]

    assert [each.amount for each in rescaled(days, eur(600))] == [eur(150)] * 4
    assert rescaled(days, eur(0)) == []
    with pytest.raises(ValueError, match=r"days: there is none left to earn 6\.00 EUR on"):
        rescaled([], eur(600))


def planned(minor: int, issued_at: datetime, **changes: Any) -> RevenueSchedule:
    given = {"line": "L-1", "net": eur(minor), "period": MARCH, "begins_at": MARCH.start, "issued_at": issued_at}
    return RevenueSchedule.model_validate(given | changes)


def test_what_was_invoiced_late_is_earned_from_the_day_of_the_invoice() -> None:
    """31.00 for March, issued on the 11th: ten days are made up for, and each day after has 1.00."""
    days = planned(3100, datetime(2026, 3, 11, 9, tzinfo=UTC)).days()
    assert [(each.day, each.amount) for each in days[:2]] == [(date(2026, 3, 11), eur(1100)), (date(2026, 3, 12), eur(100))]
    assert len(days) == 21


def test_what_was_invoiced_in_arrears_is_earned_at_once() -> None:
    assert planned(3100, datetime(2026, 4, 1, 9, tzinfo=UTC)).days() == [Earned(day=date(2026, 4, 1), amount=eur(3100))]


def test_a_credit_leaves_less_to_earn_on_each_day_that_is_left() -> None:
    """3.00 of 31.00 are booked, and half of the other 28.00 was credited: 0.50 a day from the 4th on."""
    plan = planned(3100, MARCH.start)
    done = close(plan, date(2026, 3, 4), eur(1400), date(2026, 3, 5))
    assert [each.amount for each in done.earned] == [eur(50), eur(50)]
    assert done.next_day == date(2026, 3, 6)


def test_a_line_that_was_credited_whole_is_earned_no_more() -> None:
    done = close(planned(3100, MARCH.start), date(2026, 3, 4), eur(0), date(2026, 3, 5))
    assert (done.earned, done.next_day) == ([], None)


def test_a_day_is_booked_at_its_own_end_in_the_zone_of_the_books() -> None:
    """On 31 March Berlin is two hours ahead of UTC."""
    berlin = RecognitionSettings(timezone="Europe/Berlin")
    assert booked_at(date(2026, 3, 31), berlin) == datetime(2026, 3, 31, 21, 59, 59, 999999, tzinfo=UTC)


@given(
    minor=st.integers(-(10**6), 10**6),
    issued=st.datetimes(datetime(2026, 2, 20), datetime(2026, 4, 10), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
    closes=st.lists(st.dates(date(2026, 2, 20), date(2026, 4, 12)), max_size=8),
    settings=st.sampled_from([DEFAULT, SPREAD]),
)
def test_however_often_the_books_are_closed_all_is_earned_once(
    minor: int, issued: datetime, closes: list[date], settings: RecognitionSettings
) -> None:
    plan = planned(minor, issued, settings=settings)
    booked: Counter[date] = Counter()
    due, left = next((each.day for each in plan.days()), None), minor
    for through in [*sorted(closes), date(2026, 4, 12)]:
        if due is None or due > through:
            continue
        done = close(plan, due, eur(left), through)
        booked.update({each.day: each.amount.minor for each in done.earned})
        due, left = done.next_day, minor - sum(booked.values())
    assert (due, left) == (None, 0)
    assert booked == Counter({each.day: each.amount.minor for each in plan.days()})
