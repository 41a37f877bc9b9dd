"""All that one document says: an invoice, or a credit note with the invoice it corrects, between two parties."""

from datetime import date
from typing import Self

from pydantic import model_validator

from domain.billing.credit_notes import CreditNote
from domain.billing.documents.parties import Issuer, PaymentInstructions, Recipient
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice
from domain.billing.lines import InvoiceLine
from domain.billing.tax.documents import TaxedDocument, TaxLine
from domain.money import Money
from domain.values import Value


class BillingDocument(Value):
    """The credit note where there is one, and else the invoice, as issued: later payments do not change it. `paid_in_advance`
    is one that a card had paid whole before it was issued."""

    invoice: Invoice
    credit_note: CreditNote | None = None
    issuer: Issuer
    recipient: Recipient
    payment: PaymentInstructions | None = None
    paid_in_advance: bool = False

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.credit_note is not None and self.credit_note.invoice != self.invoice.id:
            raise ValueError(f"credit_note: corrects {self.credit_note.invoice}, not {self.invoice.id}")
        if self.issuer.legal_entity != self.invoice.legal_entity:
            raise ValueError(f"issuer.legal_entity: must be {self.invoice.legal_entity}, as of the invoice")
        return self

    @property
    def number(self) -> str | None:
        return self.credit_note.number if self.credit_note is not None else self.invoice.number

    @property
    def issue_date(self) -> date:
        return self.credit_note.issue_date if self.credit_note is not None else self.invoice.issue_date

    @property
    def taxed(self) -> TaxedDocument | None:
        return self.credit_note.taxed if self.credit_note is not None else self.invoice.taxed

    @property
    def due(self) -> Money | None:
        """What of the invoice was left to pay on the day of issue; None for a draft."""
        settlement = self.invoice.settlement
        if settlement is None:
            return None
        return Money.zero(self.invoice.currency) if self.paid_in_advance else settlement.amount_due

    @property
    def is_draft(self) -> bool:
        return self.invoice.state is InvoiceState.draft

    @property
    def is_voided(self) -> bool:
        """A credit note stands even where its invoice does not."""
        return self.credit_note is None and self.invoice.state is InvoiceState.voided

    def pairs(self) -> list[tuple[InvoiceLine, TaxLine]]:
        """The lines of the document with their tax; of a credit note, the lines of the invoice that it takes something of."""
        if self.taxed is None:
            return []
        lines = {line.id: line for line in self.invoice.lines}
        return [(lines[line.id], line) for line in self.taxed.lines]
