"""What of a billed line was not used: from the line as it was charged, less what credit notes took of it before."""

from collections.abc import Callable
from datetime import datetime

from activities.store import credit_notes
from activities.store.database import Connection
from domain.billing.credit_notes import left_of
from domain.billing.debits import Debit, PeriodCredit, within
from domain.billing.invoices import Invoice
from domain.billing.paid_lines import debit_of
from domain.billing.tax.reversal import Basis
from domain.errors import Conflict
from domain.subscriptions.facts import Subscription

Rule = Callable[[Subscription, Debit, datetime], PeriodCredit | None]


async def of_line(
    connection: Connection, subscription: Subscription, invoice: Invoice, line: str, at: datetime, rule: Rule
) -> PeriodCredit | None:
    """None where nothing of it lies beyond `at`, or nothing is left to be given back."""
    try:
        credit = rule(subscription, debit_of(invoice, line), at)
    except Conflict:  # a free line or a credit, or an invoice that was taken back
        return None
    if credit is None:
        return None
    left = left_of(invoice, await credit_notes.of_invoice(connection, invoice.id), Basis.gross)[line]
    capped = within(credit, left)
    return capped if (capped.gross + capped.unpaid).minor > 0 else None
