"""Of each returned debit, whether and when its claim may be presented again."""

from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store import access_blocks
from activities.store.database import Connection
from activities.store.tables.ledger import ledger_transactions
from activities.store.tables.payments import representments
from domain.values import Instant, Value

BLOCKED_BY = "returned"
"""The reason of an access block that a returned debit opened; it is lifted once what was returned is paid."""
_OF_INVOICE = representments.c.invoice == bindparam("invoice")
_LATEST = select(representments).where(_OF_INVOICE).order_by(representments.c.count.desc()).limit(1)
_PAYMENTS = select(representments.c.payment).where(_OF_INVOICE)


class Representment(Value):
    """`due_at` None: never, for the reason in `why`. It was the `count`-th return of the invoice."""

    payment: str
    invoice: str | None
    reason: str
    count: int
    due_at: Instant | None
    why: str
    decided_at: Instant


async def add(connection: Connection, made: Representment) -> None:
    await connection.execute(insert(representments).values(**made.model_dump()))


async def before(connection: Connection, invoice: str | None) -> tuple[int, datetime | None]:
    """How often payments of an invoice were returned, and when the first of them was made."""
    query = select(func.count(), func.min(ledger_transactions.c.at)).join_from(
        representments, ledger_transactions, ledger_transactions.c.id == representments.c.payment
    )
    count, first = (await connection.execute(query.where(representments.c.invoice == invoice))).one()
    return int(count), first


async def of_payment(connection: Connection, payment: str) -> Representment | None:
    query = select(representments).where(representments.c.payment == payment)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else Representment.model_validate(dict(row))


async def latest(connection: Connection, invoice: str) -> Representment | None:
    """Whether, and when, what an invoice is due may be debited again; None where nothing of it was returned."""
    row = (await connection.execute(_LATEST, {"invoice": invoice})).mappings().first()
    return None if row is None else Representment.model_validate(dict(row))


async def paid_again(connection: Connection, invoice: str, now: datetime) -> None:
    """What was returned of the invoice is paid: access that was closed for it is open again."""
    for payment in (await connection.execute(_PAYMENTS, {"invoice": invoice})).scalars():
        await access_blocks.lift(connection, BLOCKED_BY, payment, now)
