"""Debits that the payer's bank has returned after they had succeeded: the money goes, and its invoices are due again."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store import (
    access_blocks,
    after_payment_policy,
    balances,
    invoice_events,
    invoices,
    ledger,
    legal_entities,
    paid,
)
from activities.store.database import Connection
from activities.store.tables import ledger_transactions, representments
from domain import keys
from domain.billing.cash_postings import Payment, PaymentPart, gateway_fee, payment_returned
from domain.billing.invoices import returned
from domain.disputes import AccessWhile
from domain.gateway_events import Told
from domain.refunds import Paid, taken_back
from domain.returned_debits import next_presentment
from domain.values import Instant, Value

BLOCKED_BY = "returned"
"""Lifted with `access_blocks.lift(connection, BLOCKED_BY, <payment>, now)` once what was returned is paid."""


class Representment(Value):
    """Of a returned debit, when its claim may be presented again (`due_at` None: never), and the `count`-th return it was."""

    payment: str
    invoice: str | None
    reason: str
    count: int
    due_at: Instant | None
    why: str
    decided_at: Instant


async def take_back(connection: Connection, told: Told, now: datetime) -> Representment:
    """Once for a payment; again changes nothing. Raises Unavailable while the payment is not booked."""
    event = told.event
    payment = await paid.get(connection, event.payment or "", lock=True)
    known = await of_payment(connection, payment.key)
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
    await ledger.post(connection, [payment_returned(gone, gateway), *fee])
    if (await after_payment_policy.get(connection)).return_access is AccessWhile.block:
        await access_blocks.block(connection, await paid.services_of(connection, payment), BLOCKED_BY, payment.key, now)
    return await _decide(connection, payment, event.reason, now)


async def _reopen(connection: Connection, part: PaymentPart, reason: str, now: datetime) -> None:
    before = (await invoices.get(connection, part.invoice, lock=True)).invoice
    today = (await legal_entities.get(connection, before.legal_entity)).today(now)
    await invoices.save(connection, before, returned(before, part.amount, today))
    text = f"{part.amount} were returned by the payer's bank" + (f" ({reason})" if reason else "")
    await invoice_events.append(connection, part.invoice, "returned", "gateway", text, now)


async def _decide(connection: Connection, payment: Paid, reason: str, now: datetime) -> Representment:
    invoice = payment.parts[0].invoice if payment.parts else None
    earlier = select(func.count(), func.min(ledger_transactions.c.at)).join_from(
        representments, ledger_transactions, ledger_transactions.c.id == representments.c.payment
    )
    count, first = (await connection.execute(earlier.where(representments.c.invoice == invoice))).one()
    decided = next_presentment(reason, first or payment.at, int(count) + 1, now)
    made = Representment(
        payment=payment.key, invoice=invoice, reason=reason, count=int(count) + 1, decided_at=now, **dict(decided)
    )
    await connection.execute(insert(representments).values(**made.model_dump()))
    return made


async def of_payment(connection: Connection, payment: str) -> Representment | None:
    query = select(representments).where(representments.c.payment == payment)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else Representment.model_validate(dict(row))


async def latest(connection: Connection, invoice: str) -> Representment | None:
    """Whether, and when, what an invoice is due may be debited again; None where nothing of it was returned."""
    query = select(representments).where(representments.c.invoice == invoice).order_by(representments.c.count.desc()).limit(1)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else Representment.model_validate(dict(row))
