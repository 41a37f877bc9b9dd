"""What a quantity costs under each price model, against published examples and a count unit by unit."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.billing.rates import Rate, Rated, explain, rate
from domain.money import Money
from tests.domain.billing import oracle_rates
from tests.domain.billing.oracle_rates import Row
from tests.domain.samples import eur

RATES: TypeAdapter[Rate] = TypeAdapter(Rate)


def model(name: str, **fields: Any) -> Rate:
    return RATES.validate_python({"model": name} | fields)


def tiers(*rows: tuple[str | None, str, str]) -> list[dict[str, Any]]:
    return [{"up_to": top, "unit_amount": unit, "flat_amount": flat} for top, unit, flat in rows]


def tiered(name: str, *rows: tuple[str | None, str, str], **fields: Any) -> Rate:
    return model(name, tiers=tiers(*rows), **fields)


def cost(priced: Rate, quantity: str) -> Decimal:
    return rate(priced, Decimal(quantity)).amount


# docs.stripe.com/subscriptions/pricing-models/tiered-pricing: fonts at 7 up to 5, 6.50 up to 10, 6 above
FONTS = (("5", "7", "0"), ("10", "6.5", "0"), (None, "6", "0"))


@pytest.mark.parametrize(("fonts", "usd"), [("1", "7"), ("5", "35"), ("6", "39"), ("20", "120"), ("25", "150")])
def test_stripes_volume_example(fonts: str, usd: str) -> None:
    assert cost(tiered("volume", *FONTS), fonts) == Decimal(usd)


@pytest.mark.parametrize(
    # the same price list, each font in its own tier: 6 = 35 + 6.50; 20 = 35 + 5 × 6.50 + 10 × 6; 25 = 35 + 32.50 + 15 × 6
    ("fonts", "usd"),
    [("1", "7"), ("5", "35"), ("6", "41.5"), ("20", "127.5"), ("25", "157.5")],
)
def test_stripes_graduated_example(fonts: str, usd: str) -> None:
    assert cost(tiered("graduated", *FONTS), fonts) == Decimal(usd)


@pytest.mark.parametrize(
    # openmeter.io/docs/billing/product-catalog/pricing-models: 0.30 up to 1000, 0.20 up to 5000, 0.10 above
    ("name", "usd"),
    [("graduated", "1200"), ("volume", "600")],
)
def test_openmeters_tiered_example_of_6000_units(name: str, usd: str) -> None:
    assert cost(tiered(name, ("1000", "0.3", "0"), ("5000", "0.2", "0"), (None, "0.1", "0")), "6000") == Decimal(usd)


def test_openmeters_overage_example() -> None:
    # 500 for up to 1000 units and 0.10 for each one above: 2000 units are 500 + 100
    assert cost(tiered("graduated", ("1000", "0", "500"), (None, "0.1", "0")), "2000") == 600


def test_lagos_volume_example_with_a_fixed_fee() -> None:
    # getlago.com/docs/guide/plans/charges/charge-models/volume: 65,000 × 0.0006 + 10 = 49
    calls = (("10000", "0.0010", "10"), ("50000", "0.0008", "10"), ("100000", "0.0006", "10"), (None, "0.0004", "10"))

    assert cost(tiered("volume", *calls), "65000") == 49


@pytest.mark.parametrize(
    # zuplo.com/docs/articles/monetization/pricing-models: 15,000 units are 100 + 450 + 50 = 600, or 15,000 × 0.01 = 150
    ("name", "usd"),
    [("graduated", "600"), ("volume", "150")],
)
def test_zuplos_tiered_example_of_15000_units(name: str, usd: str) -> None:
    assert cost(tiered(name, ("1000", "0.10", "0"), ("10000", "0.05", "0"), (None, "0.01", "0")), "15000") == Decimal(usd)


def test_lagos_package_example() -> None:
    # getlago.com/docs/guide/plans/charges/charge-models/package: 5 for each 100, the first 100 free; 201 units are 10
    assert cost(model("package", size="100", amount="5", free_units="100"), "201") == 10


@pytest.mark.parametrize(("tokens", "usd"), [("10", "1.25"), ("1000000", "1.25"), ("1500000", "2.50"), ("0", "0")])
def test_chargebees_package_example(tokens: str, usd: str) -> None:
    # chargebee.com/docs/billing/2.0/product-catalog/package-pricing: 1.25 for each million
    assert cost(model("package", size="1000000", amount="1.25"), tokens) == Decimal(usd)


def test_a_part_of_a_package_may_be_charged_by_its_share() -> None:
    # 250 of 100 for 5.00 are two and a half packages
    assert cost(model("package", size="100", amount="5", rounding="exact"), "250") == Decimal("12.5")


def test_a_share_of_a_package_that_no_decimal_can_hold_is_rounded_once() -> None:
    # 10 of 3 for 1.00 are 3.333… ; 0.05 of 3 for 1.50 are exactly 0.025, a tie, half up 0.03
    thirds = model("package", size="3", amount="1", rounding="exact")
    tie = model("package", size="3", amount="1.5", rounding="exact")

    assert rate(thirds, 10).rounded("EUR") == eur(333)
    assert rate(tie, Decimal("0.05")).rounded("EUR") == eur(3)


@pytest.mark.parametrize(
    # docs.flexprice.io calls it package: 50 up to 1,000 messages, 200 up to 5,000, 350 up to 10,000; 4,500 and 1,500 are 200
    ("messages", "usd"),
    [("1", "50"), ("1000", "50"), ("1001", "200"), ("1500", "200"), ("4500", "200"), ("5000.5", "350"), ("0", "0")],
)
def test_a_stairstep_costs_the_flat_amount_of_its_range(messages: str, usd: str) -> None:
    steps = [{"up_to": "1000", "flat_amount": "50"}, {"up_to": "5000", "flat_amount": "200"}, {"flat_amount": "350"}]

    assert cost(model("stairstep", tiers=steps), messages) == Decimal(usd)


@pytest.mark.money_case(14)
def test_eleven_units_may_be_cheaper_than_ten() -> None:
    # the volume cliff: 10 × 10 = 100, 11 × 8 = 88
    cliff = tiered("volume", ("10", "10", "0"), (None, "8", "0"))

    assert [cost(cliff, "10"), cost(cliff, "11")] == [100, 88]


@pytest.mark.money_case(13)
@pytest.mark.parametrize(
    ("calls", "minor"),
    [("1000", 40), ("12345", 494), ("12", 0), ("13", 1)],  # 0.40; 4.938; 0.0048; 0.0052
)
def test_a_unit_price_below_a_cent_is_rounded_at_the_line(calls: str, minor: int) -> None:
    assert rate(model("per_unit", unit_amount="0.0004"), Decimal(calls)).rounded("EUR") == eur(minor)


@pytest.mark.money_case(12)
@pytest.mark.parametrize(("currency", "minor"), [("JPY", 13), ("EUR", 1251), ("KWD", 12505)])
def test_each_currency_is_rounded_to_its_own_decimals(currency: str, minor: int) -> None:
    # 5 × 2.501 = 12.505
    assert rate(model("per_unit", unit_amount="2.501"), 5).rounded(currency) == Money(minor=minor, currency=currency)


@pytest.mark.money_case(11)
def test_another_rounding_has_to_be_named() -> None:
    # 5 × 2.501 = 12.505, a tie
    assert rate(model("per_unit", unit_amount="2.501"), 5).rounded("EUR", ROUND_HALF_EVEN) == eur(1250)


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        ("10", "50"),  # the top of a tier belongs to it
        ("10.000000000001", "50.000000000004"),
        ("10.5", "52"),
        ("0.25", "1.25"),
    ],
)
def test_tiers_take_fractions_and_include_their_top(quantity: str, amount: str) -> None:
    assert cost(tiered("graduated", ("10", "5", "0"), (None, "4", "0")), quantity) == Decimal(amount)


def test_quantities_and_prices_of_many_digits_multiply_exactly() -> None:
    # (10^14 + 10^-12) × (10^6 + 10^-12) = 10^20 + 100 + 10^-6 + 10^-24
    exact = cost(model("per_unit", unit_amount="1000000.000000000001"), "100000000000000.000000000001")

    assert exact == Decimal("100000000000000000100.000001000000000000000001")


@pytest.mark.parametrize(
    ("quantity", "graduated", "volume"),
    [
        ("0", "0", "0"),
        ("5", "35", "35"),  # 5 × 5 + 10
        ("10", "60", "60"),
        ("12", "88", "68"),  # 60 + 2 × 4 + 20; 12 × 4 + 20
    ],
)
def test_flat_fees_are_due_for_the_tiers_that_are_reached(quantity: str, graduated: str, volume: str) -> None:
    rows = (("10", "5", "10"), (None, "4", "20"))

    assert cost(tiered("graduated", *rows), quantity) == Decimal(graduated)
    assert cost(tiered("volume", *rows), quantity) == Decimal(volume)


@pytest.mark.parametrize("name", ["graduated", "volume", "stairstep"])
def test_the_first_flat_fee_may_be_due_for_no_use(name: str) -> None:
    steps: list[dict[str, Any]] = [{"up_to": "10", "flat_amount": "10"}, {"flat_amount": "20"}]

    assert cost(model(name, tiers=steps, flat_fee_at_zero=True), "0") == 10
    assert cost(model(name, tiers=steps), "0") == 0
    assert cost(model(name, tiers=steps, flat_fee_at_zero=True, free_units="5"), "5") == 10


def test_free_units_are_taken_off_before_the_tiers() -> None:
    # 14 less 3 are 11: 10 × 5 + 1 × 4
    assert cost(tiered("graduated", ("10", "5", "0"), (None, "4", "0"), free_units="3"), "14") == 54
    assert cost(model("per_unit", unit_amount="2", free_units="3"), "2") == 0


@pytest.mark.parametrize(("quantity", "amount"), [("0", "10"), ("4", "10"), ("7", "14"), ("99", "40")])
def test_an_amount_is_held_between_minimum_and_maximum(quantity: str, amount: str) -> None:
    bounded = rate(model("per_unit", unit_amount="2", minimum="10", maximum="40"), Decimal(quantity))

    assert bounded.amount == Decimal(amount) == sum(each.amount for each in bounded.bands)


@pytest.mark.parametrize("quantity", [5, 20])
def test_an_amount_at_a_bound_is_not_moved(quantity: int) -> None:
    assert len(rate(model("per_unit", unit_amount="2", minimum="10", maximum="40"), quantity).bands) == 1


def test_a_flat_rate_costs_the_same_for_any_quantity() -> None:
    assert cost(model("flat", amount="99"), "0") == cost(model("flat", amount="99"), "12") == 99


@pytest.mark.parametrize(
    ("priced", "quantity", "text"),
    [
        (tiered("graduated", ("10", "5", "0"), (None, "4", "0")), "15", "10 × 5.00 + 5 × 4.00 = 70.00"),
        (tiered("graduated", ("10", "5", "10"), (None, "4", "0")), "15", "10 × 5.00 + 10.00 + 5 × 4.00 = 80.00"),
        (tiered("volume", ("10", "10", "0"), (None, "8", "0")), "11", "11 × 8.00 = 88.00"),
        (model("per_unit", unit_amount="0.0004"), "12345.50", "12345.5 × 0.0004 = 4.9382"),
        (model("per_unit", unit_amount="2", minimum="10"), "4", "4 × 2.00 + 2.00 (minimum 10.00) = 10.00"),
        (model("per_unit", unit_amount="2", maximum="6"), "4", "4 × 2.00 − 2.00 (maximum 6.00) = 6.00"),
        (model("flat", amount="99"), "1", "99.00 (flat) = 99.00"),
        (tiered("graduated", ("10", "5", "10"), (None, "4", "0")), "0", "0 = 0.00"),
        (model("per_unit", unit_amount="3"), "0", "0 × 3.00 = 0.00"),
        (model("package", size="1000", amount="5"), "1001", "2 × 5.00 = 10.00"),
        (model("package", size="3", amount="1", rounding="exact"), "10", "3.333333333333 × 1.00 = 3.333333333333"),
    ],
)
def test_an_amount_is_explained_as_a_person_would_write_it(priced: Rate, quantity: str, text: str) -> None:
    assert explain(rate(priced, Decimal(quantity))) == text


@pytest.mark.parametrize(
    ("currency", "text"),
    [("EUR", "12 × 0.0004 = 0.0048 → 0.00"), ("JPY", "12 × 0.0004 = 0.0048 → 0"), ("KWD", "12 × 0.0004 = 0.0048 → 0.005")],
)
def test_an_explanation_shows_the_rounding(currency: str, text: str) -> None:
    rated = rate(model("per_unit", unit_amount="0.0004"), 12)

    assert explain(rated, rated.rounded(currency)) == text


def test_an_explanation_uses_the_currencys_decimals() -> None:
    rated = rate(model("per_unit", unit_amount="500"), 2)

    assert explain(rated, rated.rounded("JPY")) == "2 × 500 = 1000"
    assert explain(rated, rated.rounded("KWD")) == "2 × 500.000 = 1000.000"


def test_bands_say_which_part_of_the_price_list_they_are() -> None:
    bands = rate(tiered("graduated", ("10", "5", "0"), ("20", "4", "0"), (None, "3", "0")), 25).bands

    assert [(str(band.quantity), band.description) for band in bands] == [
        ("10", "up to 10"),
        ("10", "above 10 up to 20"),
        ("5", "above 20"),
    ]


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        (Decimal(-1), "must not be negative"),
        (-1, "must not be negative"),
        (Decimal("0.0000000000001"), "must have at most 12 decimals"),
        (Decimal("NaN"), "must be a decimal number"),
        (Decimal("Infinity"), "must be a decimal number"),
        (1.5, "must be a decimal number"),
        (Decimal(10**16), "must be at most"),
    ],
)
def test_a_quantity_that_cannot_be_is_refused(quantity: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"quantity: {message}"):
        rate(model("per_unit", unit_amount="1"), quantity)


def test_zeros_at_the_end_are_no_decimals() -> None:
    assert cost(model("per_unit", unit_amount="2"), "1.50000000000000") == 3


def test_an_amount_beyond_the_largest_is_refused() -> None:
    with pytest.raises(ValueError, match="amount: must be at most"):
        rate(model("per_unit", unit_amount=10**11), 10**15).rounded("EUR")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "tiers"),
        ([{"up_to": 10}], r"tiers\[0\].up_to: must be left out of the last tier"),
        ([{}, {}], r"tiers\[0\].up_to: is needed in every tier but the last"),
        ([{"up_to": 10}, {"up_to": 5}, {}], r"tiers\[1\].up_to: must be more than 10"),
        ([{"up_to": 10}, {"up_to": 10}, {}], r"tiers\[1\].up_to: must be more than 10"),
        ([{"up_to": 10}, {"above": 12}], r"tiers\[1\].above: must be 10, or it leaves a gap"),
        ([{"up_to": 10}, {"above": 8}], r"tiers\[1\].above: must be 10, or it overlaps"),
        ([{"above": 1}], r"tiers\[0\].above: must be 0"),
        ([{"up_to": 0}, {}], "up_to"),
        ([{"up_to": -5}, {}], "up_to"),
        ([{"flat_amount": "0.0000000000001"}], "flat_amount"),
        ([{"flat_amount": "-1"}], "flat_amount"),
    ],
)
@pytest.mark.parametrize("name", ["graduated", "volume", "stairstep"])
def test_tiers_that_do_not_ascend_to_an_open_end_are_refused(name: str, rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model(name, tiers=rows)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model": "stairstep", "tiers": [{"flat_amount": "1", "unit_amount": "1"}]}, "unit_amount"),
        ({"model": "flat", "amount": "1", "tiers": []}, "tiers"),
        ({"model": "per_unit", "unit_amount": "1", "amount": "1"}, "amount"),
        ({"model": "per_unit", "unit_amount": "0.0000000000001"}, "unit_amount"),
        ({"model": "per_unit", "unit_amount": "NaN"}, "unit_amount"),
        ({"model": "package", "size": "0", "amount": "1"}, "size"),
        ({"model": "per_unit", "unit_amount": "1", "free_units": "-1"}, "free_units"),
        ({"model": "per_unit", "unit_amount": "1", "minimum": "2", "maximum": "1"}, "minimum: must not be more than"),
        ({"model": "cheap"}, "model"),
        ({}, "model"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused_with_the_field_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        RATES.validate_python(fields)


def test_a_rate_survives_being_written_and_read() -> None:
    priced = tiered("graduated", ("10", "0.000000000001", "0"), (None, "4", "0"))
    rate(priced, 11)

    assert RATES.validate_json(RATES.dump_json(priced)) == priced


def test_a_break_down_survives_being_written_and_read() -> None:
    rated = rate(tiered("graduated", ("10", "5", "0"), (None, "0.0004", "0")), 11)
    kept = TypeAdapter(Rated)

    assert kept.validate_json(kept.dump_json(rated)) == rated


PRICES = st.decimals(0, 1000, places=4)
WIDTHS = st.lists(st.integers(1, 30), max_size=5)
HALVES = st.integers(0, 300).map(lambda halves: Decimal(halves) / 2)


@st.composite
def price_lists(draw: st.DrawFn) -> list[tuple[str | None, str, str]]:
    tops = [str(Decimal(top) / 2) for top in accumulate(draw(WIDTHS))]
    return [(top, str(draw(PRICES)), str(draw(PRICES))) for top in [*tops, None]]


def rows_of(rows: list[tuple[str | None, str, str]]) -> list[Row]:
    return [Row(None if top is None else Fraction(top), Fraction(unit), Fraction(flat)) for top, unit, flat in rows]


@given(price_lists(), HALVES)
def test_graduated_prices_are_what_a_count_by_halves_comes_to(
    rows: list[tuple[str | None, str, str]], quantity: Decimal
) -> None:
    expected = oracle_rates.graduated(rows_of(rows), Fraction(quantity))

    assert Fraction(rate(tiered("graduated", *rows), quantity).amount) == expected


@given(price_lists(), HALVES)
def test_volume_prices_are_what_a_count_by_halves_comes_to(rows: list[tuple[str | None, str, str]], quantity: Decimal) -> None:
    expected = oracle_rates.volume(rows_of(rows), Fraction(quantity))

    assert Fraction(rate(tiered("volume", *rows), quantity).amount) == expected


@given(st.decimals("0.5", 40, places=2), PRICES, HALVES)
def test_packages_are_what_opening_one_after_the_other_comes_to(size: Decimal, price: Decimal, quantity: Decimal) -> None:
    expected = oracle_rates.packages(Fraction(size), Fraction(price), Fraction(quantity))

    assert Fraction(rate(model("package", size=size, amount=price), quantity).amount) == expected


@given(price_lists(), HALVES, st.sampled_from(["graduated", "volume"]), PRICES, PRICES)
def test_bands_add_up_to_the_amount(
    rows: list[tuple[str | None, str, str]], quantity: Decimal, name: str, one: Decimal, other: Decimal
) -> None:
    rated = rate(tiered(name, *rows, minimum=min(one, other), maximum=max(one, other)), quantity)

    assert sum((Fraction(band.amount) for band in rated.bands), Fraction(0)) == Fraction(rated.amount)
    assert min(one, other) <= rated.amount <= max(one, other)


@given(price_lists(), HALVES, HALVES)
def test_a_graduated_price_never_falls_as_the_quantity_grows(
    rows: list[tuple[str | None, str, str]], quantity: Decimal, more: Decimal
) -> None:
    priced = tiered("graduated", *rows)

    assert rate(priced, quantity).amount <= rate(priced, quantity + more).amount
