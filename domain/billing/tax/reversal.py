"""Credit notes: what was taxed is taken back at the rates it was taxed at, and several credit notes add up to the original.

Each note brings the tax credited so far to the original tax times the part credited so far, rounded once per set of taxes.
So the last note takes exactly what is left, and none takes more (Directive 2006/112/EC, art. 90; the rate is that of the
original supply).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from domain.billing.tax.calculation import assemble
from domain.billing.tax.documents import LineTax, TaxedDocument, TaxKind, TaxLine
from domain.billing.tax.settings import Rounding
from domain.billing.tax.shares import rounded, spread_within
from domain.errors import BadInput
from domain.money import Money


class Basis(StrEnum):
    """What a credited amount means."""

    price = "price"
    """As the line was priced: without tax where the price was exclusive of tax, with it where it was inclusive."""
    gross = "gross"
    """What the buyer gets back, with tax."""


class _Standing(NamedTuple):
    """One line of the original, what earlier notes took of it and what this one takes, in minor units."""

    line: TaxLine
    net_before: int
    taxes_before: tuple[int, ...]
    amount: int = 0
    gross: bool = True

    @property
    def tax_before(self) -> int:
        return sum(self.taxes_before)

    @property
    def before(self) -> int:
        return self.net_before + self.tax_before if self.gross else self.net_before

    @property
    def whole(self) -> int:
        return self.line.gross.minor if self.gross else self.line.net.minor

    @property
    def part(self) -> Fraction:
        """How much of the line is credited, this note counted in."""
        return Fraction(self.before + self.amount, self.whole) if self.whole else Fraction(1)

    def bounds(self) -> tuple[int, int]:
        """The least and most tax this note may take: all that is left with the last of the price, and before that never so
        much or so little that net or tax would exceed the original."""
        left = self.line.tax.minor - self.tax_before
        if self.part == 1:
            return left, left
        low, high = min(0, left), max(0, left)
        if not self.gross:
            return low, high
        sign = 1 if self.whole > 0 else -1
        keeps = self.amount - (self.line.net.minor - self.net_before) + sign
        return (max(low, keeps), min(high, self.amount)) if sign > 0 else (max(low, self.amount), min(high, keeps))


def reverse(
    original: TaxedDocument,
    amounts: Mapping[str, Money],
    credited: Sequence[TaxedDocument] = (),
    basis: Basis = Basis.price,
    rounding: Rounding = Rounding.half_up,
) -> TaxedDocument:
    """A credit note over `amounts` by line id, of the same sign as the lines; `credited` are the notes before it.

    `portions` makes amounts from a part of the document. BadInput for a line that the original has not, another currency,
    or more than is left of a line."""
    standings = _standings(original, credited)
    for line_id, amount in amounts.items():
        standings[line_id] = _taking(standings.get(line_id), line_id, amount, original.currency, basis)
    groups: defaultdict[tuple[int, ...], list[_Standing]] = defaultdict(list)
    for standing in standings.values():
        groups[tuple(part.kind for part in standing.line.taxes)].append(standing)
    shares = {line: taxes for group in groups.values() for line, taxes in _shares(group, rounding)}
    kinds = sorted({part.kind for line_id in shares for part in standings[line_id].line.taxes})
    places = {kind: place for place, kind in enumerate(kinds)}
    lines = [_line(standings[line.id], shares[line.id], places) for line in original.lines if line.id in shares]
    return assemble(original.currency, [original.subtotals[kind].kind for kind in kinds], lines)


def _standings(original: TaxedDocument, credited: Iterable[TaxedDocument]) -> dict[str, _Standing]:
    nets: defaultdict[str, int] = defaultdict(int)
    taxes: defaultdict[tuple[str, TaxKind], int] = defaultdict(int)
    for note in credited:
        for line in note.lines:
            nets[line.id] += line.net.minor
            for part in line.taxes:
                taxes[line.id, note.subtotals[part.kind].kind] += part.amount.minor
    kinds = [subtotal.kind for subtotal in original.subtotals]
    return {
        line.id: _Standing(line, nets[line.id], tuple(taxes[line.id, kinds[part.kind]] for part in line.taxes))
        for line in original.lines
    }


def _taking(standing: _Standing | None, line_id: str, amount: Money, currency: str, basis: Basis) -> _Standing:
    if standing is None:
        raise BadInput(f"amounts[{line_id}]", "must be a line of the document that is credited")
    if amount.currency != currency:
        raise BadInput(f"amounts[{line_id}]", f"must be in {currency}")
    taking = standing._replace(gross=basis is Basis.gross or standing.line.inclusive)
    left = taking.whole - taking.before
    if not (0 < amount.minor <= left or left <= amount.minor < 0):
        rest = Money(minor=left, currency=currency)
        raise BadInput(f"amounts[{line_id}]", f"{amount} cannot be credited, {rest} is left of the line")
    return taking._replace(amount=amount.minor)


def _shares(group: Sequence[_Standing], rounding: Rounding) -> list[tuple[str, tuple[int, ...]]]:
    """The taxes to credit by line, for lines that bear the same taxes: together, the cumulative tax less what was credited."""
    exact = sum((standing.line.tax.minor * standing.part for standing in group), Fraction(0))
    due = rounded(exact.numerator, exact.denominator, rounding) - sum(standing.tax_before for standing in group)
    taking = [standing for standing in group if standing.amount]
    wanted = [standing.line.tax.minor * standing.part - standing.tax_before for standing in taking]
    bounds = [standing.bounds() for standing in taking]
    low, high = [bound[0] for bound in bounds], [bound[1] for bound in bounds]
    totals = spread_within(wanted, low, high, min(max(due, sum(low)), sum(high)))
    return [(standing.line.id, _by_tax(standing, total)) for standing, total in zip(taking, totals, strict=True)]


def _by_tax(standing: _Standing, total: int) -> tuple[int, ...]:
    """`total` over the taxes of one line, each within what is left of it."""
    pairs = [(tax.amount.minor, before) for tax, before in zip(standing.line.taxes, standing.taxes_before, strict=True)]
    wanted = [owed * standing.part - before for owed, before in pairs]
    low, high = [min(0, owed - before) for owed, before in pairs], [max(0, owed - before) for owed, before in pairs]
    return tuple(spread_within(wanted, low, high, total))


def _line(standing: _Standing, taxes: tuple[int, ...], places: Mapping[int, int]) -> TaxLine:
    line = standing.line
    currency = line.net.currency
    tax = Money(minor=sum(taxes), currency=currency)
    amount = Money(minor=standing.amount, currency=currency)
    net = amount - tax if standing.gross else amount
    parts = zip(line.taxes, taxes, strict=True)
    return TaxLine(
        id=line.id,
        net=net,
        tax=tax,
        gross=net + tax,
        taxes=tuple(LineTax(kind=places[own.kind], amount=Money(minor=minor, currency=currency)) for own, minor in parts),
        inclusive=line.inclusive,
    )
