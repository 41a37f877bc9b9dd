"""Invoices, credit notes and the ledger. Each posting is a business fact: it is made once, however often it is asked for."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables import credit_notes, invoice_lines, invoices, ledger_entries
from domain.errors import Conflict, NotFound
from domain.money import Money
from domain.values import Instant, Value


class Account(StrEnum):
    """Debits are above zero, credits below. `cash` is per gateway: `cash:sandbox`."""

    receivable = "receivable"
    deferred_revenue = "deferred_revenue"
    cash = "cash"


class InvoiceState(StrEnum):
    finalized = "finalized"
    paid = "paid"


class InvoiceLine(Value):
    item: str
    name: str
    quantity: int
    amount: Money


class LedgerLine(Value):
    transaction: str
    account: str
    amount: Money
    posted_at: Instant


async def issue(
    connection: Connection, invoice: str, order: str, customer: str, lines: Sequence[InvoiceLine], total: Money, now: datetime
) -> None:
    """Issue an invoice and post what it makes receivable."""
    row = {"id": invoice, "order_id": order, "customer": customer, "state": InvoiceState.finalized, "issued_at": now}
    made = insert(invoices).values(**row, currency=total.currency, total=total.minor).on_conflict_do_nothing()
    if (await connection.execute(made.returning(invoices.c.id))).first() is None:
        return
    numbered = [
        {"invoice": invoice, "line": number, **line.model_dump(exclude={"amount"}), "amount": line.amount.minor}
        for number, line in enumerate(lines, start=1)
    ]
    if numbered:
        await connection.execute(insert(invoice_lines), numbered)
    await _post(connection, f"{invoice}:issued", order, Account.receivable, Account.deferred_revenue, total, now)


async def pay(connection: Connection, invoice: str, payment: str, gateway: str, amount: Money, now: datetime) -> None:
    """Book money taken at the gateway against the invoice."""
    order = await _order_of(connection, invoice)
    cash = f"{Account.cash}:{gateway}"
    if await _post(connection, f"{payment}:captured", order, cash, Account.receivable, amount, now):
        paid = invoices.c.paid + amount.minor
        await connection.execute(update(invoices).where(invoices.c.id == invoice).values(paid=paid, state=InvoiceState.paid))


async def credit(
    connection: Connection, credit_note: str, invoice: str, gateway: str, amount: Money, reason: str, now: datetime
) -> None:
    """Issue a credit note and book the refund that goes with it. Conflict where it would exceed the invoice."""
    order = await _order_of(connection, invoice)
    made = insert(credit_notes).values(id=credit_note, invoice=invoice, amount=amount.minor, reason=reason, issued_at=now)
    if (await connection.execute(made.on_conflict_do_nothing().returning(credit_notes.c.id))).first() is None:
        return
    credited = (
        update(invoices)
        .where(invoices.c.id == invoice, invoices.c.credited + amount.minor <= invoices.c.total)
        .values(credited=invoices.c.credited + amount.minor)
    )
    if (await connection.execute(credited)).rowcount == 0:
        raise Conflict(f"credit note {credit_note} of {amount} would exceed invoice {invoice}")
    await _post(connection, f"{credit_note}:issued", order, Account.deferred_revenue, Account.receivable, amount, now)
    cash = f"{Account.cash}:{gateway}"
    await _post(connection, f"{credit_note}:refunded", order, Account.receivable, cash, amount, now)


async def ledger_of(connection: Connection, order: str) -> list[LedgerLine]:
    """In the order they were posted."""
    query = select(ledger_entries).where(ledger_entries.c.order_id == order).order_by(ledger_entries.c.id)
    return [
        LedgerLine(
            transaction=row.transaction,
            account=row.account,
            amount=Money(minor=row.amount, currency=row.currency),
            posted_at=row.posted_at,
        )
        for row in (await connection.execute(query)).all()
    ]


async def ledger_sums(connection: Connection) -> dict[str, int]:
    """The sum of all entries per currency: zero, or something is wrong."""
    query = select(ledger_entries.c.currency, func.sum(ledger_entries.c.amount)).group_by(ledger_entries.c.currency)
    return {currency: int(amount) for currency, amount in (await connection.execute(query)).all()}


async def _post(
    connection: Connection, transaction: str, order: str, debit: str, credit_account: str, amount: Money, now: datetime
) -> bool:
    """Post one balanced transaction; False where it was posted before or comes to nothing."""
    if not amount:
        return False
    shared = {"transaction": transaction, "currency": amount.currency, "order_id": order, "posted_at": now}
    rows = [
        {**shared, "account": str(debit), "amount": amount.minor},
        {**shared, "account": str(credit_account), "amount": -amount.minor},
    ]
    made = insert(ledger_entries).values(rows).on_conflict_do_nothing().returning(ledger_entries.c.id)
    return (await connection.execute(made)).first() is not None


async def _order_of(connection: Connection, invoice: str) -> str:
    """The invoice's order; locks the invoice until the transaction ends."""
    query = select(invoices.c.order_id).where(invoices.c.id == invoice).with_for_update()
    order = (await connection.execute(query)).scalar()
    if order is None:
        raise NotFound("invoice", invoice)
    return str(order)
