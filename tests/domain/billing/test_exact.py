"""Exact amounts: nothing is lost before the one rounding, however close to half a minor unit it is."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.exact import checked_quantity, decimal_of, plain, rounded
from tests.domain.samples import eur


@given(st.integers(0, 10**9), st.integers(1, 10**45))
def test_what_is_just_below_a_half_is_rounded_down_and_a_half_up(cents: int, divisor: int) -> None:
    half = Fraction(2 * cents + 1, 200)

    assert rounded(decimal_of(half), "EUR") == eur(cents + 1)
    assert rounded(decimal_of(half - Fraction(1, divisor * 200)), "EUR") == eur(cents)


@pytest.mark.parametrize(
    ("number", "least", "text"),
    [
        ("1.50", 0, "1.5"),
        ("1.5", 2, "1.50"),
        ("1E+3", 0, "1000"),
        ("0.000", 0, "0"),
        ("0.0004", 2, "0.0004"),
        ("0.33333333333333333", 2, "0.333333333333"),
        ("0.66666666666666666", 2, "0.666666666667"),
    ],
)
def test_numbers_are_written_plainly(number: str, least: int, text: str) -> None:
    assert plain(Decimal(number), least) == text


def test_a_refused_quantity_is_named_as_its_field() -> None:
    with pytest.raises(ValueError, match="seats: must not be negative"):
        checked_quantity(Decimal(-1), "seats")
