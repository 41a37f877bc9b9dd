"""Slow, obvious arithmetic of tax with fractions, written apart from the code it checks."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from domain.billing.tax.decisions import TaxDecision
from domain.billing.tax.documents import TaxableLine, TaxedDocument


def exact_tax(line: TaxableLine, decision: TaxDecision) -> list[Fraction]:
    """Each tax of one line in minor units: added to a net price, or taken out of a gross one."""
    shares = [Fraction(rate.percent) / 100 * Fraction(rate.base_percent) / 100 for rate in decision.rates]
    net = Fraction(line.amount.minor)
    if line.inclusive:
        net = net / (1 + sum(shares, Fraction(0)))
    return [net * share for share in shares]


def nearest(value: Fraction) -> int:
    """Half away from zero, found by trying the whole numbers around the value."""
    around = [int(value) - 1, int(value), int(value) + 1]
    return min(around, key=lambda whole: (abs(value - whole), -abs(whole)))


def nearest_even(value: Fraction) -> int:
    around = [int(value) - 1, int(value), int(value) + 1]
    return min(around, key=lambda whole: (abs(value - whole), whole % 2))


def expected_by_kind(
    lines: Sequence[TaxableLine], decisions: dict[str, TaxDecision]
) -> dict[tuple[str, str, Decimal], Fraction]:
    """The exact tax of the document for each (jurisdiction, tax, percent)."""
    sums: dict[tuple[str, str, Decimal], Fraction] = {}
    for line in lines:
        decision = decisions[line.id]
        for rate, amount in zip(decision.rates, exact_tax(line, decision), strict=True):
            key = (str(rate.jurisdiction), rate.tax, rate.percent)
            sums[key] = sums.get(key, Fraction(0)) + amount
    return sums


def added(documents: Sequence[TaxedDocument]) -> dict[str, tuple[int, int, int]]:
    """(net, tax, gross) of each line over several documents."""
    sums: dict[str, tuple[int, int, int]] = {}
    for document in documents:
        for line in document.lines:
            net, tax, gross = sums.get(line.id, (0, 0, 0))
            sums[line.id] = (net + line.net.minor, tax + line.tax.minor, gross + line.gross.minor)
    return sums
