"""Tiers of a price: each reaches up to and including its top, the last one without end."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from domain.billing.exact import ZERO, Quantity, plain
from domain.money import UnitAmount
from domain.values import StrictValue


class FlatTier(StrictValue):
    """A tier that costs `flat_amount`, whatever the quantity in it. `up_to` belongs to it; None is without end.

    `above`, where given, has to be the top of the tier before: it is for those who write both ends, and then no gap or overlap
    goes unseen.
    """

    up_to: Annotated[Quantity, Field(gt=0)] | None = None
    above: Quantity | None = None
    flat_amount: UnitAmount = ZERO


class Tier(FlatTier):
    """A tier with a price for each unit, and perhaps a flat fee once it is reached."""

    unit_amount: UnitAmount = ZERO


def check_tiers(tiers: Sequence[FlatTier]) -> None:
    """ValueError, naming the field, unless the tiers ascend without gap or overlap and the last is open."""
    bottom = ZERO
    for index, tier in enumerate(tiers):
        if tier.above is not None and tier.above != bottom:
            fault = "leaves a gap from" if tier.above > bottom else "overlaps"
            raise ValueError(f"tiers[{index}].above: must be {plain(bottom)}, or it {fault} the tier before")
        if (tier.up_to is None) != (index == len(tiers) - 1):
            needed = "must be left out of the last tier" if tier.up_to is not None else "is needed in every tier but the last"
            raise ValueError(f"tiers[{index}].up_to: {needed}")
        if tier.up_to is not None and tier.up_to <= bottom:
            raise ValueError(f"tiers[{index}].up_to: must be more than {plain(bottom)}, the top of the tier before")
        bottom = tier.up_to or bottom


def tops(tiers: Sequence[FlatTier]) -> tuple[Decimal, ...]:
    """The inclusive tops of all tiers but the last, which has none."""
    return tuple(tier.up_to for tier in tiers if tier.up_to is not None)


def description(bottom: Decimal, top: Decimal | None) -> str:
    if top is None:
        return f"above {plain(bottom)}"
    return f"above {plain(bottom)} up to {plain(top)}" if bottom else f"up to {plain(top)}"
