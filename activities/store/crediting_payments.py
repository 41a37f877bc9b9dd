"""Credit notes over money of a payment that goes back, spread over the invoices it had paid."""

from datetime import datetime

from activities.store import credit_notes, crediting, invoices, ledger
from activities.store.crediting import Asked
from activities.store.database import Connection
from domain.billing import credit_notes as notes
from domain.billing.credit_notes import CreditReason, CreditRequest
from domain.billing.tax.reversal import Basis
from domain.money import Money
from domain.refunds import Paid


async def credit(connection: Connection, payment: Paid, amount: Money, reason: CreditReason, memo: str, now: datetime) -> Money:
    """From the first invoice on, as far as there is something left to credit. Books them, and returns what of them became the
    customer's credit, which is left to the caller."""
    rest, to_credit = amount, Money.zero(amount.currency)
    for part in payment.parts:
        invoice = (await invoices.get(connection, part.invoice, lock=True)).invoice
        earlier = await credit_notes.of_invoice(connection, invoice.id)
        left = list(notes.left_of(invoice, earlier, Basis.gross).values())
        taken = min(rest, part.amount, sum(left, Money.zero(amount.currency)))
        if taken.minor > 0:
            request = CreditRequest(reason=reason, memo=memo[:500], amount=taken, basis=Basis.gross)
            issued = await crediting.issue(connection, invoice, Asked(request=request), now)
            await ledger.post(connection, [issued.booked], payment.order)
            rest, to_credit = rest - taken, to_credit + issued.note.to_credit
    return to_credit
