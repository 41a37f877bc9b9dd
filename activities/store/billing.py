"""The billing engine: each verb is one transaction that writes documents, numbers, balances and ledger together, once."""

from activities.store import (
    attempts,
    balances,
    billed_orders,
    coupons,
    credit_notes,
    crediting,
    invoices,
    ledger,
    numbers,
    refunds,
    revenue,
)
from activities.store.crediting import Asked, Credited
from activities.store.database import Connection
from domain import keys
from domain.billing.cash_postings import Payment, PaymentPart, payment_received, refunded
from domain.billing.credit_notes import CreditReason, CreditRequest, LineCredit, left_of
from domain.billing.evidence import Evidence
from domain.billing.invoices import Funds, Invoice, finalize, receive
from domain.billing.numbers import DocumentKind
from domain.billing.order_billing import Bill, Credit
from domain.billing.order_lines import decisions, invoice_draft
from domain.billing.postings import invoice_finalized
from domain.money import Money

LONGEST_MEMO = 500


async def bill_order(connection: Connection, bill: Bill, gateway: str) -> None:
    """Issue the invoice over the fulfilled items of an order, and book what paid for it. Again changes nothing. `gateway` holds
    the money of a payment that is older than the rows that say which one does.

    An order is paid in advance: its invoice takes nothing from the customer's balance, and adds nothing to it. ValueError where
    it does not come to what was captured.
    """
    found = await billed_orders.get(connection, bill.order, bill.payment)
    if found is None:
        await _pay_open(connection, bill, gateway)
        return
    if found.shown is not None:
        bill = bill.model_copy(update={"at": found.shown})
    order, seller = found.order, found.seller
    today = seller.today(bill.at)
    made = invoice_draft(order, bill.items, bill.at, today)
    if made.invoice.gross != bill.total:
        raise ValueError(f"total: is {bill.total}, the invoice of order {order.id} {made.invoice.gross}")
    evidence = Evidence(
        seller=seller,
        buyer=found.buyer,
        proof=found.proof,
        decisions=decisions(order, made.invoice.lines),
        settings=order.drafting,
    )
    number = await numbers.take(connection, seller.number_format(DocumentKind.invoice), today)
    nothing = Money.zero(order.currency)
    issued = finalize(made.invoice, number, Funds(balance=nothing, prepaid=nothing), today)
    booked = [invoice_finalized(issued, bill.at)]
    if bill.payment is not None:
        booked.append(payment_received(_payment(issued, bill, bill.payment), found.gateway or gateway))
        issued = receive(issued, bill.total, today).invoice
    planned = revenue.planned([(issued, seller)], bill.at, activated=True)
    await invoices.issue(connection, issued, evidence, bill.at, order.id, booked, planned)
    await coupons.save(connection, made.redemptions)
    used = {each.key for each in made.redemptions}
    if unused := [each.key for each in order.coupons if each.key not in used]:
        await coupons.release(connection, unused)


async def _pay_open(connection: Connection, bill: Bill, gateway: str) -> None:
    """The release before billed and booked the payment one after the other, and may have been stopped between the two."""
    invoice = (await invoices.get(connection, keys.invoice(bill.order), lock=True)).invoice
    if bill.payment is None or invoice.amount_due != bill.total or await ledger.posted(connection, bill.payment):
        return
    gateway = await attempts.gateway_of(connection, bill.payment, gateway)
    await ledger.post(connection, [payment_received(_payment(invoice, bill, bill.payment), gateway)], bill.order)
    await invoices.save(connection, invoice, receive(invoice, bill.total, invoice.issue_date).invoice)


def _payment(invoice: Invoice, bill: Bill, key: str) -> Payment:
    part = PaymentPart(invoice=invoice.id, amount=bill.total)
    nothing = Money.zero(invoice.currency)
    return Payment(key=key, at=bill.at, customer=invoice.customer, parts=(part,), over=nothing, reference=invoice.number or "")


async def credit_item(connection: Connection, given: Credit, gateway: str) -> None:
    """Issue the credit note over all that is left of one item, and book the money that went back. Again changes nothing.

    What was credited before by somebody else has become the customer's credit, which the refund then takes up.
    """
    key = keys.credit_note(given.order, given.item)
    before = await invoices.get(connection, keys.invoice(given.order), lock=True)
    if await ledger.posted(connection, given.refund) or await credit_notes.known(connection, key):
        return
    invoice = before.invoice
    made = await _credited(connection, invoice, key, given)
    paid_out = refunded(given.refund, gateway, invoice.customer, given.amount, given.at)
    await ledger.post(connection, [made.booked if made else None, paid_out], given.order)
    await refunds.item_settled(connection, given.refund, given.at)
    kept = (made.note.to_credit if made else Money.zero(invoice.currency)) - given.amount
    if kept:
        await balances.change(connection, invoice.customer, kept)


async def _credited(connection: Connection, invoice: Invoice, key: str, given: Credit) -> Credited | None:
    """None where nothing is left of the item's lines."""
    left = left_of(invoice, await credit_notes.of_invoice(connection, invoice.id))
    lines = tuple(LineCredit(line=line.id) for line in invoice.lines if line.item == given.item and left[line.id])
    if not lines:
        return None
    request = CreditRequest(reason=CreditReason.cancellation, memo=given.reason[:LONGEST_MEMO], lines=lines)
    return await crediting.issue(connection, invoice, Asked(id=key, request=request), given.at)
