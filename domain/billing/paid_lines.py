"""What was paid of each line of an invoice, and the line as the debit that a later credit is computed from."""

from domain.billing.debits import Debit
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice
from domain.errors import Conflict, NotFound
from domain.money import Money, total


def paid_by_line(invoice: Invoice) -> dict[str, Money]:
    """By the id of each charged line, how much of its gross was paid: with money, with credit, or by a credit line of the same
    invoice. What is still due, was written off or was credited before it was paid counts as unpaid, and is spread over the
    lines in proportion to their gross, by largest remainder."""
    charged = {line.id: line.gross for line in invoice.taxed.lines if line.gross.minor > 0} if invoice.taxed else {}
    whole = total(list(charged.values()), invoice.currency)
    if not whole or invoice.settlement is None:
        return {line: Money.zero(invoice.currency) for line in charged}
    unpaid = min(whole, invoice.amount_due + invoice.credited + invoice.written_off)
    parts = (whole - unpaid).split([gross.minor for gross in charged.values()])
    return dict(zip(charged, parts, strict=True))


def debit_of(invoice: Invoice, line_id: str) -> Debit:
    """The line as it was billed. NotFound where the invoice has no such line; Conflict for a line that was not charged for a
    period, or an invoice that was not issued or was voided: there is nothing to give back then."""
    line = next((each for each in invoice.lines if each.id == line_id), None)
    taxed = invoice.taxed.line(line_id) if invoice.taxed else None
    if line is None:
        raise NotFound("invoice line", line_id)
    if taxed is None or invoice.settlement is None or invoice.state is InvoiceState.voided:
        raise Conflict(f"invoice {invoice.number or invoice.id} is {invoice.state}, so nothing of it is given back")
    if line.period is None or line.amount.minor <= 0:
        raise Conflict(f"line {line_id} was not charged for a period, so no part of it is given back")
    return Debit(
        id=line.id,
        period=line.period,
        shares=line.shares,
        amount=line.amount,
        discount=line.amount - line.discounted,
        tax=taxed.tax,
        paid=paid_by_line(invoice)[line.id],
        tax_inclusive=taxed.inclusive,
        quantity=line.quantity or 1,
    )
