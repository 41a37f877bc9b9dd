"""Discounts: rounded once, spread so that they add up, never below zero, in the order of the setting."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.coupons import Coupon, Redemption
from domain.billing.discounts import Discounted, DiscountSettings, discounted, given_back
from domain.billing.lines import Discount, InvoiceLine
from domain.money import Money
from tests.domain.billing.line_samples import line
from tests.domain.billing.oracle_discounts import nearest, percent_off
from tests.domain.samples import NOW, eur

DEFAULT = DiscountSettings()


def percent(value: str, coupon_id: str = "P", **changes: Any) -> Redemption:
    return redemption({"kind": "percent", "percent": value}, coupon_id, **changes)


def amount(minor: int, coupon_id: str = "A", currency: str = "EUR", **changes: Any) -> Redemption:
    return redemption({"kind": "amount", "amount": {"minor": minor, "currency": currency}}, coupon_id, **changes)


def redemption(off: dict[str, Any], coupon_id: str, later: int = 0, **changes: Any) -> Redemption:
    bound = changes.pop("subscription", None)
    coupon = Coupon.model_validate({"id": coupon_id, "name": coupon_id, "off": off} | changes)
    at = NOW + timedelta(seconds=later)
    return Redemption(key=f"{coupon_id}:c-1", coupon=coupon, customer="c-1", redeemed_at=at, subscription=bound)


def lines(*minors: int) -> list[InvoiceLine]:
    return [line(minor, number=index) for index, minor in enumerate(minors)]


def lefts(result: Discounted) -> list[int]:
    return [each.discounted.minor for each in result.lines]


def settings(**changes: Any) -> DiscountSettings:
    return DiscountSettings.model_validate(changes)


def test_a_percentage_is_taken_off() -> None:
    # 25 % of 80.00 = 20.00
    result = discounted(lines(8000), [percent("25")], DEFAULT)

    assert lefts(result) == [6000]
    assert result.lines[0].discounts == (Discount(redemption="P:c-1", coupon="P", description="P, 25 %", amount=eur(2000)),)


def test_a_line_coupon_and_then_one_for_all_leave_what_flexprice_shows() -> None:
    # Flexprice, "Billing calculation order": usage 80.00 and a fee of 20.00; 25 % off usage, then 10.00 off: 70.00.
    # 10.00 over 60.00 and 20.00 = 7.50 and 2.50
    usage, fee = line(8000, charge="calls"), line(2000, charge="fee")

    result = discounted([usage, fee], [percent("25", charges=("calls",)), amount(1000)], DEFAULT)

    assert lefts(result) == [5250, 1750]


def test_a_percentage_is_of_what_is_left_by_default() -> None:
    # Flexprice: two 10 % coupons are 19 %: 100.00 → 90.00 → 81.00
    twice = [percent("10", "P1"), percent("10", "P2")]

    assert lefts(discounted(lines(10000), twice, DEFAULT)) == [8100]
    assert lefts(discounted(lines(10000), twice, settings(percent_of="original"))) == [8000]


def test_the_order_of_percent_and_amount_is_a_setting() -> None:
    # (100.00 − 20 %) − 10.00 = 70.00; (100.00 − 10.00) − 20 % = 72.00
    coupons = [amount(1000, later=0), percent("20", later=1)]

    assert lefts(discounted(lines(10000), coupons, DEFAULT)) == [7000]
    assert lefts(discounted(lines(10000), coupons, settings(order="amount_first"))) == [7200]
    assert lefts(discounted(lines(10000), coupons, settings(order="as_redeemed"))) == [7200]
    assert lefts(discounted(lines(10000), coupons[::-1], settings(order="as_redeemed"))) == [7200]


def test_only_the_best_one_acts_where_coupons_do_not_stack() -> None:
    # 20 % of 100.00 = 20.00 beats 10.00; of 40.00 it is 8.00 and does not
    coupons = [amount(1000), percent("20")]

    assert lefts(discounted(lines(10000), coupons, settings(stacking="best"))) == [8000]
    assert lefts(discounted(lines(4000), coupons, settings(stacking="best"))) == [3000]


def test_an_amount_is_spread_by_largest_remainder() -> None:
    # 1.00 over three lines of 10.00 = 0.33 each and one cent left, to the first
    assert lefts(discounted(lines(1000, 1000, 1000), [amount(100)], DEFAULT)) == [966, 967, 967]


def test_a_percentage_is_rounded_once_and_not_at_each_line() -> None:
    # 10 % of 3 × 0.05 = 0.015 → 0.02; at each line it would be 0.005 → 0.01, together 0.03
    assert sum(lefts(discounted(lines(5, 5, 5), [percent("10")], DEFAULT))) == 13


def test_a_discount_ends_at_zero() -> None:
    result = discounted(lines(300, 200), [amount(1000)], DEFAULT)

    assert lefts(result) == [0, 0]
    assert result.redemptions[0].left is None


def test_a_hundred_percent_leave_nothing() -> None:
    assert lefts(discounted(lines(333, 1), [percent("100")], DEFAULT)) == [0, 0]


def test_what_is_left_of_an_amount_is_carried_over_by_setting() -> None:
    # 10.00 off 6.00: 4.00 are left for the next invoice of 6.00, which is due 2.00
    first = discounted(lines(600), [amount(1000)], settings(carry_over=True))
    second = discounted(lines(600), first.redemptions, settings(carry_over=True))

    assert (first.redemptions[0].left, first.redemptions[0].open) == (eur(400), True)
    assert lefts(second) == [200]
    assert not second.redemptions[0].open


def test_a_coupon_for_three_invoices_ends_after_the_third() -> None:
    held, dues = [percent("50", duration="periods", periods=3)], []
    for _ in range(4):
        result = discounted(lines(1000), held, DEFAULT)
        dues += lefts(result)
        held = list(result.redemptions) or held

    assert dues == [500, 500, 500, 1000]


def test_an_invoice_that_a_coupon_took_nothing_off_uses_none_of_it_up() -> None:
    assert discounted(lines(0), [percent("50")], DEFAULT).redemptions == ()
    assert discounted(lines(1000), [percent("50", charges=("calls",))], DEFAULT).redemptions == ()
    assert discounted(lines(1000), [percent("100", "P1"), percent("50", "P2")], DEFAULT).redemptions[0].coupon.id == "P1"
    assert discounted([], [percent("50")], DEFAULT) == Discounted(lines=())


def test_a_credit_line_is_left_alone() -> None:
    # −5.00 is a credit whose discount is in it already; 10 % of 20.00 = 2.00
    assert lefts(discounted(lines(-500, 2000), [percent("10")], DEFAULT)) == [-500, 1800]


def test_a_coupon_of_a_subscription_acts_on_its_lines_only() -> None:
    both = [line(1000, subscription="S-1"), line(1000, subscription="S-2")]

    assert lefts(discounted(both, [percent("10", subscription="S-2")], DEFAULT)) == [1000, 900]


def test_an_amount_in_another_currency_waits() -> None:
    result = discounted(lines(1000), [amount(100, currency="USD")], DEFAULT)

    assert (lefts(result), result.redemptions) == ([1000], ())


def test_currencies_of_any_decimals_are_discounted_in_their_own_units() -> None:
    # 10 % of 1005 yen = 100.5 → 101; of 1.005 dinar = 0.1005 → 0.101
    yen, dinar = line(1005, currency="JPY"), line(1005, currency="KWD")

    assert lefts(discounted([yen], [percent("10")], DEFAULT)) == [904]
    assert lefts(discounted([dinar], [percent("10")], DEFAULT)) == [904]


def test_a_line_never_carries_more_discount_than_it_has() -> None:
    taken = Discount(redemption="r", coupon="c", description="d", amount=eur(101))

    with pytest.raises(ValidationError, match=r"discounts: take off more than the line's 1\.00 EUR"):
        line(100, discounts=(taken,))
    with pytest.raises(ValidationError, match=r"discounts\[0\].amount: is in JPY, the line in EUR"):
        line(100, discounts=(taken.model_copy(update={"amount": Money(minor=1, currency="JPY")}),))
    with pytest.raises(ValidationError, match=r"discounts\[0\].amount: must be zero or more"):
        line(100, discounts=(taken.model_copy(update={"amount": eur(-1)}),))


AMOUNTS = st.lists(st.integers(1, 5000), min_size=1, max_size=6)
PERCENTS = st.decimals(min_value=Decimal("0.0001"), max_value=100, places=4)


@given(AMOUNTS, PERCENTS)
def test_a_percentage_is_the_exact_one_rounded_once_and_spread_as_evenly_as_can_be(minors: list[int], value: Decimal) -> None:
    result = lefts(discounted(lines(*minors), [percent(str(value))], DEFAULT))

    taken = percent_off(minors, Fraction(value))
    assert tuple(minor - left for minor, left in zip(minors, result, strict=True)) in nearest(minors, taken)


@given(AMOUNTS, st.lists(st.one_of(PERCENTS.map(str), st.integers(1, 9000)), max_size=5), st.data())
def test_however_coupons_stack_the_sums_are_exact_and_nothing_is_below_zero(
    minors: list[int], offs: list[str | int], data: st.DataObject
) -> None:
    chosen = settings(
        order=data.draw(st.sampled_from(["percent_first", "amount_first", "as_redeemed"])),
        percent_of=data.draw(st.sampled_from(["remaining", "original"])),
        stacking=data.draw(st.sampled_from(["together", "best"])),
        carry_over=data.draw(st.booleans()),
    )
    held = [
        percent(off, f"P{index}", later=index) if isinstance(off, str) else amount(off, f"A{index}", later=index)
        for index, off in enumerate(offs)
    ]

    result = discounted(lines(*minors), held, chosen)

    assert all(0 <= left <= minor for left, minor in zip(lefts(result), minors, strict=True))
    taken = sum(minors) - sum(lefts(result))
    fixed = sum(off for off in offs if isinstance(off, int))
    assert bool(taken) == bool(result.redemptions)
    if all(isinstance(off, int) for off in offs) and chosen.stacking == "together":
        assert taken == min(sum(minors), fixed)
    elif chosen.stacking == "together" and fixed >= sum(minors):
        assert taken == sum(minors)


def test_a_void_invoice_gives_a_percentage_its_period_back() -> None:
    [used] = discounted(lines(8000), [percent("25", duration="periods", periods=3)], DEFAULT).redemptions

    assert given_back(used, eur(2000), DEFAULT).periods_used == 0


@pytest.mark.parametrize(
    ("lines_before", "taken", "left"), [((600,), 600, None), ((400, 300), 300, 600), ((600, 600), 400, 400)]
)
def test_a_void_invoice_gives_back_what_it_took_of_an_amount(
    lines_before: tuple[int, ...], taken: int, left: int | None
) -> None:
    # of 10.00: all again; 4.00 stay taken by the other invoice; the 4.00 that were left are left again
    held = [amount(1000)]
    for minor in lines_before:
        held = list(discounted(lines(minor), held, settings(carry_over=True)).redemptions)

    back = given_back(held[0], eur(taken), settings(carry_over=True))
    assert (back.left, back.periods_used, back.open) == (None if left is None else eur(left), 0, True)
