"""What each event of an invoice books: finalized, voided, credited, written off, and its revenue earned.

Debits are positive. Revenue is deferred net of tax when it is invoiced and earned over the service period (IFRS 15, paragraph
106: a contract liability until the service is performed). What is booked per invoice and line has its id as subject.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from domain.billing.credit_notes import CreditNote
from domain.billing.invoices import Invoice
from domain.billing.ledger import AccountKind, Posting, Transaction, tax_payable, transaction
from domain.billing.recognition import Earned
from domain.billing.tax.documents import TaxedDocument
from domain.money import Money


def invoice_finalized(invoice: Invoice, at: datetime) -> Transaction | None:
    """The receivable is what is left to pay after the balance and prepaid credit. None for an invoice without any amount."""
    if invoice.taxed is None or invoice.settlement is None:
        raise ValueError(f"invoice: {invoice.id} is {invoice.state}; only a finalized one is booked")
    settlement = invoice.settlement
    postings = [
        Posting(account=AccountKind.receivable, amount=settlement.amount_due, subject=invoice.id),
        Posting(account=AccountKind.customer_credit, amount=-settlement.to_balance, subject=invoice.customer),
        Posting(account=AccountKind.prepaid_credit, amount=settlement.prepaid_applied, subject=invoice.customer),
        *(_to_deferred(invoice.taxed)),
        *(_taxes(invoice.taxed, invoice.id, -1)),
    ]
    return transaction(f"{invoice.id}:finalized", at, f"Invoice {invoice.number}", postings, invoice.number or "")


def _to_deferred(taxed: TaxedDocument) -> Iterator[Posting]:
    for line in taxed.lines:
        yield Posting(account=AccountKind.deferred_revenue, amount=-line.net, subject=line.id)


def _taxes(taxed: TaxedDocument, subject: str, sign: int) -> Iterator[Posting]:
    for each in taxed.subtotals:
        amount = Money(minor=sign * each.tax.minor, currency=each.tax.currency)
        yield Posting(account=tax_payable(str(each.kind.jurisdiction)), amount=amount, subject=subject)


def invoice_voided(invoice: Invoice, deferred: Mapping[str, Money], at: datetime) -> Transaction | None:
    """All of the finalization taken back; what a line has earned meanwhile is taken from revenue. `deferred` has what is still
    to be earned by line id; a line that it leaves out has earned everything."""
    if invoice.taxed is None or invoice.settlement is None:
        raise ValueError(f"invoice: {invoice.id} was never finalized, so there is nothing to take back")
    settlement = invoice.settlement
    postings = [
        Posting(account=AccountKind.receivable, amount=-settlement.amount_due, subject=invoice.id),
        Posting(account=AccountKind.customer_credit, amount=settlement.to_balance, subject=invoice.customer),
        Posting(account=AccountKind.prepaid_credit, amount=-settlement.prepaid_applied, subject=invoice.customer),
        *(_from_deferred(invoice.taxed, deferred)),
        *(_taxes(invoice.taxed, invoice.id, 1)),
    ]
    return transaction(f"{invoice.id}:voided", at, f"Invoice {invoice.number} voided", postings, invoice.number or "")


def credit_note_issued(note: CreditNote, deferred: Mapping[str, Money], at: datetime) -> Transaction | None:
    """Takes from deferred revenue as far as there is some of the line, and from revenue what was earned already. `deferred` has
    what is still to be earned by line id."""
    postings = [
        *(_from_deferred(note.taxed, deferred)),
        *(_taxes(note.taxed, note.invoice, 1)),
        Posting(account=AccountKind.receivable, amount=-note.offset, subject=note.invoice),
        Posting(account=AccountKind.write_off, amount=-note.from_written_off, subject=note.invoice),
        Posting(account=AccountKind.customer_credit, amount=-note.to_credit, subject=note.customer),
    ]
    text = f"Credit note {note.number} for invoice {note.invoice_number}"
    return transaction(note.id, at, text, postings, note.number)


def _from_deferred(taxed: TaxedDocument, deferred: Mapping[str, Money]) -> Iterator[Posting]:
    for line in taxed.lines:
        unearned = unearned_part(line.net, deferred.get(line.id, Money.zero(line.net.currency)))
        yield Posting(account=AccountKind.deferred_revenue, amount=unearned, subject=line.id)
        yield Posting(account=AccountKind.revenue, amount=line.net - unearned, subject=line.id)


def unearned_part(net: Money, deferred: Money) -> Money:
    """How much of a credit of `net` comes out of what is deferred: as far as both have the same sign."""
    if net.minor >= 0:
        return max(Money.zero(net.currency), min(net, deferred))
    return min(Money.zero(net.currency), max(net, deferred))


def invoice_written_off(invoice: Invoice, at: datetime) -> Transaction | None:
    """What is given up of an invoice that has just become uncollectible. The tax stays payable: whether bad debt gives it back
    is for each country to say (Directive 2006/112/EC, article 90(2)), and takes a credit note with that reason."""
    postings = [
        Posting(account=AccountKind.write_off, amount=invoice.written_off, subject=invoice.id),
        Posting(account=AccountKind.receivable, amount=-invoice.written_off, subject=invoice.id),
    ]
    key = f"{invoice.id}:written_off:{invoice.write_offs}"
    return transaction(key, at, f"Invoice {invoice.number} written off", postings, invoice.number or "")


def revenue_earned(line: str, earned: Earned, at: datetime) -> Transaction | None:
    """One day's revenue of one line, once per line and day."""
    postings = [
        Posting(account=AccountKind.deferred_revenue, amount=earned.amount, subject=line),
        Posting(account=AccountKind.revenue, amount=-earned.amount, subject=line),
    ]
    return transaction(f"{line}:earned:{earned.day}", at, f"Revenue of {earned.day}", postings, line)
