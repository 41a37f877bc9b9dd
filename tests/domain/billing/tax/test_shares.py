"""Whole units from exact amounts."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.tax.settings import Rounding
from domain.billing.tax.shares import rounded, spread, spread_within


@pytest.mark.parametrize(
    ("rounding", "of_half", "of_three_halves", "of_minus_half"),
    [
        (Rounding.half_up, 1, 2, -1),
        (Rounding.half_even, 0, 2, 0),
        (Rounding.half_down, 0, 1, 0),
        (Rounding.down, 0, 1, 0),
        (Rounding.up, 1, 2, -1),
    ],
)
def test_halves_go_where_they_are_said_to(rounding: Rounding, of_half: int, of_three_halves: int, of_minus_half: int) -> None:
    assert (rounded(1, 2, rounding), rounded(3, 2, rounding), rounded(-1, 2, rounding)) == (
        of_half,
        of_three_halves,
        of_minus_half,
    )


@given(st.integers(-(10**15), 10**15), st.integers(0, 9), st.sampled_from(Rounding))
def test_rounding_is_that_of_the_decimal_module(numerator: int, digits: int, rounding: Rounding) -> None:
    with localcontext(prec=60):
        expected = int(Decimal(numerator).scaleb(-digits).quantize(Decimal(1), rounding=f"ROUND_{rounding.upper()}"))

    assert rounded(numerator, 10**digits, rounding) == expected


def test_the_largest_remainder_gets_the_unit_and_ties_go_to_the_earlier() -> None:
    assert spread([6_270, 6_270, 6_270], 1_000, 19) == [7, 6, 6]  # 6.27 each
    assert spread([150, 180, 170], 100, 5) == [1, 2, 2]  # 1.5, 1.8, 1.7


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20), st.integers(1, 10**6), st.sampled_from(Rounding))
def test_parts_add_up_and_stay_within_a_unit(numerators: list[int], denominator: int, rounding: Rounding) -> None:
    total = rounded(sum(numerators), denominator, rounding)
    parts = spread(numerators, denominator, total)

    assert sum(parts) == total
    assert all(abs(part - Fraction(own, denominator)) < 1 for part, own in zip(parts, numerators, strict=True))


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=10))
def test_whole_parts_are_left_alone(wholes: list[int]) -> None:
    assert spread([whole * 7 for whole in wholes], 7, sum(wholes)) == wholes


@given(
    st.lists(
        st.tuples(st.fractions(-20, 20, max_denominator=9), st.integers(-20, 20), st.integers(0, 20)), min_size=1, max_size=8
    ),
    st.data(),
)
def test_bounded_parts_add_up_within_their_bounds(cases: list[tuple[Fraction, int, int]], data: st.DataObject) -> None:
    exact, low = [case[0] for case in cases], [case[1] for case in cases]
    high = [case[1] + case[2] for case in cases]
    total = data.draw(st.integers(sum(low), sum(high)))
    parts = spread_within(exact, low, high, total)

    assert sum(parts) == total
    assert all(floor <= part <= ceiling for floor, part, ceiling in zip(low, parts, high, strict=True))


def test_a_total_beyond_the_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="total: must be from 0 to 2, not 3"):
        spread_within([Fraction(1), Fraction(1)], [0, 0], [1, 1], 3)
