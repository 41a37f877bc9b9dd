"""The tax of a document from its lines and the decision for each: rounded once per scope, shared out so that all adds up."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import lcm
from typing import NamedTuple

from domain.billing.tax.decisions import AppliedRate, TaxDecision
from domain.billing.tax.documents import LineTax, TaxableLine, TaxedDocument, TaxKind, TaxLine, TaxSubtotal
from domain.billing.tax.settings import Scope, TaxSettings
from domain.billing.tax.shares import rounded, spread
from domain.errors import BadInput
from domain.money import Money

_SCALE = 10**16
"""Percent of percent with 6 decimals each: every rate is a whole number of parts of this."""


class _Exact(NamedTuple):
    """The exact tax of one line in minor units, as a fraction."""

    line: int
    numerator: int
    denominator: int


def tax(
    lines: Sequence[TaxableLine],
    decisions: Mapping[str, TaxDecision],
    settings: TaxSettings | None = None,
    currency: str | None = None,
) -> TaxedDocument:
    """Taxes each line by the decision under its id. Net prices get tax added; gross prices have it taken out, as
    gross × r / (1 + r). `currency` is needed only for a document without lines.

    BadInput for a line without decision, two lines of one id, and mixed currencies."""
    settings = settings or TaxSettings()
    currency = _one_currency(lines, currency)
    _check(lines, decisions)
    kinds, exact = _exact_taxes(lines, decisions)
    amounts = _amounts(kinds, exact, settings)
    return _document(lines, currency, kinds, amounts)


def _one_currency(lines: Sequence[TaxableLine], currency: str | None) -> str:
    codes = {line.amount.currency for line in lines} | ({currency} if currency else set())
    if len(codes) != 1:
        found = ", ".join(sorted(codes)) or "none"
        raise BadInput("lines", f"must all be in one currency, found {found}")
    return codes.pop()


def _check(lines: Sequence[TaxableLine], decisions: Mapping[str, TaxDecision]) -> None:
    seen: set[str] = set()
    for index, line in enumerate(lines):
        if line.id in seen:
            raise BadInput(f"lines[{index}].id", f"must be unique on the document, {line.id} was there before")
        if line.id not in decisions:
            raise BadInput(f"lines[{index}].id", f"needs a tax decision, {line.id} has none")
        seen.add(line.id)


def _exact_taxes(
    lines: Sequence[TaxableLine], decisions: Mapping[str, TaxDecision]
) -> tuple[list[TaxKind], list[list[_Exact]]]:
    """The kinds of the document in the order they first appear, and for each the exact tax of its lines."""
    kinds: dict[TaxKind, list[_Exact]] = {}
    known: dict[int, list[tuple[list[_Exact], int]]] = {}
    for index, line in enumerate(lines):
        decision = decisions[line.id]
        if id(decision) not in known:
            parts = [_parts(rate) for rate in decision.rates] or [0]
            known[id(decision)] = [
                (kinds.setdefault(kind, []), part) for kind, part in zip(_kinds(decision), parts, strict=True)
            ]
        columns = known[id(decision)]
        denominator = _SCALE + sum(part for _, part in columns) if line.inclusive else _SCALE
        for column, part in columns:
            column.append(_Exact(index, line.amount.minor * part, denominator))
    return list(kinds), list(kinds.values())


def _parts(rate: AppliedRate) -> int:
    return int(rate.percent * rate.base_percent * (_SCALE // 10_000))


def _kinds(decision: TaxDecision) -> list[TaxKind]:
    if not decision.rates:
        return [
            TaxKind(
                category=decision.category,
                jurisdiction=decision.place,
                reason_code=decision.reason_code,
                reason=decision.reason,
            )
        ]
    return [
        TaxKind(
            category=decision.category,
            jurisdiction=rate.jurisdiction,
            tax=rate.tax,
            percent=_plain(rate.percent),
            base_percent=_plain(rate.base_percent),
        )
        for rate in decision.rates
    ]


def _plain(percent: Decimal) -> Decimal:
    return Decimal(f"{percent.normalize():f}")  # 19 and 19.0 are one rate


def _amounts(kinds: Sequence[TaxKind], exact: Sequence[Sequence[_Exact]], settings: TaxSettings) -> list[dict[int, int]]:
    """For each kind, its tax on each of its lines in minor units."""
    common = lcm(*(part.denominator for column in exact for part in column[:]), 1)
    scaled = [[part.numerator * (common // part.denominator) for part in column] for column in exact]
    whole: list[list[int]] = [[] for _ in kinds]
    for scope, members in _scopes(kinds, settings):
        if scope is Scope.line:
            for member in members:
                whole[member] = [rounded(numerator, common, settings.rounding) for numerator in scaled[member]]
            continue
        sums = [sum(scaled[member]) for member in members]
        total = rounded(sum(sums), common, settings.rounding)
        for member, share in zip(members, spread(sums, common, total), strict=True):
            whole[member] = spread(scaled[member], common, share)
    return [
        {part.line: amount for part, amount in zip(column, amounts, strict=True)}
        for column, amounts in zip(exact, whole, strict=True)
    ]


def _scopes(kinds: Sequence[TaxKind], settings: TaxSettings) -> list[tuple[Scope, list[int]]]:
    """Which kinds are rounded together: one by one, or all of one tax and jurisdiction for a whole document."""
    together: defaultdict[object, list[int]] = defaultdict(list)
    scope_of: dict[object, Scope] = {}
    for index, kind in enumerate(kinds):
        scope = settings.scope(kind.jurisdiction)
        group: object = (kind.jurisdiction, kind.tax) if scope is Scope.document else index
        together[group].append(index)
        scope_of[group] = scope
    return [(scope_of[group], members) for group, members in together.items()]


def _document(
    lines: Sequence[TaxableLine], currency: str, kinds: Sequence[TaxKind], amounts: Sequence[Mapping[int, int]]
) -> TaxedDocument:
    taxes: list[list[LineTax]] = [[] for _ in lines]
    for kind, column in enumerate(amounts):
        for index, minor in column.items():
            taxes[index].append(LineTax(kind=kind, amount=Money(minor=minor, currency=currency)))
    return assemble(currency, kinds, [_line(line, parts) for line, parts in zip(lines, taxes, strict=True)])


def _line(line: TaxableLine, taxes: Sequence[LineTax]) -> TaxLine:
    amount = Money(minor=sum(part.amount.minor for part in taxes), currency=line.amount.currency)
    net = line.amount - amount if line.inclusive else line.amount
    return TaxLine(id=line.id, net=net, tax=amount, gross=net + amount, taxes=tuple(taxes), inclusive=line.inclusive)


def assemble(currency: str, kinds: Sequence[TaxKind], lines: Sequence[TaxLine]) -> TaxedDocument:
    """The document of finished lines, with subtotals for the kinds that its lines have."""
    taxable, owed = [0] * len(kinds), [0] * len(kinds)
    for line in lines:
        for part in line.taxes:
            taxable[part.kind] += line.net.minor
            owed[part.kind] += part.amount.minor
    net, charged = sum(line.net.minor for line in lines), sum(owed)
    return TaxedDocument(
        currency=currency,
        lines=tuple(lines),
        subtotals=tuple(
            TaxSubtotal(
                kind=kind,
                taxable=Money(minor=taxable[index], currency=currency),
                tax=Money(minor=owed[index], currency=currency),
            )
            for index, kind in enumerate(kinds)
        ),
        net=Money(minor=net, currency=currency),
        tax=Money(minor=charged, currency=currency),
        gross=Money(minor=net + charged, currency=currency),
    )
