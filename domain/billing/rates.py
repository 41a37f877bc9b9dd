"""How a quantity becomes an amount: the price models of a charge, whether it is one-time, recurring or for usage."""

from abc import abstractmethod
from bisect import bisect_left
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from domain.billing.bands import Band, Rated, band, explain, flat, limited, sum_of
from domain.billing.exact import EXACT, ZERO, Quantity, checked_quantity
from domain.billing.percentages import PercentageRate, rate_transactions
from domain.billing.tiers import FlatTier, Tier, check_tiers, description, tops
from domain.money import UnitAmount
from domain.values import StrictValue

__all__ = [
    "Band",
    "FlatRate",
    "FlatTier",
    "GraduatedRate",
    "PackageRate",
    "PerUnitRate",
    "PercentageRate",
    "Rate",
    "Rated",
    "StairstepRate",
    "Tier",
    "VolumeRate",
    "explain",
    "rate",
    "rate_transactions",
]


class FlatRate(StrictValue):
    """An amount, whatever the quantity and also for none."""

    model: Literal["flat"] = "flat"
    amount: UnitAmount

    def rated(self, quantity: Decimal) -> Rated:
        return sum_of([flat(self.amount, "flat")])


class _QuantityRate(StrictValue):
    """`free_units` are taken off the quantity before it is priced, so that tiers and packages count what is left. `minimum` and
    `maximum` bound the amount; the minimum is due for no use too."""

    free_units: Quantity = ZERO
    minimum: UnitAmount | None = None
    maximum: UnitAmount | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum: must not be more than the maximum")
        return self

    def rated(self, quantity: Decimal) -> Rated:
        billable = EXACT.subtract(quantity, self.free_units) if quantity > self.free_units else ZERO
        return limited(self._priced(billable), self.minimum, self.maximum)

    @abstractmethod
    def _priced(self, billable: Decimal) -> Rated: ...


class PerUnitRate(_QuantityRate):
    model: Literal["per_unit"] = "per_unit"
    unit_amount: UnitAmount

    def _priced(self, billable: Decimal) -> Rated:
        return sum_of([band(billable, self.unit_amount, ZERO, "per unit")])


class PackageRounding(StrEnum):
    up = "up"
    """A package that is begun is charged whole."""
    exact = "exact"
    """A part of a package is charged by its share."""


class PackageRate(_QuantityRate):
    """`amount` for each `size` units."""

    model: Literal["package"] = "package"
    size: Annotated[Quantity, Field(gt=0)]
    amount: UnitAmount
    rounding: PackageRounding = PackageRounding.up

    def _priced(self, billable: Decimal) -> Rated:
        if self.rounding is PackageRounding.up:
            whole, rest = EXACT.divmod(billable, self.size)
            return sum_of([band(whole + 1 if rest else whole, self.amount, ZERO, "packages")])
        packages = EXACT.divide(billable, self.size)
        amount = EXACT.divide(EXACT.multiply(billable, self.amount), self.size)
        return sum_of([Band(packages, self.amount, ZERO, amount, "packages")])


class _TierRate(_QuantityRate):
    """`flat_fee_at_zero`: whether the first tier's flat fee is due when nothing billable was used. The field does either."""

    flat_fee_at_zero: bool = False

    @cached_property
    def _tops(self) -> tuple[Decimal, ...]:
        return tops(self._tiers)

    @cached_property
    def _bottoms(self) -> tuple[Decimal, ...]:
        return (ZERO, *self._tops)

    @property
    @abstractmethod
    def _tiers(self) -> tuple[FlatTier, ...]: ...

    def _priced(self, billable: Decimal) -> Rated:
        if billable:
            return self._in_tier(billable, bisect_left(self._tops, billable))
        return sum_of([flat(self._tiers[0].flat_amount, "flat fee")] if self.flat_fee_at_zero else [])

    @abstractmethod
    def _in_tier(self, billable: Decimal, index: int) -> Rated: ...

    def _description(self, index: int) -> str:
        return description(self._bottoms[index], self._tiers[index].up_to)


class _UnitTierRate(_TierRate):
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=1000)]

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        check_tiers(tiers)
        return tiers

    @property
    def _tiers(self) -> tuple[Tier, ...]:
        return self.tiers


class GraduatedRate(_UnitTierRate):
    """Each unit at the price of the tier it falls in, and the flat fees of all tiers that are reached."""

    model: Literal["graduated"] = "graduated"

    def _in_tier(self, billable: Decimal, index: int) -> Rated:
        last = self._band(index, EXACT.subtract(billable, self._bottoms[index]))
        return Rated(EXACT.add(self._below[index], last.amount), (*self._filled[:index], last))

    @cached_property
    def _filled(self) -> tuple[Band, ...]:
        """The tiers below the last when they are filled, which is the same for every quantity."""
        return tuple(
            self._band(index, EXACT.subtract(top, bottom)) for index, (bottom, top) in enumerate(pairwise(self._bottoms))
        )

    @cached_property
    def _below(self) -> tuple[Decimal, ...]:
        """What all tiers below each one come to when they are filled."""
        return tuple(accumulate((filled.amount for filled in self._filled), EXACT.add, initial=ZERO))

    def _band(self, index: int, quantity: Decimal) -> Band:
        tier = self.tiers[index]
        return band(quantity, tier.unit_amount, tier.flat_amount, self._description(index))


class VolumeRate(_UnitTierRate):
    """All units at the price of the tier that the quantity falls in, and that tier's flat fee."""

    model: Literal["volume"] = "volume"

    def _in_tier(self, billable: Decimal, index: int) -> Rated:
        tier = self.tiers[index]
        return sum_of([band(billable, tier.unit_amount, tier.flat_amount, self._description(index))])


class StairstepRate(_TierRate):
    """The flat amount of the tier that the quantity falls in."""

    model: Literal["stairstep"] = "stairstep"
    tiers: Annotated[tuple[FlatTier, ...], Field(min_length=1, max_length=1000)]

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[FlatTier, ...]) -> tuple[FlatTier, ...]:
        check_tiers(tiers)
        return tiers

    @property
    def _tiers(self) -> tuple[FlatTier, ...]:
        return self.tiers

    def _in_tier(self, billable: Decimal, index: int) -> Rated:
        return sum_of([flat(self.tiers[index].flat_amount, self._description(index))])


Rate = Annotated[
    FlatRate | PerUnitRate | GraduatedRate | VolumeRate | StairstepRate | PackageRate | PercentageRate,
    Field(discriminator="model"),
]


def rate(model: Rate, quantity: Decimal | int) -> Rated:
    """The exact amount for a quantity, in major units and not rounded.

    For a percentage the quantity is the amount of one transaction, in major units; several are rated by `rate_transactions`.
    Raises ValueError for a quantity that is negative or has more than 12 decimals.
    """
    return model.rated(checked_quantity(quantity))
