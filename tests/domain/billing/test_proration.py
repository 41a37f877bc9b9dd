"""What parts of a period cost, against published examples and counts by the minute and by the day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.calendar import Period, Schedule
from domain.billing.proration import (
    Basis,
    Cut,
    Part,
    Proration,
    active_parts,
    charge_for,
    charge_for_service,
    charges_for,
    fraction_of,
    measured,
    paused_part,
    service_fraction,
)
from domain.money import Money
from tests.domain.billing.oracle_proration import by_days, by_minutes, rounded_half_up
from tests.domain.samples import eur

BERLIN = ZoneInfo("Europe/Berlin")


def span(start: str, end: str, zone: Any = UTC) -> Period:
    """Between two local times; a date is its midnight."""
    return Period(
        start=datetime.fromisoformat(start).replace(tzinfo=zone), end=datetime.fromisoformat(end).replace(tzinfo=zone)
    )


def part(start: str, end: str, starts: str = "change", ends: str = "change", zone: Any = UTC) -> Part:
    between = span(start, end, zone)
    return Part(start=between.start, end=between.end, starts=Cut(starts), ends=Cut(ends))


def by(basis: str, timezone: str = "UTC", **policy: Any) -> Proration:
    return Proration.model_validate({"policy": {"by": basis} | policy, "timezone": timezone})


def cost(amount: str, whole: Period, of: Period, basis: str = "second") -> int:
    return charge_for(Decimal(amount), "EUR", whole, of, by(basis)).minor


APRIL = span("2026-04-01", "2026-05-01")
JANUARY = span("2026-01-01", "2026-02-01")


def test_stripes_example_charges_half_of_the_new_plan_halfway() -> None:
    # docs.stripe.com/billing/subscriptions/prorations: half of 20 USD is 10 USD; the 5 USD credit is in test_debits.py
    assert cost("20", APRIL, span("2026-04-16", "2026-05-01")) == 1000


def test_chargebees_example_by_the_second() -> None:
    # support.chargebee.com, pro-ration logic: 15 of November's 30 days are left: 30/30 × 15 = 15, 100/30 × 15 = 50
    november, rest = span("2026-11-01", "2026-12-01"), span("2026-11-16", "2026-12-01")

    assert (cost("30", november, rest), cost("100", november, rest)) == (1500, 5000)


def test_chargebees_example_of_a_downgrade_by_the_day() -> None:
    # chargebee.com/docs/proration-old: 1 April to 1 May 2012, on the 21st from 60 to 30: 20 days used are 40, 10 left are 10
    april = span("2012-04-01", "2012-05-01")

    assert cost("60", april, span("2012-04-01", "2012-04-21"), "day") == 4000
    assert cost("30", april, span("2012-04-21", "2012-05-01"), "day") == 1000


def test_lagos_example_bills_the_day_of_the_change_to_the_new_plan() -> None:
    # getlago.com/docs/guide/subscriptions/upgrades-downgrades: 100 until 15 January, 14/31 = 45.16; then 200 × 17/31 = 109.68
    assert cost("100", JANUARY, span("2026-01-01", "2026-01-15T11:00"), "day") == 4516
    assert cost("200", JANUARY, span("2026-01-15T11:00", "2026-02-01"), "day") == 10968


@pytest.mark.parametrize(
    # Kill Bill, TestInvoiceDateUtilsWithoutFixedProration: 0.741935484, 0.733333333, 0.714285714 and 0.724137931 of a month
    ("start", "cycle_day", "expected"),
    [
        ("2023-05-23", "2023-06-15", Fraction(23, 31)),
        ("2023-06-23", "2023-07-15", Fraction(22, 30)),
        ("2023-02-23", "2023-03-15", Fraction(20, 28)),
        ("2024-02-23", "2024-03-15", Fraction(21, 29)),
    ],
)
def test_kill_bills_leading_prorations(start: str, cycle_day: str, expected: Fraction) -> None:
    schedule = Schedule.model_validate(
        {"cadence": {"interval": "month"}, "anchor": f"{start}T00:00Z", "alignment": {"day_of_month": 15}}
    )
    stub = schedule.at(schedule.anchor)

    assert stub.end.date().isoformat() == cycle_day
    assert service_fraction(stub, by("day")) == expected


@pytest.mark.parametrize(
    ("start", "last_day_excluded", "expected"),
    [
        ("2023-05-23", "2023-06-15", Fraction(23, 31)),
        ("2024-02-23", "2024-03-15", Fraction(21, 29)),
    ],
)
def test_kill_bills_trailing_prorations(start: str, last_day_excluded: str, expected: Fraction) -> None:
    schedule = Schedule.model_validate({"cadence": {"interval": "month"}, "anchor": f"{start}T00:00Z"})
    last = schedule.final(datetime.fromisoformat(last_day_excluded).replace(tzinfo=UTC))

    assert service_fraction(last, by("day")) == expected


@pytest.mark.money_case(4)
@pytest.mark.parametrize(
    # docs.zuora.com, Prorating: 30 days or actual days, columns "actual" and "strict 30/360"; its end dates are inclusive
    ("start", "end", "month", "actual", "strict"),
    [
        ("2021-01-27", "2021-02-01", ("2021-01-01", "2021-02-01"), Fraction(5, 31), Fraction(4, 30)),
        ("2021-02-27", "2021-03-01", ("2021-02-01", "2021-03-01"), Fraction(2, 28), Fraction(4, 30)),
        ("2020-02-01", "2020-03-01", ("2020-02-01", "2020-03-01"), Fraction(1), Fraction(1)),
        ("2021-04-21", "2021-04-30", ("2021-04-01", "2021-05-01"), Fraction(9, 30), Fraction(9, 30)),
    ],
)
def test_zuoras_table_of_actual_and_thirty_days(
    start: str, end: str, month: tuple[str, str], actual: Fraction, strict: Fraction
) -> None:
    assert fraction_of(span(start, end), span(*month), by("day")) == actual
    assert fraction_of(span(start, end), span(*month), by("thirty")) == strict


def test_zuoras_example_of_a_week() -> None:
    # docs.zuora.com, Partial Week Proration: from Monday, 1 January 2018, billed on Wednesdays: 2 of 7 days of 100
    schedule = Schedule.model_validate(
        {"cadence": {"interval": "week"}, "anchor": "2018-01-01T00:00Z", "alignment": {"weekday": 3}}
    )

    assert service_fraction(schedule.at(schedule.anchor), by("day")) == Fraction(2, 7)
    assert charge_for_service(Decimal(100), "EUR", schedule.at(schedule.anchor), by("day")) == eur(2857)


def test_zuoras_example_of_usage_in_a_part_of_january() -> None:
    # docs.zuora.com, Usage charge proration: 15 to 31 January are 17 of 31 days; of 31 × 1 that is 17
    assert cost("31", JANUARY, span("2026-01-15", "2026-02-01"), "day") == 1700


@pytest.mark.money_case(4)
def test_a_daily_price_is_never_rounded_before_it_is_multiplied() -> None:
    # help.mlytics.com rounds 10/30 to 0.33 and credits 15 days at 4.95; half of 10.00 is 5.00, and half of 99.00 is 49.50
    september, rest = span("2026-09-01", "2026-10-01"), span("2026-09-16", "2026-10-01")

    assert (cost("10", september, rest, "day"), cost("99", september, rest, "day")) == (500, 4950)


def test_recurlys_example_of_a_user_added_in_the_middle_of_june() -> None:
    # support.recurly.com: 10 for a user, halfway through June 5
    assert cost("10", span("2026-06-01", "2026-07-01"), span("2026-06-16", "2026-07-01")) == 500


@pytest.mark.parametrize(
    ("day", "next_day", "month", "hours"),
    [
        ("2026-03-29", "2026-03-30", ("2026-03-01", "2026-04-01"), Fraction(23, 743)),  # 31 × 24 − 1
        ("2026-10-25", "2026-10-26", ("2026-10-01", "2026-11-01"), Fraction(25, 745)),  # 31 × 24 + 1
    ],
)
def test_a_day_of_a_clock_change_is_a_day_by_days_and_its_hours_by_seconds(
    day: str, next_day: str, month: tuple[str, str], hours: Fraction
) -> None:
    of, whole = span(day, next_day, BERLIN), span(*month, BERLIN)

    assert fraction_of(of, whole, by("second", "Europe/Berlin")) == hours
    assert fraction_of(of, whole, by("day", "Europe/Berlin")) == Fraction(1, 31)


def test_days_are_those_of_the_customers_zone() -> None:
    # 23:00 UTC of 14 January is midnight of the 15th in Berlin, where 17 days of January are left
    of = Period(start=datetime(2026, 1, 14, 23, tzinfo=UTC), end=span("2026-02-01", "2026-02-02", BERLIN).start)

    assert fraction_of(of, span("2026-01-01", "2026-02-01", BERLIN), by("day", "Europe/Berlin")) == Fraction(17, 31)


@pytest.mark.parametrize(("year", "days"), [("2027", Fraction(14, 28)), ("2028", Fraction(15, 29))])
def test_february_has_the_days_of_its_year(year: str, days: Fraction) -> None:
    assert fraction_of(span(f"{year}-02-15", f"{year}-03-01"), span(f"{year}-02-01", f"{year}-03-01"), by("day")) == days


@pytest.mark.parametrize(
    ("change_day", "old_days", "new_days"),
    [("new", 14, 17), ("old", 15, 16)],
)
def test_the_day_of_a_change_is_billed_once(change_day: str, old_days: int, new_days: int) -> None:
    proration = by("day", change_day=change_day)

    assert measured(span("2026-01-01", "2026-01-15T11:00"), JANUARY, proration)[:2] == (old_days, 31)
    assert measured(span("2026-01-15T11:00", "2026-02-01"), JANUARY, proration)[:2] == (new_days, 31)


@pytest.mark.parametrize("change_day", ["new", "old"])
def test_a_change_at_midnight_leaves_no_day_to_share(change_day: str) -> None:
    assert measured(span("2026-01-15", "2026-02-01"), JANUARY, by("day", change_day=change_day))[:2] == (17, 31)


@pytest.mark.parametrize(("billed", "days"), [(True, 15), (False, 14)])
def test_whether_the_day_of_a_termination_is_billed_is_a_setting(billed: bool, days: int) -> None:
    used = part("2026-01-01", "2026-01-15T11:00", ends="termination")

    assert measured(used, JANUARY, by("day", bill_termination_day=billed))[:2] == (days, 31)


@pytest.mark.parametrize(("billed", "days"), [(True, 15), (False, 14)])
def test_a_final_stub_bills_the_day_of_termination_by_the_same_setting(billed: bool, days: int) -> None:
    schedule = Schedule.model_validate({"cadence": {"interval": "month"}, "anchor": "2026-01-01T00:00Z"})
    last = schedule.final(datetime(2026, 1, 15, 11, tzinfo=UTC))

    assert service_fraction(last, by("day", bill_termination_day=billed)) == Fraction(days, 31)


def test_the_day_a_service_starts_is_billed_whoever_has_the_day_of_a_change() -> None:
    schedule = Schedule.model_validate({"cadence": {"interval": "month"}, "anchor": "2026-01-15T11:00Z", "alignment": {}})

    assert service_fraction(schedule.at(schedule.anchor), by("day", change_day="old")) == Fraction(17, 31)


def test_a_period_that_begins_within_a_day_has_its_calendar_days() -> None:
    # 15 January 14:00 to 15 February 14:00 are the 31 days from the 15th to the 14th; from the 20th on 26 are left
    whole = span("2026-01-15T14:00", "2026-02-15T14:00")

    assert measured(span("2026-01-20T09:00", "2026-02-15T14:00"), whole, by("day"))[:2] == (26, 31)
    assert measured(part("2026-01-15T14:00", "2026-02-15T09:00", ends="termination"), whole, by("day"))[:2] == (31, 31)


def test_a_month_of_thirty_days_is_thirty_from_any_anchor() -> None:
    # 30 January → 28 February → 30 March, and 31 January → 28 February → 31 March
    for start, end in [("01-30", "02-28"), ("02-28", "03-30"), ("01-31", "02-28"), ("02-28", "03-31"), ("02-01", "03-01")]:
        whole = span(f"2026-{start}", f"2026-{end}")
        assert measured(whole, whole, by("thirty")) == (30, 30, Basis.thirty)


def test_a_quarter_of_thirty_days_a_month_has_ninety() -> None:
    quarter = span("2026-01-01", "2026-04-01")

    assert measured(span("2026-02-16", "2026-04-01"), quarter, by("thirty"))[:2] == (45, 90)


def test_a_free_stub_costs_nothing_and_a_long_one_more_than_a_period() -> None:
    settings = {"cadence": {"interval": "month"}, "anchor": "2026-01-15T00:00Z", "alignment": {}}
    free, long = (Schedule.model_validate(settings | {"stub": stub}) for stub in ("free", "long"))

    assert charge_for_service(Decimal(31), "EUR", free.at(free.anchor), by("day")) == eur(0)
    # 17 of January's 31 days, and February
    assert charge_for_service(Decimal(31), "EUR", long.at(long.anchor), by("day")) == eur(1700 + 3100)


def test_where_nothing_is_prorated_any_part_costs_the_whole_once() -> None:
    assert cost("20", APRIL, span("2026-04-16", "2026-05-01"), "none") == 2000
    parts = [span("2026-04-01", "2026-04-10"), span("2026-04-10", "2026-05-01")]
    assert charges_for(Decimal(20), "EUR", APRIL, parts, by("none")) == [eur(2000), eur(0)]
    settings = {"cadence": {"interval": "month"}, "anchor": "2026-01-15T00:00Z", "alignment": {}}
    for stub, expected in [("short", 1), ("long", 1), ("free", 0)]:
        schedule = Schedule.model_validate(settings | {"stub": stub})
        assert service_fraction(schedule.at(schedule.anchor), by("none")) == expected


def test_three_parts_of_one_period_add_up_to_it() -> None:
    # thirds of 100.00: 33.33, 66.67 − 33.33 = 33.34, 100.00 − 66.67 = 33.33
    parts = [span("2026-04-01", "2026-04-11"), span("2026-04-11", "2026-04-21"), span("2026-04-21", "2026-05-01")]

    assert charges_for(Decimal(100), "EUR", APRIL, parts, by("day")) == [eur(3333), eur(3334), eur(3333)]


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 333), ("EUR", 33333), ("KWD", 333333)])
def test_each_currency_is_rounded_to_its_own_decimals(currency: str, minor: int) -> None:
    # a third of 1000
    charged = charge_for(Decimal(1000), currency, APRIL, span("2026-04-01", "2026-04-11"), by("day"))

    assert charged == Money(minor=minor, currency=currency)


def test_a_pause_leaves_what_is_before_and_after_it() -> None:
    # the day of the pause and the day of the resumption are billed: 1 to 10 and 15 to 30 April are 26 days
    parts = active_parts(APRIL, [span("2026-04-10T12:00", "2026-04-15T12:00")])

    assert sum(fraction_of(each, APRIL, by("day")) for each in parts) == Fraction(26, 30)
    assert charges_for(Decimal(30), "EUR", APRIL, parts, by("day")) == [eur(1000), eur(1600)]


def test_a_pause_and_its_credit_are_the_two_sides_of_a_period() -> None:
    pause = span("2026-04-10T12:00", "2026-04-15T12:00")
    credited = paused_part(APRIL, pause)

    assert credited is not None
    # 11 to 14 April
    assert fraction_of(credited, APRIL, by("day")) == Fraction(4, 30)


def test_a_pause_within_one_day_credits_nothing_and_charges_the_day_once() -> None:
    pause = span("2026-04-10T10:00", "2026-04-10T18:00")
    credited = paused_part(APRIL, pause)

    assert credited is not None
    assert fraction_of(credited, APRIL, by("day")) == 0
    assert charges_for(Decimal(30), "EUR", APRIL, active_parts(APRIL, [pause]), by("day")) == [eur(1000), eur(2000)]


@pytest.mark.parametrize(
    ("pauses", "left"),
    [
        ([], [("2026-04-01", "2026-05-01")]),
        ([("2026-03-01", "2026-06-01")], []),
        ([("2026-03-01", "2026-04-05")], [("2026-04-05", "2026-05-01")]),
        ([("2026-04-20", "2026-06-01")], [("2026-04-01", "2026-04-20")]),
        ([("2026-06-01", "2026-07-01")], [("2026-04-01", "2026-05-01")]),
        (
            [("2026-04-10", "2026-04-20"), ("2026-04-05", "2026-04-15")],
            [("2026-04-01", "2026-04-05"), ("2026-04-20", "2026-05-01")],
        ),
    ],
)
def test_pauses_may_overlap_each_other_and_the_periods_ends(pauses: list[tuple[str, str]], left: list[tuple[str, str]]) -> None:
    parts = active_parts(APRIL, [span(*pause) for pause in pauses])

    assert [(each.start, each.end) for each in parts] == [(span(*each).start, span(*each).end) for each in left]
    assert paused_part(APRIL, span("2026-06-01", "2026-07-01")) is None


@pytest.mark.parametrize("basis", ["day", "thirty"])
def test_a_period_within_a_day_is_counted_by_the_second(basis: str) -> None:
    hour = span("2026-04-01T10:00", "2026-04-01T11:00")

    assert measured(span("2026-04-01T10:15", "2026-04-01T11:00"), hour, by(basis)) == (2700, 3600, Basis.second)


def test_a_day_that_thirty_leaves_out_is_counted_by_the_day() -> None:
    # the 30th of a month of 31 days
    whole = span("2026-01-30", "2026-01-31")

    assert measured(whole, whole, by("thirty")) == (1, 1, Basis.day)


def test_a_period_of_no_second_is_refused() -> None:
    start = datetime(2026, 4, 1, tzinfo=UTC)
    instant = Period(start=start, end=start + timedelta(microseconds=1))

    with pytest.raises(ValueError, match="period: must last at least a second"):
        measured(instant, instant, by("second"))


@pytest.mark.parametrize("of", [("2026-03-31", "2026-04-02"), ("2026-04-30", "2026-05-02")])
def test_a_part_outside_the_period_is_refused(of: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="part: must lie within 2026-04-01"):
        fraction_of(span(*of), APRIL, by("second"))


def test_parts_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match=r"parts\[1\]: must not begin before"):
        charges_for(Decimal(1), "EUR", APRIL, [span("2026-04-01", "2026-04-11"), span("2026-04-10", "2026-05-01")], by("day"))


def test_an_unknown_setting_is_refused_with_the_field_named() -> None:
    with pytest.raises(ValidationError, match=r"policy\.by"):
        by("hour")
    with pytest.raises(ValidationError, match="timezone"):
        by("day", "Mars/Olympus")


AMOUNTS = st.decimals(0, 10**6, places=4)
STARTS = st.integers(0, 366 * 24 * 4).map(lambda quarters: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15) * quarters)


@st.composite
def cut_periods(draw: st.DrawFn) -> list[datetime]:
    """The ends of a period of up to 40 days, with up to five instants between them, on whole minutes."""
    start, minutes = draw(STARTS), draw(st.integers(2, 40 * 24 * 60))
    cuts = draw(st.lists(st.integers(1, minutes - 1), max_size=5, unique=True))
    return [start + timedelta(minutes=minute) for minute in [0, *sorted(cuts), minutes]]


def parts_of(instants: list[datetime]) -> list[Period]:
    return [Period(start=start, end=end) for start, end in pairwise(instants)]


@given(cut_periods(), AMOUNTS, st.sampled_from(["second", "day", "thirty"]), st.sampled_from(["new", "old"]))
def test_the_parts_of_a_period_add_up_to_the_whole(
    instants: list[datetime], amount: Decimal, basis: str, change_day: str
) -> None:
    proration = by(basis, "Europe/Berlin", change_day=change_day)
    whole = Period(start=instants[0], end=instants[-1])

    charges = charges_for(amount, "EUR", whole, parts_of(instants), proration)

    assert sum(each.minor for each in charges) == rounded_half_up(Fraction(amount) * 100)
    assert sum(fraction_of(each, whole, proration) for each in parts_of(instants)) == 1


@given(cut_periods(), AMOUNTS, st.sampled_from(["second", "day", "thirty"]))
def test_two_neighbouring_parts_cost_what_both_together_do_to_a_minor_unit(
    instants: list[datetime], amount: Decimal, basis: str
) -> None:
    proration, whole = by(basis), Period(start=instants[0], end=instants[-1])
    charged = [charge_for(amount, "EUR", whole, each, proration).minor for each in parts_of(instants)]

    # each is rounded by at most half a minor unit, and so is the whole
    assert abs(sum(charged) - charge_for(amount, "EUR", whole, whole, proration).minor) <= (len(charged) + 1) / 2


@given(st.integers(0, 300), st.integers(2, 900), st.integers(0, 899), st.integers(1, 900))
def test_seconds_are_what_a_count_by_the_minute_finds(hour: int, minutes: int, first: int, length: int) -> None:
    start = datetime(2026, 3, 20, tzinfo=UTC) + timedelta(hours=hour)
    ends = [min(first, minutes - 1), min(first + length, minutes)]
    part_start, part_end = (start + timedelta(minutes=minute) for minute in (ends[0], max(ends[0] + 1, ends[1])))
    end = start + timedelta(minutes=minutes)

    found = fraction_of(Period(start=part_start, end=part_end), Period(start=start, end=end), by("second", "Europe/Berlin"))

    assert found == by_minutes(start, end, part_start, part_end)


@given(cut_periods(), st.sampled_from(["new", "old"]), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]))
def test_days_are_what_a_count_by_the_day_finds(instants: list[datetime], change_day: str, timezone: str) -> None:
    start, end = instants[0], max(instants[-1], instants[0] + timedelta(days=2))
    proration = by("day", timezone, change_day=change_day)

    for each in parts_of([*instants[:-1], end]):
        expected = by_days(start, end, each.start, each.end, ZoneInfo(timezone), change_day)
        assert fraction_of(each, Period(start=start, end=end), proration) == expected


@given(AMOUNTS, st.integers(1, 10**9), st.integers(1, 10**9), st.sampled_from(["JPY", "EUR", "KWD"]))
def test_a_part_is_rounded_half_up_from_its_exact_share(amount: Decimal, seconds: int, more: int, currency: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    of = Period(start=start, end=start + timedelta(seconds=seconds))
    whole = Period(start=start, end=start + timedelta(seconds=seconds + more))

    exact = Fraction(amount) * seconds / (seconds + more) * {"JPY": 1, "EUR": 100, "KWD": 1000}[currency]

    assert charge_for(amount, currency, whole, of, by("second")).minor == rounded_half_up(exact)
