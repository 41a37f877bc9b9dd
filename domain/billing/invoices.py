"""The invoice: a document that nothing changes once it is finalized, and how far it is settled."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.billing.balance import CollectionSettings, OpenItem, Settlement, settle
from domain.billing.gathering import Gathered
from domain.billing.invoice_states import INVOICE, OPEN, InvoiceState, due_state
from domain.billing.lines import InvoiceLine
from domain.billing.tax.documents import TaxedDocument
from domain.errors import Conflict
from domain.money import CurrencyCode, Money
from domain.states import move
from domain.values import StrictValue, Value

DOCUMENT_FIELDS = frozenset(
    {
        "id",
        "number",
        "customer",
        "legal_entity",
        "currency",
        "issue_date",
        "due_date",
        "net_days",
        "lines",
        "taxed",
        "settlement",
    }
)
"""What stays as it is from finalization on; the state, and what was paid, credited and written off, go on."""


class PaymentTerms(StrictValue):
    """Due `net_days` after the issue date; 0 is on the day itself. An invoice is overdue from the day after it is due."""

    net_days: Annotated[int, Field(ge=0, le=365)] = 14


class Invoice(Value):
    """Lines of one customer, currency and legal entity. Dates are local dates of the legal entity; until it is finalized the
    issue date is the scheduled one and there is no number. `taxed` is None while the tax is not known, which keeps it a draft.

    `paid` is money received less money returned, `credited` what credit notes took off the amount due, and `written_off` what
    was given up and has not been recovered. `write_offs` counts how often it was given up: recovered money may be returned.
    """

    id: Annotated[str, Field(min_length=1)]
    number: str | None = None
    state: InvoiceState = InvoiceState.draft
    customer: str
    legal_entity: str
    currency: CurrencyCode
    issue_date: date
    due_date: date
    net_days: int = 14
    lines: tuple[InvoiceLine, ...]
    taxed: TaxedDocument | None = None
    settlement: Settlement | None = None
    paid: Money
    credited: Money
    written_off: Money
    write_offs: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for index, line in enumerate(self.lines):
            if line.amount.currency != self.currency:
                raise ValueError(f"lines[{index}].amount: is in {line.amount.currency}, the invoice in {self.currency}")
        if len({line.id for line in self.lines}) != len(self.lines):
            raise ValueError("lines: a line is charged once, but an id is there twice")
        if self.taxed is not None:
            _check_taxed(self.taxed, self.lines)
        return self

    @property
    def gross(self) -> Money:
        return self.taxed.gross if self.taxed is not None else Money.zero(self.currency)

    @property
    def amount_due(self) -> Money:
        """What is still to be paid. Nothing while it is a draft, and nothing of one that was voided."""
        if self.settlement is None or self.state is InvoiceState.voided:
            return Money.zero(self.currency)
        return self.settlement.amount_due - self.paid - self.credited - self.written_off

    @property
    def settled(self) -> bool:
        """Whether what it was for may be activated: also an invoice of zero is settled, at once."""
        return self.state is InvoiceState.paid

    def open_item(self) -> OpenItem:
        return OpenItem(invoice=self.id, number=self.number or "", due_date=self.due_date, amount_due=self.amount_due)


def _check_taxed(taxed: TaxedDocument, lines: tuple[InvoiceLine, ...]) -> None:
    if len(taxed.lines) != len(lines):
        raise ValueError(f"taxed: has {len(taxed.lines)} lines, the invoice {len(lines)}")
    for index, (tax, line) in enumerate(zip(taxed.lines, lines, strict=True)):
        if tax.id != line.id or tax.price != line.discounted:
            raise ValueError(f"taxed.lines[{index}].id: is {tax.id} of {tax.price}, the line {line.id} of {line.discounted}")


def drafted(gathered: Gathered, terms: PaymentTerms, taxed: TaxedDocument | None = None) -> Invoice:
    """The draft of gathered lines as they are. What is kept until finalization is what was gathered: the draft is made from it
    anew whenever it is shown or issued, so that a late line, coupon or tax changes it."""
    nothing = Money.zero(gathered.group.currency)
    return Invoice(
        id=gathered.id,
        customer=gathered.group.customer,
        legal_entity=gathered.group.legal_entity,
        currency=gathered.group.currency,
        issue_date=gathered.issue_date,
        due_date=gathered.issue_date + timedelta(days=terms.net_days),
        net_days=terms.net_days,
        lines=gathered.lines,
        taxed=taxed,
        paid=nothing,
        credited=nothing,
        written_off=nothing,
    )


class Charge(Value):
    """What an invoice charges, whenever it is issued: what its preview shows and its issue has to come to."""

    customer: str
    legal_entity: str
    lines: tuple[InvoiceLine, ...]
    taxed: TaxedDocument | None
    settlement: Settlement | None


def charge_of(invoice: Invoice) -> Charge:
    return Charge(
        customer=invoice.customer,
        legal_entity=invoice.legal_entity,
        lines=invoice.lines,
        taxed=invoice.taxed,
        settlement=invoice.settlement,
    )


class Funds(Value):
    """What a customer has beside the payment method when an invoice is finalized: the signed balance, and the prepaid credit
    that was reserved for this invoice."""

    balance: Money
    prepaid: Money


def finalize(
    invoice: Invoice, number: str | None, funds: Funds, today: date, settings: CollectionSettings | None = None
) -> Invoice:
    """The invoice as issued on `today`, the legal entity's local date, or Conflict where that is before the scheduled date or
    where the tax is not known. A number that is left out is given before the invoice is written.

    The issue date is the day of finalization, since a document is not dated back; the due date follows from it. What is
    nothing to collect (zero, negative, covered by credit, or too little) is paid at once.
    """
    if invoice.state is not InvoiceState.draft:
        raise Conflict(f"invoice {invoice.id} is {invoice.state} and was finalized as {invoice.number}")
    if invoice.taxed is None:
        raise Conflict(f"invoice {invoice.id} waits for its tax, and is never issued without it")
    if today < invoice.issue_date:
        raise Conflict(f"invoice {invoice.id} is to be issued on {invoice.issue_date}, not before")
    settlement = settle(invoice.gross, funds.balance, funds.prepaid, settings)
    due_date = today + timedelta(days=invoice.net_days)
    state = due_state(settlement.amount_due, Money.zero(invoice.currency), due_date, today)
    issued = {"number": number, "issue_date": today, "due_date": due_date, "settlement": settlement}
    return invoice.model_copy(update={**issued, "state": move(INVOICE, invoice.state, state)})


class Received(Value):
    """The invoice after a payment; `taken` of it went to the invoice and `over` becomes customer credit."""

    invoice: Invoice
    taken: Money
    over: Money


def receive(invoice: Invoice, amount: Money, today: date) -> Received:
    """Pay an invoice, as far as it is due; of one written off, as far as it was written off (a recovery).

    A payment for a draft, or for one that was voided meanwhile, is a Conflict: that money is the customer's credit.
    """
    if amount.minor <= 0:
        raise ValueError(f"amount: a payment is more than zero, not {amount}")
    if invoice.state in {InvoiceState.draft, InvoiceState.voided}:
        raise Conflict(
            f"invoice {invoice.number or invoice.id} is {invoice.state} and takes no payment; keep it as customer credit"
        )
    if invoice.state is InvoiceState.uncollectible:
        return _recover(invoice, amount)
    taken = min(amount, invoice.amount_due)
    paid = invoice.model_copy(update={"paid": invoice.paid + taken})
    return Received(invoice=aged(paid, today), taken=taken, over=amount - taken)


def _recover(invoice: Invoice, amount: Money) -> Received:
    taken = min(amount, invoice.written_off)
    changes = {"paid": invoice.paid + taken, "written_off": invoice.written_off - taken}
    recovered = invoice.model_copy(update=changes)
    if not recovered.written_off:
        recovered = recovered.model_copy(update={"state": move(INVOICE, recovered.state, InvoiceState.paid)})
    return Received(invoice=recovered, taken=taken, over=amount - taken)


def returned(invoice: Invoice, amount: Money, today: date) -> Invoice:
    """A payment was taken back by the bank or by a dispute: the invoice is due again. ValueError for more than was paid.

    What was recovered of an invoice that is still written off is written off again.
    """
    if not 0 < amount.minor <= invoice.paid.minor:
        raise ValueError(f"amount: between nothing and the {invoice.paid} that were paid, not {amount}")
    changes = {"paid": invoice.paid - amount}
    if invoice.state is InvoiceState.uncollectible:
        return invoice.model_copy(update={**changes, "written_off": invoice.written_off + amount})
    return aged(invoice.model_copy(update=changes), today)


def aged(invoice: Invoice, today: date) -> Invoice:
    """The invoice in the state that its amounts and dates put it in on `today`; only the open and the paid ones follow them."""
    if invoice.state not in {*OPEN, InvoiceState.paid}:
        return invoice
    state = due_state(invoice.amount_due, invoice.paid, invoice.due_date, today)
    return invoice.model_copy(update={"state": move(INVOICE, invoice.state, state)})


def written_off(invoice: Invoice) -> Invoice:
    """Given up: what is still due is no receivable any more. Conflict where nothing is due."""
    if invoice.state not in OPEN:
        raise Conflict(f"invoice {invoice.number or invoice.id} is {invoice.state} and has nothing to write off")
    state = move(INVOICE, invoice.state, InvoiceState.uncollectible)
    given_up = {"written_off": invoice.amount_due, "write_offs": invoice.write_offs + 1}
    return invoice.model_copy(update={**given_up, "state": state})


def voided(invoice: Invoice) -> Invoice:
    """As if it had not been issued; a number that it has stays used. Voiding again changes nothing.

    Only an invoice that nothing was paid on and nothing credited is voided: any other, and one that was written off, is
    corrected by a credit note. What it had taken from the balance and from prepaid credit is given back.
    """
    name = invoice.number or invoice.id
    if invoice.state is InvoiceState.voided:
        return invoice
    if invoice.paid or invoice.credited:
        raise Conflict(f"invoice {name} has {invoice.paid} paid and {invoice.credited} credited; issue a credit note instead")
    if invoice.state in {InvoiceState.paid, InvoiceState.uncollectible}:
        raise Conflict(f"invoice {name} is {invoice.state}; issue a credit note instead")
    return invoice.model_copy(update={"state": move(INVOICE, invoice.state, InvoiceState.voided)})


def credited(invoice: Invoice, amount: Money, today: date) -> Invoice:
    """A credit note took `amount` off what is due; ValueError where that is more than is due."""
    if not 0 <= amount.minor <= invoice.amount_due.minor:
        raise ValueError(f"amount: between nothing and the {invoice.amount_due} that are due, not {amount}")
    return aged(invoice.model_copy(update={"credited": invoice.credited + amount}), today)


def changed(before: Invoice, after: Invoice) -> Iterable[str]:
    """The document's fields that differ, which none may once `before` is finalized; the store refuses to write them."""
    if before.state is InvoiceState.draft:
        return []
    return sorted(field for field in DOCUMENT_FIELDS if getattr(before, field) != getattr(after, field))
