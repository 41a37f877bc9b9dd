"""A price that is a percentage of amounts of money, such as 1.2 % and 0.10 for each transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.billing.bands import Band, Rated, band, flat, limited, sum_of
from domain.billing.exact import EXACT, ZERO, Quantity, checked_quantity, plain
from domain.money import UnitAmount
from domain.values import StrictValue


class PercentageRate(StrictValue):
    """`rate` percent of each transaction's amount and a fixed fee for each, with bounds for each one and for all together.

    The first `free_transactions`, or transactions up to `free_amount` in all, are free of both; where both are given a
    transaction is free only within both (docs.getlago.com, percentage charge model). A transaction across the free amount pays
    the fixed fee, and the percentage on what goes beyond.
    """

    model: Literal["percentage"] = "percentage"
    rate: Annotated[Decimal, Field(ge=0, le=100, decimal_places=12, examples=["1.2"])]
    fixed_fee: UnitAmount = ZERO
    minimum_per_transaction: UnitAmount | None = None
    maximum_per_transaction: UnitAmount | None = None
    minimum: UnitAmount | None = None
    maximum: UnitAmount | None = None
    free_amount: Quantity | None = None
    free_transactions: Annotated[int, Field(ge=0, le=10**9)] | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if _above(self.minimum, self.maximum):
            raise ValueError("minimum: must not be more than the maximum")
        if _above(self.minimum_per_transaction, self.maximum_per_transaction):
            raise ValueError("minimum_per_transaction: must not be more than maximum_per_transaction")
        return self

    def rated(self, quantity: Decimal) -> Rated:
        return rate_transactions(self, [quantity])


@dataclass(frozen=True, slots=True)
class _Charged:
    """What one transaction that is not free is charged for, and what its bounds add or take off."""

    base: Decimal
    bounds: Decimal


def rate_transactions(model: PercentageRate, amounts: Sequence[Decimal]) -> Rated:
    """The exact amount for all transactions of a period, in the order in which they used up what is free."""
    charged = list(_charged(model, amounts))
    base = sum_decimals(each.base for each in charged)
    bounds = sum_decimals(each.bounds for each in charged)
    bands = [_percentage(model, base)] if charged else []
    if charged and model.fixed_fee:
        bands.append(band(Decimal(len(charged)), model.fixed_fee, ZERO, "fixed fee per transaction"))
    if bounds:
        bands.append(flat(bounds, "bounds per transaction"))
    return limited(sum_of(bands), model.minimum, model.maximum)


def sum_decimals(numbers: Iterator[Decimal]) -> Decimal:
    total = ZERO
    for number in numbers:
        total = EXACT.add(total, number)
    return total


def _percentage(model: PercentageRate, base: Decimal) -> Band:
    return band(base, model.rate.scaleb(-2, EXACT), ZERO, f"{plain(model.rate)}% of {plain(base, 2)}")


def _charged(model: PercentageRate, amounts: Sequence[Decimal]) -> Iterator[_Charged]:
    unused = model.free_amount
    for index, amount in enumerate(amounts):
        checked_quantity(amount, f"amounts[{index}]")
        free = _free(model, index, amount, unused)
        if free is None:
            yield _one(model, amount)
            continue
        unused = None if unused is None else EXACT.subtract(unused, free)
        if free < amount:
            yield _one(model, EXACT.subtract(amount, free))


def _free(model: PercentageRate, index: int, amount: Decimal, unused: Decimal | None) -> Decimal | None:
    """How much of a transaction's amount is free; None where nothing of it can be."""
    if model.free_transactions is None and unused is None:
        return None
    if model.free_transactions is not None and index >= model.free_transactions:
        return None
    return amount if unused is None else min(amount, unused)


def _one(model: PercentageRate, base: Decimal) -> _Charged:
    fee = EXACT.fma(base, model.rate.scaleb(-2, EXACT), model.fixed_fee)
    bounded = fee
    if model.minimum_per_transaction is not None:
        bounded = max(bounded, model.minimum_per_transaction)
    if model.maximum_per_transaction is not None:
        bounded = min(bounded, model.maximum_per_transaction)
    return _Charged(base, EXACT.subtract(bounded, fee))


def _above(low: Decimal | None, high: Decimal | None) -> bool:
    return low is not None and high is not None and low > high
