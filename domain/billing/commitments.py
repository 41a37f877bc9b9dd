"""A minimum commitment: what a customer agreed to spend in a period, and the true-up for what was not spent."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from domain.billing.bands import Rated, flat, sum_of
from domain.billing.exact import EXACT, ZERO, decimal_of, plain
from domain.money import UnitAmount
from domain.values import StrictValue


class Commitment(StrictValue):
    """`amount` in major units for each full period, before discounts and tax. `prorated`: whether a stub commits to its part of
    it only (docs.getlago.com, spending minimums), or to all of it."""

    amount: UnitAmount
    prorated: bool = True


def true_up(commitment: Commitment, spent: Sequence[Decimal], fraction: Fraction = Fraction(1)) -> Rated:
    """What the rated amounts of a period fall short of the commitment; nothing where they reach it.

    `fraction` is the part of a full period that the period is, from 0 to 1, or more for a long first period.
    """
    if fraction < 0:
        raise ValueError("fraction: must not be negative")
    committed = decimal_of(Fraction(commitment.amount) * fraction) if commitment.prorated else commitment.amount
    total = ZERO
    for amount in spent:
        total = EXACT.add(total, amount)
    missing = EXACT.subtract(committed, total)
    described = f"minimum commitment {plain(commitment.amount, 2)}"
    return sum_of([flat(missing, described)] if missing > 0 else [])
