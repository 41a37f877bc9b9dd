"""Parties, and invoices between them, whose amounts are easy to add up by hand."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from domain.billing.credit_notes import CreditNote, CreditReason, CreditRequest, Identity, credit
from domain.billing.documents.document import BillingDocument
from domain.billing.documents.parties import Issuer, PaymentInstructions, Recipient
from domain.billing.gathering import Gathered, Group
from domain.billing.invoices import Funds, Invoice, PaymentTerms, drafted, finalize
from domain.billing.lines import InvoiceLine
from domain.billing.tax.calculation import tax
from domain.billing.tax.decisions import TaxDecision
from domain.billing.tax.documents import TaxableLine
from domain.money import Money
from tests.domain.billing.invoice_samples import NINETEEN

ISSUED = date(2026, 3, 2)


def issuer(**changes: Any) -> Issuer:
    given = {
        "legal_entity": "acme-de",
        "name": "Acme Cloud GmbH",
        "address": {"lines": ["Lindenstraße 12"], "postcode": "10969", "city": "Berlin", "country": "DE"},
        "vat_id": "DE136695976",
        "register_number": "HRB 123456 B",
        "legal_information": "Amtsgericht Charlottenburg, Geschäftsführerin Ada Berg",
        "email": "billing@acme.example",
        "phone": "+49 30 1234560",
    }
    return Issuer.model_validate(given | changes)


def recipient(country: str = "DE", **changes: Any) -> Recipient:
    given = {
        "name": "Nordwind Handel AG",
        "address": {"lines": ["Hafenweg 3", "2. Stock"], "postcode": "20457", "city": "Hamburg", "country": country},
        "email": "accounts@nordwind.example",
        "time_zone": "UTC",
    }
    return Recipient.model_validate(given | changes)


def transfer() -> PaymentInstructions:
    return PaymentInstructions(account_holder="Acme Cloud GmbH", iban="DE89 3704 0044 0532 0130 00", bic="COBADEFFXXX")


def invoice_of(
    lines: Sequence[InvoiceLine],
    decisions: Sequence[TaxDecision] = (NINETEEN,),
    inclusive: bool = False,
    balance: int = 0,
    prepaid: int = 0,
) -> Invoice:
    """Issued on 2 March 2026 and due on the 16th; with the decisions in turn, the last one for all lines that are left."""
    return finalize(
        draft_of(lines, decisions, inclusive),
        "INV-2026-000001",
        Funds(balance=_money(balance, lines), prepaid=_money(prepaid, lines)),
        ISSUED,
    )


def draft_of(lines: Sequence[InvoiceLine], decisions: Sequence[TaxDecision] = (NINETEEN,), inclusive: bool = False) -> Invoice:
    currency = lines[0].amount.currency
    group = Group(customer="c-1", legal_entity="acme-de", currency=currency)
    made_at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    gathered = Gathered(id="I-1", group=group, issue_date=ISSUED, gathered_at=made_at, lines=tuple(lines))
    by_line = {line.id: decisions[min(place, len(decisions) - 1)] for place, line in enumerate(lines)}
    taxable = [TaxableLine(id=line.id, amount=line.discounted, inclusive=inclusive) for line in lines]
    return drafted(gathered, PaymentTerms(), tax(taxable, by_line))


def _money(minor: int, lines: Sequence[InvoiceLine]) -> Money:
    return Money(minor=minor, currency=lines[0].amount.currency)


def document(invoice: Invoice, **changes: Any) -> BillingDocument:
    given = {"invoice": invoice, "issuer": issuer(), "recipient": recipient(), "payment": transfer()}
    return BillingDocument.model_validate(given | changes)


def credit_of(invoice: Invoice, **request: Any) -> CreditNote:
    identity = Identity(key="I-1:credit:1", number="CN-2026-000001", issue_date=date(2026, 3, 20))
    return credit(invoice, [], CreditRequest.model_validate({"reason": CreditReason.billing_error} | request), identity)
