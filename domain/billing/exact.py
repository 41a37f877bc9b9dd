"""Arithmetic on amounts before they are rounded: exact, or so close that no rounding to a minor unit can come out otherwise."""

from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from domain.money import LARGEST_AMOUNT, Money

EXACT = Context(prec=100, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Sums and products of quantities and unit amounts have at most 60 digits, so they are exact. A quotient is cut after 100:
what is not a tie of half a minor unit differs from one within the first 80, so it is rounded as the exact quotient would be."""

DECIMALS = 12
LARGEST_QUANTITY = Decimal(10**15)
ZERO = Decimal(0)

Quantity = Annotated[Decimal, Field(ge=0, le=LARGEST_QUANTITY, decimal_places=DECIMALS, examples=["12.5"])]
"""Units, which may be fractional to 12 decimals."""


def checked_quantity(quantity: Decimal | int, field: str = "quantity") -> Decimal:
    """The quantity as a decimal; ValueError where it is negative, not a number, too large, or has more than 12 decimals."""
    number = Decimal(quantity) if isinstance(quantity, int) else quantity
    if not isinstance(number, Decimal) or not number.is_finite():
        raise ValueError(f"{field}: must be a decimal number such as 12.5")
    if number < 0:
        raise ValueError(f"{field}: must not be negative")
    if number > LARGEST_QUANTITY:
        raise ValueError(f"{field}: must be at most {LARGEST_QUANTITY}")
    if decimals(number) > DECIMALS:
        raise ValueError(f"{field}: must have at most {DECIMALS} decimals")
    return number


def decimals(number: Decimal) -> int:
    """How many decimals a finite number has, not counting zeros at its end."""
    exponent = EXACT.normalize(number).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def decimal_of(fraction: Fraction) -> Decimal:
    """The fraction as a decimal of at most 100 digits."""
    return EXACT.divide(Decimal(fraction.numerator), Decimal(fraction.denominator))


def rounded(major: Decimal, currency: str, rounding: str = ROUND_HALF_UP) -> Money:
    """An amount in major units, rounded once; ValueError where it is too large to be money."""
    if abs(major) > LARGEST_AMOUNT:
        raise ValueError(f"amount: must be at most {LARGEST_AMOUNT} minor units")
    return Money.rounded(major, currency, rounding)


def plain(number: Decimal, least: int = 0) -> str:
    """The number without exponent and needless zeros, with at least so many decimals and at most 12."""
    shown = number if decimals(number) <= DECIMALS else EXACT.quantize(number, Decimal(1).scaleb(-DECIMALS))
    return f"{shown:.{max(least, decimals(shown))}f}"
