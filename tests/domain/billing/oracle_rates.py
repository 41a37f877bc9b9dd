"""Tiered prices the slow way: half a unit at a time, each looked up in its tier, in fractions."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

HALF = Fraction(1, 2)


class Row(NamedTuple):
    """A tier as it stands in a price list; `top` None is without end."""

    top: Fraction | None
    unit: Fraction
    flat: Fraction


def row_of(position: Fraction, rows: Sequence[Row]) -> Row:
    """The row of the unit that ends at this position."""
    return next(row for row in rows if row.top is None or position <= row.top)


def graduated(rows: Sequence[Row], quantity: Fraction) -> Fraction:
    amount, position, reached = Fraction(0), Fraction(0), set()
    while position < quantity:
        position += HALF
        row = row_of(position, rows)
        reached.add(row)
        amount += HALF * row.unit
    return amount + sum((row.flat for row in reached), Fraction(0))


def volume(rows: Sequence[Row], quantity: Fraction) -> Fraction:
    amount, position = Fraction(0), Fraction(0)
    while position < quantity:
        position += HALF
        amount += HALF * row_of(quantity, rows).unit
    return amount + (row_of(quantity, rows).flat if quantity else 0)


def packages(size: Fraction, price: Fraction, quantity: Fraction) -> Fraction:
    """Opens a package whenever the one before is used up."""
    amount, left = Fraction(0), quantity
    while left > 0:
        amount += price
        left -= size
    return amount
