"""The tax of one document, line by line and category by category, in amounts that add up."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.billing.tax.decisions import TaxCategory
from domain.billing.tax.jurisdictions import Jurisdiction
from domain.money import CurrencyCode, Money
from domain.values import Value


class TaxableLine(Value):
    """A line as tax sees it: the amount after discounts, including its taxes where `inclusive`."""

    id: Annotated[str, Field(min_length=1)]
    amount: Money
    inclusive: bool = False


class TaxKind(Value):
    """What is added up together on a document: one tax, one rate, one category code, one reason."""

    category: TaxCategory
    jurisdiction: Jurisdiction
    tax: str = ""
    percent: Decimal = Decimal(0)
    base_percent: Decimal = Decimal(100)
    reason_code: str | None = None
    reason: str | None = None


class LineTax(Value):
    """One tax on one line. `kind` is the place of its kind among the document's subtotals, counted from 0."""

    kind: int
    amount: Money


class TaxLine(Value):
    """net + tax = gross, to the minor unit; `taxes` add up to tax. `inclusive` says that gross was the price."""

    id: str
    net: Money
    tax: Money
    gross: Money
    taxes: tuple[LineTax, ...]
    inclusive: bool = False

    @property
    def price(self) -> Money:
        return self.gross if self.inclusive else self.net


class TaxSubtotal(Value):
    """All lines of one kind (BG-23 of EN 16931). `taxable` is their net amount; where `kind.base_percent` is less than 100
    only that part of it bears the tax. Lines with two taxes appear in two subtotals."""

    kind: TaxKind
    taxable: Money
    tax: Money


class TaxedDocument(Value):
    """The totals are the sums of the lines, and the taxes of the subtotals add up to the tax; anything else is refused."""

    currency: CurrencyCode
    lines: tuple[TaxLine, ...]
    subtotals: tuple[TaxSubtotal, ...]
    net: Money
    tax: Money
    gross: Money

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        net, tax, gross = (sum(getattr(line, part).minor for line in self.lines) for part in ("net", "tax", "gross"))
        if (net, tax, gross) != (self.net.minor, self.tax.minor, self.gross.minor) or net + tax != gross:
            raise ValueError("net, tax, gross: must be the sums of the lines")
        if sum(subtotal.tax.minor for subtotal in self.subtotals) != tax:
            raise ValueError("subtotals: their taxes must add up to the tax of the document")
        return self

    def line(self, line: str) -> TaxLine | None:
        return next((candidate for candidate in self.lines if candidate.id == line), None)
