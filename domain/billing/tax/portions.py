"""How much of a document is left to credit, and a part of it shared over its lines."""

from collections.abc import Sequence
from fractions import Fraction

from domain.billing.tax.documents import TaxedDocument
from domain.billing.tax.settings import Rounding
from domain.billing.tax.shares import rounded, spread_within
from domain.errors import BadInput
from domain.money import Money


def remaining(original: TaxedDocument, credited: Sequence[TaxedDocument] = ()) -> dict[str, Money]:
    """What is left to credit of each line, in the line's price; lines with nothing left are not named."""
    left = {line.id: line.price for line in original.lines}
    for note in credited:
        for line in note.lines:
            left[line.id] = left[line.id] - line.price
    return {line: amount for line, amount in left.items() if amount}


def portion(original: TaxedDocument, part: Fraction, credited: Sequence[TaxedDocument] = ()) -> dict[str, Money]:
    """`part` (over 0, up to 1) of each line of the original in its price, for `reverse`; never more than is left, and all
    that is left for 1. The amounts add up to the part of the whole, rounded half up."""
    if not 0 < part <= 1:
        raise BadInput("part", "must be more than 0 and at most 1")
    left = remaining(original, credited)
    if part == 1:
        return left
    rooms = [left.get(line.id, Money.zero(original.currency)).minor for line in original.lines]
    exact = [line.price.minor * part for line in original.lines]
    low, high = [min(0, room) for room in rooms], [max(0, room) for room in rooms]
    wanted = sum(exact, Fraction(0))
    total = rounded(wanted.numerator, wanted.denominator, Rounding.half_up)
    shares = spread_within(exact, low, high, min(max(total, sum(low)), sum(high)))
    return {
        line.id: Money(minor=share, currency=original.currency)
        for line, share in zip(original.lines, shares, strict=True)
        if share
    }


def gross_portion(original: TaxedDocument, amount: Money, credited: Sequence[TaxedDocument] = ()) -> dict[str, Money]:
    """`amount` with tax, shared over the lines by what is left of each, for `reverse` with `Basis.gross`.

    BadInput where less is left than `amount`, or where lines of both signs are left: such lines must be named."""
    left = {line.id: line.gross for line in original.lines}
    for note in credited:
        for line in note.lines:
            left[line.id] = left[line.id] - line.gross
    left = {line: gross for line, gross in left.items() if gross}
    whole = Money(minor=sum(gross.minor for gross in left.values()), currency=original.currency)
    if any(gross.minor < 0 for gross in left.values()):
        raise BadInput("amount", "must be given by line, since the document has charges and credits")
    if amount.currency != original.currency or not 0 < amount.minor <= whole.minor:
        raise BadInput("amount", f"must be more than 0 and at most {whole}")
    shares = amount.split([gross.minor for gross in left.values()])
    return {line: share for line, share in zip(left, shares, strict=True) if share}
