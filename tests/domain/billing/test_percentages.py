"""Percentages of amounts: fees per transaction, what is free, and what bounds them."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.percentages import PercentageRate, rate_transactions
from domain.billing.rates import explain, rate
from tests.domain.samples import eur


def fee(percent: str, **fields: Any) -> PercentageRate:
    return PercentageRate.model_validate({"model": "percentage", "rate": percent} | fields)


def cost(model: PercentageRate, *amounts: str) -> Decimal:
    return rate_transactions(model, [Decimal(amount) for amount in amounts]).amount


# getlago.com/docs/guide/plans/charges/charge-models/percentage: 1.2 % and 0.10, free up to 3 events or 500
LAGO = fee("1.2", fixed_fee="0.10", free_transactions=3, free_amount="500")


def test_lagos_example_charges_the_fourth_transaction() -> None:
    assert cost(LAGO, "200", "100", "100") == 0
    assert cost(LAGO, "200", "100", "100", "50") == Decimal("0.70")


def test_a_transaction_across_the_free_amount_pays_the_fee_and_the_percentage_on_the_rest() -> None:
    # 200 + 400 = 600 is 100 beyond the 500: 1.2 % of 100, and 0.10
    assert cost(LAGO, "200", "400") == Decimal("1.30")


def test_a_free_amount_alone_frees_what_it_reaches() -> None:
    # 300 and 200 use up the 500; 50 pays 0.60 + 0.10
    assert cost(fee("1.2", fixed_fee="0.10", free_amount="500"), "300", "200", "50") == Decimal("0.70")


def test_free_transactions_alone_are_free_whatever_they_amount_to() -> None:
    assert cost(fee("1.2", fixed_fee="0.10", free_transactions=1), "9999", "50") == Decimal("0.70")


def test_a_card_fee_is_a_percentage_and_a_fixed_fee() -> None:
    # getlago.com/docs/templates/per-transaction/stripe: 2.9 % and 0.30; of 100.00 that is 3.20
    card = rate(fee("2.9", fixed_fee="0.30"), Decimal(100))

    assert card.rounded("EUR") == eur(320)
    assert explain(card) == "100 × 0.029 + 1 × 0.30 = 3.20"
    assert card.bands[0].description == "2.9% of 100.00"


@pytest.mark.parametrize(
    ("amount", "charged"),
    [("10", "0.50"), ("100", "1.10"), ("1000", "5.00")],  # 0.20 → minimum; 1.00 + 0.10; 10.10 → maximum
)
def test_each_transaction_is_held_between_its_minimum_and_maximum(amount: str, charged: str) -> None:
    model = fee("1", fixed_fee="0.10", minimum_per_transaction="0.50", maximum_per_transaction="5")

    assert cost(model, amount) == Decimal(charged)


def test_bounds_hold_for_each_transaction_and_not_for_their_sum() -> None:
    # 0.50 + 5.00, where 1 % of the sum and two fees would be 10.30
    model = fee("1", fixed_fee="0.10", minimum_per_transaction="0.50", maximum_per_transaction="5")
    rated = rate_transactions(model, [Decimal(10), Decimal(1000)])

    assert rated.amount == Decimal("5.50")
    assert explain(rated) == "1010 × 0.01 + 2 × 0.10 − 4.80 (bounds per transaction) = 5.50"


def test_all_transactions_together_are_held_between_minimum_and_maximum() -> None:
    assert cost(fee("1", minimum="3"), "100", "50") == 3
    assert cost(fee("1", maximum="1"), "100", "50") == 1
    assert cost(fee("1", minimum="3")) == 3


def test_no_transactions_cost_nothing() -> None:
    assert cost(LAGO) == 0


def test_a_transaction_of_nothing_pays_the_fixed_fee_unless_it_is_free() -> None:
    assert cost(fee("1", fixed_fee="0.10"), "0") == Decimal("0.10")
    assert cost(fee("1", fixed_fee="0.10", free_transactions=1), "0") == 0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"rate": "-1"}, "rate"),
        ({"rate": "101"}, "rate"),
        ({"minimum": "2", "maximum": "1"}, "minimum: must not be more"),
        ({"minimum_per_transaction": "2", "maximum_per_transaction": "1"}, "minimum_per_transaction: must not be more"),
        ({"free_transactions": -1}, "free_transactions"),
        ({"free_amount": "-1"}, "free_amount"),
        ({"tiers": []}, "tiers"),
    ],
)
def test_a_percentage_that_makes_no_sense_is_refused(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        PercentageRate.model_validate({"rate": "1"} | fields)


def test_a_negative_amount_is_refused_and_named() -> None:
    with pytest.raises(ValueError, match=r"amounts\[1\]: must not be negative"):
        cost(LAGO, "1", "-1")


AMOUNTS = st.lists(st.integers(0, 500), max_size=8)


def slow(amounts: list[int], free_amount: int | None, free_transactions: int | None) -> Fraction:
    """2 % and 0.25 per transaction, one unit of money at a time."""
    total, used = Fraction(0), 0
    for number, amount in enumerate(amounts, 1):
        counted = free_transactions is None or number <= free_transactions
        limited = free_amount is not None or free_transactions is not None
        charged_units = 0
        for _ in range(amount):
            free = limited and counted and (free_amount is None or used < free_amount)
            used += 1 if free else 0
            charged_units += 0 if free else 1
        wholly_free = limited and counted and charged_units == 0
        total += Fraction(0) if wholly_free else Fraction(charged_units, 50) + Fraction(1, 4)
    return total


@given(AMOUNTS, st.none() | st.integers(0, 900), st.none() | st.integers(0, 5))
def test_transactions_cost_what_a_count_unit_by_unit_comes_to(
    amounts: list[int], free_amount: int | None, free_transactions: int | None
) -> None:
    model = fee("2", fixed_fee="0.25", free_amount=free_amount, free_transactions=free_transactions)

    rated = rate_transactions(model, [Decimal(amount) for amount in amounts])

    assert Fraction(rated.amount) == slow(amounts, free_amount, free_transactions)
