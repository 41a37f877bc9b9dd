"""Credits for a part of what was billed: from the original debit, once, and never more than was paid."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.calendar import Period
from domain.billing.debits import Debit, PeriodCredit, credit_for
from domain.billing.proration import Cut, Part, Proration, charge_for, paused_part
from domain.money import Money
from tests.domain.samples import eur

APRIL_1 = datetime(2026, 4, 1, tzinfo=UTC)
SECOND = Proration()


def april(first: float, last: float) -> Period:
    """From the start of one day of April 2026 to the start of another; 31 is 1 May."""
    return Period(start=APRIL_1 + timedelta(days=first - 1), end=APRIL_1 + timedelta(days=last - 1))


def by(basis: str, **policy: Any) -> Proration:
    return Proration.model_validate({"policy": {"by": basis} | policy})


def billed(amount: int, discount: int = 0, tax: int = 0, paid: int | None = None, **changes: Any) -> Debit:
    """A line for April, paid in full unless told otherwise."""
    gross = amount - discount + (0 if changes.get("tax_inclusive") else tax)
    money = {"amount": eur(amount), "discount": eur(discount), "tax": eur(tax), "paid": eur(gross if paid is None else paid)}
    return Debit.model_validate({"id": "line-1", "period": april(1, 31)} | money | changes)


def test_stripes_example_credits_half_of_the_old_plan_halfway() -> None:
    # docs.stripe.com/billing/subscriptions/prorations: 10 → 20 USD halfway is −5 and +10
    credit = credit_for(billed(1000), april(16, 31), [], SECOND)
    charge = charge_for(Decimal(20), "EUR", april(1, 31), april(16, 31), SECOND)

    assert (credit.gross, charge, charge - credit.gross) == (eur(500), eur(1000), eur(500))


def test_autumns_example_charges_the_difference_for_the_rest() -> None:
    # docs.useautumn.com, proration: 20 → 50 a month halfway is 15
    charge = charge_for(Decimal(50), "EUR", april(1, 31), april(16, 31), SECOND)

    assert charge - credit_for(billed(2000), april(16, 31), [], SECOND).gross == eur(1500)


def test_chargebees_example_of_an_upgrade() -> None:
    # support.chargebee.com, pro-ration logic: 30 → 100 with 15 of 30 days left: 50 − 15 = 35
    charge = charge_for(Decimal(100), "EUR", april(1, 31), april(16, 31), by("day"))

    assert charge - credit_for(billed(3000), april(16, 31), [], by("day")).gross == eur(3500)


def test_baremetrics_example_a_week_into_four() -> None:
    # changelog.baremetrics.com: 12 → 24 after one of four weeks: 9 unused, 18 to come
    credit = credit_for(billed(1200, period=april(1, 29)), april(8, 29), [], SECOND)

    assert credit.gross == eur(900)
    assert charge_for(Decimal(24), "EUR", april(1, 29), april(8, 29), SECOND) == eur(1800)


@pytest.mark.money_case(8)
def test_a_credit_takes_discount_and_tax_back_as_they_were() -> None:
    # 100.00 less 20.00, and 19 % of 80.00 = 15.20; a third of each: 80/3 = 26.67, 15.20/3 = 5.07, 20/3 = 6.67
    credit = credit_for(billed(10000, discount=2000, tax=1520), april(21, 31), [], SECOND)

    assert (credit.net, credit.tax, credit.discount, credit.gross) == (eur(2667), eur(507), eur(667), eur(3174))


def test_the_tax_of_an_inclusive_price_is_inside_it() -> None:
    # 119.00 with 19.00 in it; half is 59.50, of which 9.50 is tax
    credit = credit_for(billed(11900, tax=1900, tax_inclusive=True), april(16, 31), [], SECOND)

    assert (credit.net, credit.tax, credit.gross) == (eur(5000), eur(950), eur(5950))


@pytest.mark.money_case(7)
def test_an_invoice_that_was_never_paid_gives_no_credit() -> None:
    credit = credit_for(billed(1000, tax=190, paid=0), april(16, 31), [], SECOND)

    assert (credit.gross, credit.discount, credit.unpaid) == (eur(0), eur(0), eur(595))


def test_a_credit_never_exceeds_what_was_paid() -> None:
    # half of 119.00 is 59.50; 30.00 were paid, and divide as 50.00 to 9.50 do: 25.2101, 4.7899
    credit = credit_for(billed(10000, tax=1900, paid=3000), april(16, 31), [], SECOND)

    assert (credit.net, credit.tax, credit.gross, credit.unpaid) == (eur(2521), eur(479), eur(3000), eur(2950))


def test_a_capped_credit_takes_back_its_part_of_the_discount() -> None:
    # half: net 40.00, discount 10.00; a quarter of the 40.00 was paid for, so 2.50 of discount go with 10.00
    credit = credit_for(billed(10000, discount=2000, paid=1000), april(16, 31), [], SECOND)

    assert (credit.net, credit.discount, credit.unpaid) == (eur(1000), eur(250), eur(3000))


def test_what_was_credited_already_is_no_longer_there() -> None:
    # 50.00 of 100.00 were paid; the pause takes a third, 33.33, and 16.67 are left for the cancellation's third
    debit = billed(10000, paid=5000)
    pause = credit_for(debit, april(11, 21), [], SECOND)
    end = credit_for(debit, april(21, 31), [pause], SECOND)

    assert (pause.gross, end.gross, end.unpaid) == (eur(3333), eur(1667), eur(1667))


@pytest.mark.money_case(6)
def test_two_upgrades_in_a_period_credit_each_debit_once() -> None:
    # 30.00 for April; on the 11th up to 60.00, on the 21st up to 90.00, by the day
    first = billed(3000)
    credit = credit_for(first, april(11, 31), [], by("day"))
    second_charge = charge_for(Decimal(60), "EUR", april(1, 31), april(11, 31), by("day"))
    second = billed(second_charge.minor, id="line-2", period=april(11, 31))
    second_credit = credit_for(second, april(21, 31), [], by("day"))
    third_charge = charge_for(Decimal(90), "EUR", april(1, 31), april(21, 31), by("day"))

    # 30 − 20 + 40 − 20 + 30 = 60: ten days at 1.00, ten at 2.00, ten at 3.00
    assert (credit.gross, second_charge, second_credit.gross, third_charge) == (eur(2000), eur(4000), eur(2000), eur(3000))
    with pytest.raises(ValueError, match="part: of 1 units, only 0 are not credited yet"):
        credit_for(first, april(21, 31), [credit], by("day"))


def test_two_upgrades_credit_the_days_that_were_charged_when_the_old_plan_has_the_day_of_a_change() -> None:
    # the same at noon of the 11th and 21st: 11 days at 1.00, 10 at 2.00, 9 at 3.00 are 58.00 = 30 − 19 + 38 − 18 + 27
    proration = by("day", change_day="old")
    credit = credit_for(billed(3000), april(11.5, 31), [], proration)
    charge = charge_for(Decimal(60), "EUR", april(1, 31), april(11.5, 31), proration)
    second = billed(charge.minor, id="line-2", period=april(11.5, 31), starts=Cut.change)
    second_credit = credit_for(second, april(21.5, 31), [], proration)
    third_charge = charge_for(Decimal(90), "EUR", april(1, 31), april(21.5, 31), proration)

    assert (credit.gross, charge, second_credit.gross, third_charge) == (eur(1900), eur(3800), eur(1800), eur(2700))


def test_seats_are_credited_by_the_units_that_were_billed() -> None:
    # 5 seats for 50.00; two given up on the 16th, one more on the 21st
    debit = billed(5000, quantity=Decimal(5))
    two = credit_for(debit, april(16, 31), [], SECOND, Decimal(2))
    one = credit_for(debit, april(21, 31), [two], SECOND, Decimal(1))

    # 2/5 × 1/2 = 1/5 of 50.00, then 1/5 × 1/3 = 1/15 of it: 3.33
    assert (two.gross, one.gross) == (eur(1000), eur(333))
    with pytest.raises(ValueError, match="only 2 are not credited yet"):
        credit_for(debit, april(25, 31), [two, one], SECOND, Decimal(3))
    with pytest.raises(ValueError, match="only 3 are not credited yet"):
        credit_for(debit, april(10, 31), [two], SECOND)


def test_a_day_that_two_credits_share_is_credited_once() -> None:
    # by the day, the 15th is in both: 15 + 16 of 30 days
    debit, noon = billed(3000), april(15.5, 31)
    first = credit_for(debit, Part(start=APRIL_1, end=noon.start, ends=Cut.termination), [], by("day"))
    second = credit_for(debit, noon, [first], by("day"))

    assert (first.gross, second.gross, second.unpaid) == (eur(1500), eur(1500), eur(0))
    assert first.fraction + second.fraction == 1


def test_half_a_minor_unit_is_credited() -> None:
    # half of 0.05 is 0.025
    assert credit_for(billed(5), april(16, 31), [], SECOND).gross == eur(3)


def test_a_stub_is_credited_over_its_own_period() -> None:
    # 20.00 were billed for the 20 days from the 11th on; 10 of them are given back
    assert credit_for(billed(2000, period=april(11, 31)), april(21, 31), [], SECOND).gross == eur(1000)


def test_a_debit_up_to_a_termination_is_credited_with_its_last_day() -> None:
    # ended at noon of the 15th, which was billed: 15 days for 15.00; the last five are given back
    debit = billed(1500, period=april(1, 15.5), ends=Cut.termination)

    assert credit_for(debit, april(11, 15.5), [], by("day")).gross == eur(500)


def test_a_moved_anchor_credits_the_time_after_the_move() -> None:
    # billed on the 1st; from the 21st on the period is the 21st to the 21st: a third of 30.00 comes back, and 30.00 are due
    moved = datetime(2026, 4, 21, tzinfo=UTC)
    credit = credit_for(billed(3000), Period(start=moved, end=april(1, 31).end), [], SECOND)

    assert credit.gross == eur(1000)


@pytest.mark.parametrize(("settled", "days"), [(True, 15), (False, 16)])
def test_the_day_of_termination_is_credited_unless_it_is_billed(settled: bool, days: int) -> None:
    ended = april(15.5, 31)
    part = Part(start=ended.start, end=ended.end, starts=Cut.termination)

    assert credit_for(billed(3000), part, [], by("day", bill_termination_day=settled)).gross == eur(days * 100)


def test_a_pause_is_credited_up_to_the_end_of_what_was_billed() -> None:
    # paused at noon of the 10th, which is billed, until May: 20 of 30 days
    part = paused_part(april(1, 31), april(10.5, 45))

    assert part is not None
    assert credit_for(billed(3000), part, [], by("day")).gross == eur(2000)


def test_where_nothing_is_prorated_nothing_is_credited() -> None:
    credit = credit_for(billed(3000), april(16, 31), [], by("none"))

    assert (credit.gross, credit.fraction) == (eur(0), Fraction(0))


def test_credits_of_another_debit_are_refused() -> None:
    other = credit_for(billed(1000, id="line-2"), april(1, 2), [], SECOND)

    with pytest.raises(ValueError, match="given: must be credits of line-1"):
        credit_for(billed(1000), april(16, 31), [other], SECOND)


def test_a_part_outside_the_debits_period_is_refused() -> None:
    with pytest.raises(ValueError, match="part: must lie within"):
        credit_for(billed(1000), april(16, 32), [], SECOND)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"paid": eur(1001)}, "paid: must not be more than the 10.00 EUR billed"),
        ({"discount": eur(1001)}, "amount: must not be less than the discount"),
        ({"tax": eur(1001), "tax_inclusive": True}, "amount: must not be less than the discount, and the tax"),
        ({"tax": Money(minor=1, currency="USD")}, "tax: must be in EUR"),
        ({"tax": eur(-1)}, "tax: must not be negative"),
        ({"quantity": Decimal(0)}, "quantity"),
    ],
)
def test_a_debit_that_does_not_add_up_is_refused_with_the_field_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Debit.model_validate(vars(billed(1000, paid=0)) | fields)


def test_a_credit_survives_being_written_and_read() -> None:
    credit = credit_for(billed(1000), april(21, 31), [], SECOND)

    assert PeriodCredit.model_validate_json(credit.model_dump_json()) == credit
    assert credit.fraction == Fraction(1, 3)


@st.composite
def debits(draw: st.DrawFn) -> Debit:
    amount = draw(st.integers(0, 10**6))
    discount, tax = draw(st.integers(0, amount)), draw(st.integers(0, 10**5))
    return billed(amount, discount, tax, paid=draw(st.integers(0, amount - discount + tax)))


@given(debits(), st.lists(st.integers(2, 30), max_size=6, unique=True), st.sampled_from(["second", "day", "thirty"]))
def test_credits_for_all_parts_are_what_was_paid_and_the_rest_is_what_was_not(
    debit: Debit, cuts: list[int], basis: str
) -> None:
    ends = [1, *sorted(cuts), 31]
    given: list[PeriodCredit] = []
    for first, last in pairwise(ends):
        given.append(credit_for(debit, april(first, last), given, by(basis)))

    assert sum(credit.gross.minor for credit in given) == debit.paid.minor
    assert sum(credit.gross.minor + credit.unpaid.minor for credit in given) == debit.gross.minor
    assert all(min(credit.net.minor, credit.tax.minor, credit.discount.minor, credit.unpaid.minor) >= 0 for credit in given)


@given(debits(), st.lists(st.tuples(st.integers(1, 29), st.integers(1, 29)), max_size=5))
def test_no_sequence_of_credits_gives_back_more_than_was_paid(debit: Debit, wanted: list[tuple[int, int]]) -> None:
    given: list[PeriodCredit] = []
    for first, length in wanted:
        try:
            given.append(credit_for(debit, april(first, min(31, first + length)), given, SECOND))
        except ValueError:
            continue

    assert sum(credit.gross.minor for credit in given) <= debit.paid.minor
