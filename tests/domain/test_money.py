"""Money: whole minor units, divided exactly and rounded half up."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.money import LARGEST_AMOUNT, Money, exponent, total
from tests.domain.samples import eur

AMOUNTS = st.integers(-LARGEST_AMOUNT, LARGEST_AMOUNT)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any)


def minors(parts: list[Money]) -> list[int]:
    return [part.minor for part in parts]


@pytest.mark.money_case(10)
@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        # 100.00 / 3 = 33.33 each and one cent left; equal remainders, so the first part gets it
        (10000, [1, 1, 1], [3334, 3333, 3333]),
        # 1.00 by 1:2:3 = 16.67, 33.33, 50.00 cents; rounded down 16 + 33 + 50 = 99; the largest remainder is .67
        (100, [1, 2, 3], [17, 33, 50]),
        # 0.05 by 3:3:1 = 2.14, 2.14, 0.71 cents; rounded down 2 + 2 + 0 = 4; the largest remainder is the last
        (5, [3, 3, 1], [2, 2, 1]),
        # 0.02 by three = 0.67 cents each; two cents left, to the first two
        (2, [1, 1, 1], [1, 1, 0]),
        # a part without weight gets nothing, not even the cent that is left
        (1, [0, 1, 1], [0, 1, 0]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_a_split_gives_what_is_left_to_the_largest_remainders(amount: int, weights: list[int], parts: list[int]) -> None:
    assert minors(eur(amount).split(weights)) == parts


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_a_split_is_exact_in_minor_units_whatever_the_decimals(currency: str) -> None:
    # 1000 minor units (10.00 EUR, 1000 JPY, 1.000 KWD) / 3 = 333 each and one unit left
    assert minors(Money(minor=1000, currency=currency).split([1, 1, 1])) == [334, 333, 333]


def test_a_negative_amount_splits_as_its_positive_does() -> None:
    assert minors(eur(-10000).split([1, 1, 1])) == [-3334, -3333, -3333]


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [2, -1]])
def test_weights_that_divide_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        eur(100).split(weights)


@given(AMOUNTS, WEIGHTS)
def test_split_parts_add_up(amount: int, weights: list[int]) -> None:
    assert sum(minors(eur(amount).split(weights))) == amount


@given(AMOUNTS, WEIGHTS)
def test_each_part_is_less_than_one_unit_from_its_exact_share(amount: int, weights: list[int]) -> None:
    # |part − amount × weight / whole| < 1, multiplied by whole to stay in integers
    whole = sum(weights)

    for part, weight in zip(eur(amount).split(weights), weights, strict=True):
        assert abs(part.minor * whole - amount * weight) < whole


@given(AMOUNTS, WEIGHTS)
def test_a_heavier_part_is_never_the_smaller_one(amount: int, weights: list[int]) -> None:
    parts = [abs(part.minor) for part in eur(amount).split(weights)]

    by_weight = [part for _, part in sorted(zip(weights, parts, strict=True))]
    assert by_weight == sorted(parts)


@pytest.mark.money_case(11)
@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [
        ("19.99", "EUR", 1999),
        ("0.125", "EUR", 13),  # half-even would give 12
        ("0.135", "EUR", 14),
        ("0.1249999999", "EUR", 12),
        ("-0.125", "EUR", -13),  # half up is away from zero on both sides
        ("2.5", "JPY", 3),  # no decimals; half-even would give 2
        ("2.4999", "JPY", 2),
        ("1.2345", "KWD", 1235),  # three decimals; half-even would give 1234
        ("0.0005", "KWD", 1),
    ],
)
def test_amounts_are_rounded_half_up_to_the_minor_unit(major: str, currency: str, minor: int) -> None:
    assert Money.rounded(Decimal(major), currency) == Money(minor=minor, currency=currency)


def test_another_rounding_has_to_be_named() -> None:
    assert Money.rounded(Decimal("0.125"), "EUR", ROUND_HALF_EVEN) == eur(12)


@pytest.mark.money_case(12)
@pytest.mark.parametrize(("currency", "decimals"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("TRY", 2)])
def test_decimals_are_those_of_iso_4217(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (10000, "EUR", "100.00 EUR"),
        (5, "EUR", "0.05 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (100, "JPY", "100 JPY"),
        (1005, "KWD", "1.005 KWD"),
        (LARGEST_AMOUNT, "EUR", "10000000000000.00 EUR"),
    ],
)
def test_money_reads_in_major_units(minor: int, currency: str, text: str) -> None:
    assert str(Money(minor=minor, currency=currency)) == text


@pytest.mark.parametrize("currency", ["EURO", "eur", "ABC", ""])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(ValidationError):
        Money(minor=1, currency=currency)


@pytest.mark.money_case(11)
@pytest.mark.parametrize("minor", [19.99, 1.0, "100", Decimal(1)])
def test_only_whole_minor_units_are_money(minor: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"minor": minor, "currency": "EUR"})


def test_an_amount_beyond_the_largest_is_refused() -> None:
    with pytest.raises(ValidationError):
        eur(LARGEST_AMOUNT + 1)


def test_money_adds_subtracts_and_compares_within_a_currency() -> None:
    assert eur(150) + eur(25) == eur(175)
    assert eur(150) - eur(175) == eur(-25)
    assert -eur(25) == eur(-25)
    assert eur(1) < eur(2)
    assert not eur(2) < eur(2)
    assert eur(2) <= eur(2)


def test_currencies_are_never_mixed() -> None:
    yen = Money(minor=1, currency="JPY")

    with pytest.raises(ValueError, match="EUR with JPY"):
        eur(1) + yen
    with pytest.raises(ValueError, match="EUR with JPY"):
        eur(1) - yen
    with pytest.raises(ValueError, match="EUR with JPY"):
        assert eur(1) < yen
    with pytest.raises(ValueError, match="EUR with JPY"):
        assert eur(1) <= yen
    with pytest.raises(ValueError, match="EUR with JPY"):
        total([yen], "EUR")


def test_only_zero_is_no_money() -> None:
    assert not eur(0)
    assert eur(1)
    assert eur(-1)


def test_several_amounts_add_up_and_none_is_zero() -> None:
    # 0.01 + 0.02 + 0.04 = 0.07
    assert total([eur(1), eur(2), eur(4)], "EUR") == eur(7)
    assert total([], "JPY") == Money(minor=0, currency="JPY")
