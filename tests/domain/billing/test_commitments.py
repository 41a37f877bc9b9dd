"""Minimum commitments: the true-up is what was not spent, for the part of the period there was."""

from decimal import Decimal
from fractions import Fraction

import pytest
from pydantic import ValidationError

from domain.billing.commitments import Commitment, true_up
from domain.billing.rates import explain
from tests.domain.samples import eur


def missing(commitment: str, *spent: str, fraction: Fraction = Fraction(1), prorated: bool = True) -> Decimal:
    return true_up(
        Commitment(amount=Decimal(commitment), prorated=prorated), [Decimal(each) for each in spent], fraction
    ).amount


def test_lagos_example_trues_up_what_was_not_spent() -> None:
    # docs.getlago.com/guide/plans/charges/spending-minimum: 100 committed, 50 used, 50 trued up
    assert missing("100", "50") == 50


def test_lagos_example_counts_the_fee_and_the_usage_together() -> None:
    # getlago.canny.io: a fee of 50 and 3 units at 10 are 80; 20 are missing from 100
    assert missing("100", "50", "30") == 20


@pytest.mark.parametrize("spent", ["100", "100.01"])
def test_a_commitment_that_was_reached_costs_nothing(spent: str) -> None:
    rated = true_up(Commitment(amount=Decimal(100)), [Decimal(spent)])

    assert rated.amount == 0
    assert rated.bands == ()


def test_a_stub_commits_to_its_part() -> None:
    # 10 of 31 days of 100.00 are 32.258…; with 12.00 spent 20.258… are missing
    rated = true_up(Commitment(amount=Decimal(100)), [Decimal(12)], Fraction(10, 31))

    assert rated.rounded("EUR") == eur(2026)
    assert explain(rated, rated.rounded("EUR")).endswith("(minimum commitment 100.00) = 20.258064516129 → 20.26")


def test_a_stub_may_commit_to_all_of_it() -> None:
    assert missing("100", "12", fraction=Fraction(10, 31), prorated=False) == 88


def test_a_negative_commitment_or_fraction_is_refused() -> None:
    with pytest.raises(ValidationError, match="amount"):
        Commitment(amount=Decimal(-1))
    with pytest.raises(ValueError, match="fraction: must not be negative"):
        missing("100", "1", fraction=Fraction(-1, 2))
