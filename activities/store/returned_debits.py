"""Debits that the payer's bank has returned after they had succeeded: the money goes, and its invoices are due again."""

from datetime import datetime

from activities.store import (
    access_blocks,
    after_payment_policy,
    attempts,
    balances,
    clocks,
    collections,
    invoice_events,
    invoices,
    ledger,
    legal_entities,
    paid,
    patrol,
    payment_methods,
    representments,
)
from activities.store.database import Connection
from activities.store.payment_methods import REVOKED, MethodEvent
from activities.store.representments import BLOCKED_BY, Representment
from domain import keys
from domain.billing.cash_postings import Payment, PaymentPart, gateway_fee, payment_returned
from domain.billing.invoices import returned
from domain.collection import CollectionRequest
from domain.disputes import AccessWhile
from domain.gateway_events import Told
from domain.refunds import Paid, taken_back
from domain.returned_debits import Cause, cause_of, next_presentment


async def take_back(connection: Connection, told: Told, now: datetime) -> Representment:
    """Once for a payment; again changes nothing. `now` is real time, in place of which comes what a test clock shows.
    Raises Unavailable while the payment is not booked."""
    event = told.event
    payment = await paid.get(connection, event.payment or "", lock=True)
    now = (await clocks.frozen(connection, [payment.customer])).get(payment.customer, now)
    known = await representments.of_payment(connection, payment.key)
    if known is not None:
        return known
    amount = event.amount or payment.amount
    parts, over = taken_back(payment, min(amount, payment.amount))
    key, gateway = keys.returned(payment.key), payment.account.partition(":")[2]
    for part in parts:
        await _reopen(connection, part, event.reason, now)
    if over:
        await balances.change(connection, payment.customer, -over)
    gone = Payment(key=key, at=now, customer=payment.customer, parts=parts, over=over, reference=event.reason)
    fee = [gateway_fee(key, gateway, event.fee, now)] if event.fee else []
    await ledger.post(connection, [payment_returned(gone, gateway), *fee], payment.order)
    await patrol.look_again(connection, payment.order)
    if (await after_payment_policy.get(connection)).return_access is AccessWhile.block:
        await access_blocks.block(connection, await paid.services_of(connection, payment), BLOCKED_BY, payment.key, now)
    if cause_of(event.reason) is Cause.not_authorized:
        await _revoke_method(connection, payment, told, now)
    return await _decide(connection, payment, event.reason, now)


async def _revoke_method(connection: Connection, payment: Paid, told: Told, now: datetime) -> None:
    """The payer has not allowed the debit, or no longer: what was charged is not charged again, whatever for."""
    attempt = await attempts.find(connection, payment.key)
    if attempt is None:
        return
    summary = f"payment {payment.key} was returned as not authorized"
    gone = MethodEvent(key=keys.returned(payment.key), type=REVOKED, actor=told.gateway, summary=summary, at=now)
    for method in await payment_methods.of_customer(connection, payment.customer):
        if attempt.method in {method.id, method.tokens.get(attempt.gateway)}:
            await payment_methods.revoke(connection, method.id, gone)


async def _reopen(connection: Connection, part: PaymentPart, reason: str, now: datetime) -> None:
    before = (await invoices.get(connection, part.invoice, lock=True)).invoice
    today = (await legal_entities.get(connection, before.legal_entity)).today(now)
    await invoices.save(connection, before, returned(before, part.amount, today))
    text = f"{part.amount} were returned by the payer's bank" + (f" ({reason})" if reason else "")
    await invoice_events.append(connection, part.invoice, "returned", "gateway", text, now)


async def _decide(connection: Connection, payment: Paid, reason: str, now: datetime) -> Representment:
    invoice = payment.parts[0].invoice if payment.parts else None
    count, first = await representments.before(connection, invoice)
    decided = next_presentment(reason, first or payment.at, count + 1, now)
    made = Representment(payment=payment.key, invoice=invoice, reason=reason, count=count + 1, decided_at=now, **dict(decided))
    await representments.add(connection, made)
    if made.due_at is not None and made.invoice is not None:
        after = await collections.count(connection, made.invoice)
        again = CollectionRequest(invoice=made.invoice, customer=payment.customer, reason="returned", after=after)
        await collections.ask(connection, [again], f"returned:{made.count}", made.due_at)
    return made
