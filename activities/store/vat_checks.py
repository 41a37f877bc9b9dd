"""Which customers' VAT ids are to be checked with a register, and when."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.customers import customers
from activities.store.tables.invoices import vat_checks
from domain.customers import Customer
from domain.errors import Conflict
from domain.values import Value


class DueCheck(Value):
    """`attempts` is how often in a row the register has not answered."""

    customer: Customer
    vat_id: str
    attempts: int


async def follow(connection: Connection, customer: Customer, now: datetime) -> None:
    """The customer was written: a new number is due for a check, one that is gone no more."""
    vat_id = customer.checkable_vat_id
    if vat_id is None:
        await connection.execute(delete(vat_checks).where(vat_checks.c.customer == customer.id))
        return
    row = {"vat_id": vat_id, "due_at": now, "attempts": 0}
    made = insert(vat_checks).values(customer=customer.id, **row)
    changed = vat_checks.c.vat_id != vat_id
    await connection.execute(made.on_conflict_do_update(index_elements=["customer"], set_=row, where=changed))


async def ask(connection: Connection, customer: str, now: datetime) -> None:
    """Have the customer's VAT id checked now. Conflict where it has none that a register knows."""
    asked = update(vat_checks).where(vat_checks.c.customer == customer).values(due_at=now)
    if (await connection.execute(asked)).rowcount == 0:
        raise Conflict(f"customer {customer} is no business with a VAT id of the European Union; put it into tax.vat_id first")


async def next_at(connection: Connection, customer: str) -> datetime | None:
    """None where there is nothing to check."""
    query = select(vat_checks.c.due_at).where(vat_checks.c.customer == customer)
    found: datetime | None = (await connection.execute(query)).scalar()
    return found


async def due(connection: Connection, at: datetime, limit: int) -> list[DueCheck]:
    """Those due at or before `at`, the longest due first."""
    query = (
        select(customers.c.document, vat_checks.c.vat_id, vat_checks.c.attempts)
        .join(customers, customers.c.id == vat_checks.c.customer)
        .where(vat_checks.c.due_at <= at)
        .order_by(vat_checks.c.due_at, vat_checks.c.customer)
        .limit(limit)
    )
    rows = (await connection.execute(query)).all()
    return [DueCheck(customer=Customer.model_validate(row[0]), vat_id=row[1], attempts=row[2]) for row in rows]


async def checked(connection: Connection, check: DueCheck, due_at: datetime, attempts: int) -> None:
    """The next check is due then; a number that was changed meanwhile stays due."""
    same = (vat_checks.c.customer == check.customer.id) & (vat_checks.c.vat_id == check.vat_id)
    await connection.execute(update(vat_checks).where(same).values(due_at=due_at, attempts=attempts))
