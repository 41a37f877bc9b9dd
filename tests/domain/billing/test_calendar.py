"""Billing periods: from an anchor, in the customer's zone, across month ends, leap days and daylight saving."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.calendar import Cadence, Period, Schedule
from tests.domain.billing.oracle_calendar import anniversary_days, calendar_days, first_instant

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
INTERVALS = ["day", "week", "month", "quarter", "year"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def schedule(interval: str, anchor: datetime, count: int = 1, **settings: Any) -> Schedule:
    return Schedule.model_validate({"cadence": {"interval": interval, "count": count}, "anchor": anchor} | settings)


def starts(plan: Schedule, count: int) -> list[str]:
    """Local dates of the first full periods."""
    zone = ZoneInfo(plan.timezone)
    return [plan.period(n).start.astimezone(zone).date().isoformat() for n in range(count)]


def span(period: Period) -> tuple[datetime, datetime]:
    return period.start, period.end


@pytest.mark.money_case(1)
@pytest.mark.parametrize(
    ("interval", "anchor", "expected"),
    [
        # docs.stripe.com/billing/subscriptions/billing-cycle: an anchor of 31 January bills 28 February, 31 March, 30 April
        ("month", "2026-01-31", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("month", "2028-01-31", ["2028-01-31", "2028-02-29", "2028-03-31"]),
        ("month", "2026-01-30", ["2026-01-30", "2026-02-28", "2026-03-30"]),
        ("month", "2026-09-02", ["2026-09-02", "2026-10-02", "2026-11-02"]),
        ("quarter", "2025-11-30", ["2025-11-30", "2026-02-28", "2026-05-30", "2026-08-30"]),
        ("year", "2024-02-29", ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        # docs.stripe.com: a weekly one of Friday, 3 June (2022) bills every Friday
        ("week", "2022-06-03", ["2022-06-03", "2022-06-10", "2022-06-17"]),
        ("day", "2024-02-28", ["2024-02-28", "2024-02-29", "2024-03-01"]),
    ],
)
def test_periods_are_counted_from_the_anchor(interval: str, anchor: str, expected: list[str]) -> None:
    assert starts(schedule(interval, utc(anchor)), len(expected)) == expected


@pytest.mark.parametrize(
    ("interval", "count", "expected"),
    [
        ("month", 2, ["2025-12-31", "2026-02-28", "2026-04-30"]),
        ("quarter", 2, ["2025-12-31", "2026-06-30", "2026-12-31"]),
        ("year", 3, ["2025-12-31", "2028-12-31", "2031-12-31"]),
        ("week", 2, ["2025-12-31", "2026-01-14", "2026-01-28"]),
        ("day", 30, ["2025-12-31", "2026-01-30", "2026-03-01"]),
    ],
)
def test_a_cadence_may_count_several_intervals(interval: str, count: int, expected: list[str]) -> None:
    assert starts(schedule(interval, utc("2025-12-31"), count), 3) == expected


@pytest.mark.money_case(2)
def test_the_anchors_local_time_of_day_is_kept_when_the_clocks_change() -> None:
    # 29 March 2026: Berlin goes from UTC+1 to UTC+2; 09:00 there is 08:00 UTC before and 07:00 UTC after
    monthly = schedule("month", berlin("2026-03-15T09:00"), timezone="Europe/Berlin")

    assert span(monthly.period(0)) == (utc("2026-03-15T08:00"), utc("2026-04-15T07:00"))


@pytest.mark.money_case(2)
def test_the_customers_zone_decides_the_day() -> None:
    # 23:30 UTC of 31 January is 1 February in Berlin
    anchor = utc("2026-01-31T23:30")

    assert starts(schedule("month", anchor), 2) == ["2026-01-31", "2026-02-28"]
    assert starts(schedule("month", anchor, timezone="Europe/Berlin"), 2) == ["2026-02-01", "2026-03-01"]


def test_a_day_is_23_hours_long_in_spring_and_25_in_autumn() -> None:
    spring = schedule("day", berlin("2026-03-29"), timezone="Europe/Berlin").period(0)
    autumn = schedule("day", berlin("2026-10-25"), timezone="Europe/Berlin").period(0)

    assert (spring.end - spring.start, autumn.end - autumn.start) == (timedelta(hours=23), timedelta(hours=25))


def test_a_time_that_the_clocks_skip_is_the_first_instant_after_the_gap() -> None:
    # 29 March 2026 in Berlin: 02:00 becomes 03:00 at 01:00 UTC
    daily = schedule("day", berlin("2026-03-28T02:30"), timezone="Europe/Berlin")

    assert span(daily.period(1)) == (utc("2026-03-29T01:00"), utc("2026-03-30T00:30"))


def test_a_time_that_the_clocks_show_twice_is_the_earlier_one() -> None:
    # 25 October 2026 in Berlin: 02:30 is at 00:30 UTC (summer time) and again at 01:30 UTC
    daily = schedule("day", berlin("2026-10-24T02:30"), timezone="Europe/Berlin")

    assert daily.period(1).start == utc("2026-10-25T00:30")


def test_an_anchor_at_the_second_showing_of_a_time_stays_where_it_is() -> None:
    daily = schedule("day", utc("2026-10-25T01:30"), timezone="Europe/Berlin")

    assert span(daily.period(0)) == (utc("2026-10-25T01:30"), utc("2026-10-26T01:30"))
    assert daily.number(utc("2026-10-25T00:45")) == -1


def test_a_later_time_shown_twice_is_the_earlier_one_whichever_the_anchor_was() -> None:
    # 26 October 2025, 01:30 UTC, is the second 02:30 in Berlin; 52 weeks later there are two again
    weekly = schedule("week", utc("2025-10-26T01:30"), timezone="Europe/Berlin")

    assert weekly.period(52).start == utc("2026-10-25T00:30")


def test_an_instant_of_a_day_shown_again_lies_in_the_period_that_has_begun() -> None:
    # St. John's, 7 November 2010: at 00:01 (02:31 UTC) the clocks went back to 23:01 of the day before
    daily = schedule("day", utc("2010-11-01T12:00"), timezone="America/St_Johns", alignment={})

    assert span(daily.whole(utc("2010-11-07T02:45"))) == (utc("2010-11-07T02:30"), utc("2010-11-08T03:30"))


def test_a_skipped_midnight_begins_the_day_when_the_clocks_do() -> None:
    # Havana, 8 March 2026: 00:00 becomes 01:00, at 05:00 UTC
    daily = schedule("day", utc("2026-03-07T12:00"), timezone="America/Havana", alignment={})

    assert daily.period(0).start == utc("2026-03-08T05:00")


def test_a_day_that_a_zone_left_out_is_no_period() -> None:
    # Samoa went from 29 to 31 December 2011
    daily = schedule("day", utc("2011-12-28T10:00"), timezone="Pacific/Apia")  # 00:00 at UTC-10

    whole = daily.whole(utc("2011-12-30T12:00"))

    assert daily.period(1).end == utc("2011-12-30T10:00") == whole.start
    assert daily.number(whole.start) == 3
    with pytest.raises(ValueError, match="end: must be after start"):
        daily.period(2)


@pytest.mark.parametrize(
    ("interval", "alignment", "expected"),
    [
        ("month", {"day_of_month": 1}, ["2026-02-01", "2026-03-01"]),
        ("month", {"day_of_month": 31}, ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("month", {}, ["2026-02-01", "2026-03-01"]),
        ("week", {}, ["2026-01-19", "2026-01-26"]),  # Mondays; the anchor, 15 January 2026, is a Thursday
        ("week", {"weekday": 4}, ["2026-01-22"]),  # its own midnight lies before the anchor, which is at 10:00
        ("week", {"weekday": 7}, ["2026-01-18"]),
        ("quarter", {}, ["2026-04-01", "2026-07-01"]),
        ("quarter", {"month_of_year": 2}, ["2026-02-01", "2026-05-01"]),
        ("year", {}, ["2027-01-01", "2028-01-01"]),
        # the British tax year
        ("year", {"month_of_year": 4, "day_of_month": 6}, ["2026-04-06", "2027-04-06"]),
        ("year", {"month_of_year": 2, "day_of_month": 29}, ["2026-02-28", "2027-02-28", "2028-02-29"]),
        ("day", {}, ["2026-01-16", "2026-01-17"]),
    ],
)
def test_aligned_periods_begin_at_the_first_aligned_day_after_the_anchor(
    interval: str, alignment: dict[str, int], expected: list[str]
) -> None:
    aligned = schedule(interval, utc("2026-01-15T10:00"), alignment=alignment)

    assert starts(aligned, len(expected)) == expected


def test_aligned_periods_begin_at_local_midnight() -> None:
    aligned = schedule("month", berlin("2026-03-10T15:00"), timezone="Europe/Berlin", alignment={"day_of_month": 1})

    # midnight of 1 April in Berlin, at UTC+2
    assert aligned.period(0).start == utc("2026-03-31T22:00")


def test_several_aligned_intervals_count_from_the_first_boundary() -> None:
    aligned = schedule("month", utc("2026-01-15"), 3, alignment={"day_of_month": 1})

    assert starts(aligned, 3) == ["2026-02-01", "2026-05-01", "2026-08-01"]


def test_a_short_stub_is_a_part_of_the_full_period_it_lies_in() -> None:
    aligned = schedule("month", utc("2026-01-15T10:00"), alignment={"day_of_month": 1})

    stub = aligned.at(utc("2026-01-20"))

    assert span(stub) == (utc("2026-01-15T10:00"), utc("2026-02-01"))
    (share,) = stub.shares
    assert span(share.part) == span(stub)
    assert span(share.whole) == (utc("2026-01-01"), utc("2026-02-01"))
    assert not stub.full


def test_a_long_stub_is_billed_with_the_first_full_period() -> None:
    aligned = schedule("month", utc("2026-01-15"), alignment={"day_of_month": 1}, stub="long")

    opening = aligned.at(utc("2026-02-20"))

    assert span(opening) == (utc("2026-01-15"), utc("2026-03-01"))
    before, full = opening.shares
    assert span(before.part) == (utc("2026-01-15"), utc("2026-02-01"))
    assert span(full.part) == span(full.whole) == (utc("2026-02-01"), utc("2026-03-01"))
    assert span(aligned.at(utc("2026-03-01"))) == (utc("2026-03-01"), utc("2026-04-01"))


def test_a_free_stub_charges_nothing() -> None:
    aligned = schedule("month", utc("2026-01-15"), alignment={"day_of_month": 1}, stub="free")

    assert span(aligned.at(utc("2026-01-15"))) == (utc("2026-01-15"), utc("2026-02-01"))
    assert aligned.at(utc("2026-01-15")).shares == ()
    assert aligned.final(utc("2026-01-20")).shares == ()
    assert aligned.at(utc("2026-02-01")).full


@pytest.mark.parametrize("stub", ["short", "long", "free"])
def test_an_anchor_on_the_aligned_day_has_no_stub(stub: str) -> None:
    aligned = schedule("month", utc("2026-02-01"), alignment={"day_of_month": 1}, stub=stub)

    assert span(aligned.at(utc("2026-02-01"))) == (utc("2026-02-01"), utc("2026-03-01"))
    assert aligned.at(utc("2026-02-01")).full


def test_a_service_that_joins_later_has_a_stub_up_to_the_next_boundary() -> None:
    monthly = schedule("month", utc("2026-01-31"))

    joined = monthly.first(utc("2026-03-10"))

    assert span(joined) == (utc("2026-03-10"), utc("2026-03-31"))
    assert span(joined.shares[0].whole) == (utc("2026-02-28"), utc("2026-03-31"))
    assert monthly.first(utc("2026-03-31")).full


def test_a_service_that_ends_within_a_period_has_a_final_stub() -> None:
    monthly = schedule("month", utc("2026-01-15"))

    last = monthly.final(utc("2026-02-20"))

    assert span(last) == (utc("2026-02-15"), utc("2026-02-20"))
    assert span(last.shares[0].whole) == (utc("2026-02-15"), utc("2026-03-15"))


def test_a_service_that_ends_at_a_boundary_has_a_full_last_period() -> None:
    last = schedule("month", utc("2026-01-15")).final(utc("2026-03-15"))

    assert span(last) == (utc("2026-02-15"), utc("2026-03-15"))
    assert last.full


def test_a_service_that_ends_in_its_long_first_period_is_charged_by_both_shares() -> None:
    aligned = schedule("month", utc("2026-01-15"), alignment={"day_of_month": 1}, stub="long")

    last = aligned.final(utc("2026-02-10"))

    assert [span(share.part) for share in last.shares] == [
        (utc("2026-01-15"), utc("2026-02-01")),
        (utc("2026-02-01"), utc("2026-02-10")),
    ]


def test_the_periods_that_start_within_a_window_include_its_start_and_not_its_end() -> None:
    aligned = schedule("month", utc("2026-01-15"), alignment={"day_of_month": 1})

    def within(start: str, end: str) -> list[str]:
        window = Period(start=utc(start), end=utc(end))
        return [period.start.date().isoformat() for period in aligned.starting_within(window)]

    assert within("2025-01-01", "2026-03-01") == ["2026-01-15", "2026-02-01"]
    assert within("2026-02-01", "2026-04-02") == ["2026-02-01", "2026-03-01", "2026-04-01"]
    assert within("2026-02-02", "2026-03-01") == []
    assert within("2025-01-01", "2026-01-15") == []


def test_a_boundary_belongs_to_the_period_it_begins() -> None:
    monthly = schedule("month", utc("2026-01-15"))

    assert monthly.number(utc("2026-02-15")) == 1
    assert monthly.number(utc("2026-02-15") - timedelta(microseconds=1)) == 0
    assert monthly.number(utc("2026-01-14")) == -1


def test_nothing_is_billed_before_the_anchor() -> None:
    monthly = schedule("month", utc("2026-01-15"))

    with pytest.raises(ValueError, match="instant: must not be before"):
        monthly.at(utc("2026-01-14"))
    with pytest.raises(ValueError, match="end_of_service: must be after"):
        monthly.final(utc("2026-01-15"))


def test_naive_instants_are_refused_with_the_field_named() -> None:
    naive = datetime(2026, 1, 15)  # noqa: DTZ001
    monthly = schedule("month", utc("2026-01-15"))

    with pytest.raises(ValidationError, match=r"anchor\n.*needs a time zone"):
        schedule("month", naive)
    with pytest.raises(ValidationError, match=r"start\n.*needs a time zone"):
        Period(start=naive, end=utc("2026-01-16"))
    with pytest.raises(ValueError, match="instant: needs a time zone"):
        monthly.at(naive)
    with pytest.raises(ValueError, match="start: needs a time zone"):
        monthly.first(naive)
    with pytest.raises(ValueError, match="end_of_service: needs a time zone"):
        monthly.final(naive)


@pytest.mark.parametrize("name", ["Mars/Olympus", "Europe", "", "../etc/localtime", "localtime", "right/UTC", "posixrules"])
def test_an_unknown_zone_is_refused_with_the_field_named(name: str) -> None:
    with pytest.raises(ValidationError, match=r"timezone\n.*is not an IANA time zone"):
        schedule("month", utc("2026-01-15"), timezone=name)


@pytest.mark.parametrize(
    ("interval", "alignment", "field"),
    [
        ("month", {"weekday": 1}, "alignment.weekday"),
        ("week", {"day_of_month": 1}, "alignment.day_of_month"),
        ("month", {"month_of_year": 1}, "alignment.month_of_year"),
        ("year", {"day_of_month": 32}, "alignment.day_of_month"),
        ("week", {"weekday": 8}, "alignment.weekday"),
        ("year", {"month_of_year": 0}, "alignment.month_of_year"),
    ],
)
def test_an_alignment_that_does_not_fit_is_refused_with_the_field_named(
    interval: str, alignment: dict[str, int], field: str
) -> None:
    with pytest.raises(ValidationError, match=field):
        schedule(interval, utc("2026-01-15"), alignment=alignment)


@pytest.mark.parametrize("end", ["2026-01-15", "2026-01-14"])
def test_a_period_that_does_not_end_after_its_start_is_refused(end: str) -> None:
    with pytest.raises(ValidationError, match="end: must be after start"):
        Period(start=utc("2026-01-15"), end=utc(end))


def test_a_cadence_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="count"):
        Cadence.model_validate({"interval": "month", "count": 0})


@pytest.mark.parametrize("n", [10**9, -(10**9)])
def test_a_period_beyond_the_calendar_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="beyond the years"):
        schedule("month", utc("2026-01-15")).period(n)


def test_two_periods_have_their_common_time_in_common() -> None:
    january = Period(start=utc("2026-01-01"), end=utc("2026-02-01"))

    assert january.common(Period(start=utc("2026-01-20"), end=utc("2026-03-01"))) == Period(
        start=utc("2026-01-20"), end=utc("2026-02-01")
    )
    assert january.common(Period(start=utc("2026-02-01"), end=utc("2026-03-01"))) is None


def test_a_schedule_survives_being_written_and_read() -> None:
    aligned = schedule("month", utc("2026-01-15"), timezone="Europe/Berlin", alignment={"day_of_month": 31})
    aligned.period(3)

    assert Schedule.model_validate_json(aligned.model_dump_json()) == aligned


ANCHORS = st.integers(0, 20 * 366 * 96).map(lambda quarters: utc("2005-01-01") + timedelta(minutes=15) * quarters)


@given(ANCHORS, st.sampled_from(INTERVALS), st.integers(1, 3), st.sampled_from(ZONES), st.integers(0, 6))
@example(utc("2026-10-25T01:30"), "day", 1, "Europe/Berlin", 0)
@example(utc("2024-02-29"), "year", 1, "UTC", 4)
def test_anniversaries_are_the_days_an_obvious_count_finds(
    anchor: datetime, interval: str, count: int, timezone: str, n: int
) -> None:
    zone = ZoneInfo(timezone)
    wall = anchor.astimezone(zone)
    plan = schedule(interval, anchor, count, timezone=timezone)

    days = list(islice(anniversary_days(wall.date(), interval, count), n + 1))

    expected = first_instant(days[n], wall.time(), zone) if n else anchor
    assert plan._boundary(n) == expected


@given(ANCHORS, st.sampled_from(INTERVALS), st.sampled_from(ZONES), st.integers(1, 7), st.integers(1, 31), st.integers(1, 12))
def test_aligned_days_are_those_an_obvious_count_finds(
    anchor: datetime, interval: str, timezone: str, weekday: int, day_of_month: int, month_of_year: int
) -> None:
    zone = ZoneInfo(timezone)
    chosen = {"weekday": weekday} if interval == "week" else {}
    chosen |= {} if interval in ("day", "week") else {"day_of_month": day_of_month}
    chosen |= {"month_of_year": month_of_year} if interval in ("quarter", "year") else {}
    plan = schedule(interval, anchor, timezone=timezone, alignment=chosen)

    days = calendar_days(anchor.astimezone(zone).date(), interval, weekday, day_of_month, month_of_year)
    instants = (first_instant(day, time(), zone) for day in days)

    first = next(instant for instant in instants if instant >= anchor)
    assert (plan._boundary(0), plan._boundary(1)) == (first, next(instants))


@given(ANCHORS, st.sampled_from(INTERVALS), st.integers(1, 5), st.sampled_from(ZONES), st.booleans(), st.integers(-9999, 9999))
def test_an_instant_lies_in_the_period_with_its_number(
    anchor: datetime, interval: str, count: int, timezone: str, aligned: bool, hours: int
) -> None:
    plan = schedule(interval, anchor, count, timezone=timezone, alignment={} if aligned else None)
    instant = anchor + timedelta(hours=hours)

    assert instant in plan.whole(instant)


@given(ANCHORS, st.sampled_from(INTERVALS), st.sampled_from(ZONES), st.booleans(), st.sampled_from(["short", "long", "free"]))
def test_billed_periods_follow_each_other_without_gap_or_overlap(
    anchor: datetime, interval: str, timezone: str, aligned: bool, stub: str
) -> None:
    plan = schedule(interval, anchor, timezone=timezone, alignment={} if aligned else None, stub=stub)

    periods = list(islice(plan.starting_within(Period(start=anchor, end=anchor + timedelta(days=9999))), 5))

    assert periods[0].start == anchor
    assert [period.start for period in periods[1:]] == [period.end for period in periods[:-1]]
    assert all(plan.at(period.start) == period for period in periods)


def test_the_day_arithmetic_of_the_oracle_is_that_of_the_calendar() -> None:
    assert list(islice(anniversary_days(date(2026, 1, 31), "month", 1), 3)) == [
        date(2026, 1, 31),
        date(2026, 2, 28),
        date(2026, 3, 31),
    ]
