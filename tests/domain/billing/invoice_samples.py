"""Invoices of German VAT whose amounts are easy to add up by hand."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.billing.entities import DEFAULT
from domain.billing.evidence import Evidence
from domain.billing.gathering import Gathered, Group
from domain.billing.invoices import Funds, Invoice, PaymentTerms, drafted, finalize
from domain.billing.lines import InvoiceLine
from domain.billing.tax.calculation import tax
from domain.billing.tax.decisions import AppliedRate, TaxCategory, TaxDecision, Treatment
from domain.billing.tax.documents import TaxableLine, TaxedDocument
from domain.billing.tax.jurisdictions import Jurisdiction
from domain.customers import Customer
from domain.money import Money
from tests.domain.billing.line_samples import line

GERMANY = Jurisdiction(country="DE")
NINETEEN = TaxDecision(
    treatment=Treatment.taxed,
    category=TaxCategory.standard,
    place=GERMANY,
    rates=(AppliedRate(jurisdiction=GERMANY, tax="VAT", percent=Decimal(19)),),
)


def taxed(lines: Sequence[InvoiceLine], decision: TaxDecision = NINETEEN, inclusive: bool = False) -> TaxedDocument:
    taxable = [TaxableLine(id=each.id, amount=each.discounted, inclusive=inclusive) for each in lines]
    return tax(taxable, {each.id: decision for each in lines}, currency="EUR")


def invoice_of(lines: Sequence[InvoiceLine], number: int = 1, **taxing: Any) -> Invoice:
    group = Group(customer="c-1", legal_entity="acme-de", currency="EUR")
    made_at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    gathered = Gathered(id=f"I-{number}", group=group, issue_date=date(2026, 3, 2), gathered_at=made_at, lines=tuple(lines))
    return drafted(gathered, PaymentTerms(), taxed(lines, **taxing))


def invoice(*nets: int, number: int = 1, **taxing: Any) -> Invoice:
    """A draft of lines of these net amounts, of the subscriptions S-1, S-2, … and with 19 % of German VAT."""
    lines = [line(minor, subscription=f"S-{index}") for index, minor in enumerate(nets, start=1)]
    return invoice_of(lines, number, **taxing)


EVIDENCE = Evidence(seller=DEFAULT, buyer=Customer(id="c-1", name="Someone", country="DE"))


def issue(draft: Invoice, balance: int = 0, prepaid: int = 0, number: int = 1) -> Invoice:
    funds = Funds(balance=Money(minor=balance, currency="EUR"), prepaid=Money(minor=prepaid, currency="EUR"))
    return finalize(draft, f"INV-2026-{number:06}", funds, date(2026, 3, 2))


def issued(*nets: int, number: int = 1, **taxing: Any) -> Invoice:
    """As `invoice`, finalized on 2 March 2026 and due on the 16th."""
    return issue(invoice(*nets, number=number, **taxing), number=number)
