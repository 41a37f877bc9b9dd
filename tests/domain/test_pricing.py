"""What an item costs: exact multiplication, one rounding, at the line."""

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.money import Money
from domain.pricing import due, price_item
from tests.domain.samples import NOW, SEAT, SET_UP, eur, price

DECIMALS = {"EUR": 2, "JPY": 0, "KWD": 3}


def charge(unit_amount: str, per: str = "unit", **changes: Any) -> dict[str, Any]:
    return {"kind": "recurring", "name": "Call", "unit_amount": unit_amount, "per": per} | changes


def amount(unit_amount: str, quantity: int, currency: str = "EUR") -> int:
    (line,) = price_item(price("calls", currency, charge(unit_amount)), quantity, NOW)
    return line.amount.minor


@pytest.mark.parametrize(
    ("unit_amount", "quantity", "currency", "minor"),
    [
        ("0.0004", 1000, "EUR", 40),  # 0.0004 × 1000 = 0.40; a unit price rounded first would give nothing
        ("0.0004", 12345, "EUR", 494),  # 0.0004 × 12345 = 4.938 → 4.94
        ("0.0004", 12, "EUR", 0),  # 0.0048 → 0.00
        ("0.0004", 13, "EUR", 1),  # 0.0052 → 0.01
        ("0.000000005", 1_000_000, "EUR", 1),  # 0.005 → 0.01, half up
        ("0.000000000001", 1_000_000, "EUR", 0),  # 0.000001 → 0.00
        ("19.5", 3, "JPY", 59),  # 58.5 → 59
        ("19.5", 2, "JPY", 39),
        ("1.2345", 1, "KWD", 1235),  # 1.2345 → 1.235
        ("1.2345", 3, "KWD", 3704),  # 3.7035 → 3.704
    ],
)
def test_a_line_is_rounded_once_half_up(unit_amount: str, quantity: int, currency: str, minor: int) -> None:
    assert amount(unit_amount, quantity, currency) == minor


def test_rounding_is_at_the_line_and_not_at_the_total() -> None:
    # 0.005 → 0.01 on each line, 0.02 together; the exact sum, 0.010, would give 0.01
    lines = price_item(price("calls", "EUR", charge("0.005"), charge("0.005")), 1, NOW)

    assert due(lines, "EUR") == eur(2)


def test_a_charge_per_unit_is_multiplied_and_one_per_item_is_not() -> None:
    seats, set_up = price_item(price("crm", "EUR", SEAT, SET_UP), 3, NOW)

    assert (seats.quantity, seats.amount) == (3, eur(5700))  # 3 × 19.00
    assert (set_up.quantity, set_up.amount) == (1, eur(5000))


def test_the_first_period_and_the_one_time_charges_are_due() -> None:
    # 3 × 19.00 + 50.00 = 107.00
    assert due(price_item(price("crm", "EUR", SEAT, SET_UP), 3, NOW), "EUR") == eur(10700)


def test_a_plan_without_charges_costs_nothing() -> None:
    lines = price_item(price("free", "JPY"), 5, NOW)

    assert lines == []
    assert due(lines, "JPY") == Money(minor=0, currency="JPY")


@pytest.mark.parametrize(
    ("given_charge", "words"),
    [
        (SET_UP, None),
        (SEAT, "every month"),
        (charge("1", interval="week", interval_count=2), "every 2 weeks"),
        (charge("1", interval="year"), "every year"),
    ],
)
def test_a_line_says_how_often_it_recurs(given_charge: dict[str, Any], words: str | None) -> None:
    (line,) = price_item(price("crm", "EUR", given_charge), 1, NOW)

    assert line.recurs == words


@pytest.mark.parametrize("unit_amount", ["-0.01", "0.0000000000001", "NaN", "Infinity", "1000000000001"])
def test_a_unit_amount_that_is_no_price_is_refused(unit_amount: str) -> None:
    with pytest.raises(ValidationError):
        price("crm", "EUR", charge(unit_amount))


@given(
    st.decimals(min_value=0, max_value=10**6, places=12),
    st.integers(1, 1_000_000),
    st.sampled_from(sorted(DECIMALS)),
)
def test_a_line_is_the_exact_product_plus_a_half_rounded_down(unit: Decimal, quantity: int, currency: str) -> None:
    exact = Fraction(unit) * quantity * 10 ** DECIMALS[currency]

    assert amount(str(unit), quantity, currency) == floor(exact + Fraction(1, 2))
