"""Payments as the ledger has them: what came in under a payment's key, and for which invoices."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, bindparam, select

from activities.store.database import Connection, among
from activities.store.tables.invoices import invoices
from activities.store.tables.ledger import ledger_entries, ledger_transactions
from activities.store.tables.orders import orders
from activities.store.tables.services import services, subscriptions
from domain import keys
from domain.billing.cash_postings import PaymentPart
from domain.billing.ledger import AccountKind, kind_of
from domain.errors import Unavailable
from domain.money import Money, total
from domain.refunds import Paid

_OF_INVOICES = (AccountKind.receivable, AccountKind.write_off)
_SUBJECT: BindParameter[str] = bindparam("subject")
_ORDER_OF = (
    select(orders.c.id)
    .where(orders.c.id == _SUBJECT)
    .union_all(select(invoices.c.order_id).where(invoices.c.id == _SUBJECT))
    .limit(1)
)


async def find(connection: Connection, payment: str, *, lock: bool = False) -> Paid | None:
    """None while nothing is booked under that key. `lock` holds all that gives money of it back, until the transaction ends."""
    query = select(ledger_transactions).where(ledger_transactions.c.id == payment)
    head = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).first()
    if head is None:
        return None
    entries = select(ledger_entries).where(ledger_entries.c.transaction == payment).order_by(ledger_entries.c.id)
    rows = (await connection.execute(entries)).all()
    cash = next((row for row in rows if kind_of(row.account) is AccountKind.cash and row.amount > 0), None)
    return None if cash is None else await _paid(connection, head, cash, rows)


async def get(connection: Connection, payment: str, *, lock: bool = False) -> Paid:
    """Raises Unavailable while it is not booked: what is told of a payment may come before it is."""
    found = await find(connection, payment, lock=lock)
    if found is None:
        raise Unavailable(f"payment {payment} is not booked yet")
    return found


async def _paid(connection: Connection, head: Any, cash: Any, rows: Sequence[Any]) -> Paid:
    parts = tuple(
        PaymentPart(
            invoice=row.subject,
            amount=Money(minor=-row.amount, currency=row.currency),
            recovery=kind_of(row.account) is AccountKind.write_off,
        )
        for row in rows
        if kind_of(row.account) in _OF_INVOICES
    )
    credits_ = [row for row in rows if kind_of(row.account) is AccountKind.customer_credit]
    over = total([Money(minor=-row.amount, currency=row.currency) for row in credits_], cash.currency)
    customer = credits_[0].subject if credits_ else await _customer(connection, [part.invoice for part in parts])
    amount = Money(minor=cash.amount, currency=cash.currency)
    order = head.order_id or await order_of(connection, head.id)
    found = Paid(key=head.id, account=cash.account, customer=customer, amount=amount, parts=parts, over=over, at=head.at)
    return found.model_copy(update={"order": order})


async def order_of(connection: Connection, payment: str) -> str | None:
    """The order that a payment was asked for, itself or by its invoice."""
    subject = keys.paid_subject(payment)
    return (await connection.execute(_ORDER_OF, {"subject": subject})).scalar()


async def _customer(connection: Connection, ids: Sequence[str]) -> str:
    return str((await connection.execute(select(invoices.c.customer).where(among(invoices.c.id, ids)).limit(1))).scalar_one())


async def services_of(connection: Connection, paid: Paid) -> list[str]:
    """The services that its invoices are for, in order of id."""
    query = select(invoices.c.order_id, invoices.c.subscription).where(
        among(invoices.c.id, [part.invoice for part in paid.parts])
    )
    rows = (await connection.execute(query)).all()
    of_orders = select(services.c.id).where(among(services.c.order_id, [row.order_id for row in rows if row.order_id]))
    owned = select(subscriptions.c.order_id, subscriptions.c.item).where(
        among(subscriptions.c.id, [row.subscription for row in rows if row.subscription])
    )
    found = set((await connection.execute(of_orders)).scalars())
    found |= {keys.reference(row.order_id, row.item) for row in (await connection.execute(owned)).all()}
    return sorted(found)
