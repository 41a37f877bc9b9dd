"""Customers' records."""

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from activities.store import dispatches, vat_checks
from activities.store.database import Connection
from activities.store.tables.customers import customers
from domain.checks import customer_subject
from domain.customers import Customer
from domain.errors import NotFound

_GET = select(customers.c.document).where(customers.c.id == bindparam("id"))
_LOCKED = _GET.with_for_update()


async def put(connection: Connection, customer: Customer, now: datetime) -> int:
    """Create or replace; returns the version. Orders that wait for this customer are woken, a new VAT id is checked."""
    document = customer.model_dump(mode="json")
    made = insert(customers).values(id=customer.id, document=document, version=1, created_at=now, updated_at=now)
    statement = made.on_conflict_do_update(
        index_elements=["id"],
        set_={"document": document, "version": customers.c.version + 1, "updated_at": now},
    ).returning(customers.c.version)
    version = int((await connection.execute(statement)).scalar_one())
    await vat_checks.follow(connection, customer, now)
    await dispatches.wake_blocked(connection, [customer_subject(customer.id)], now, f"customer:{customer.id}:{version}")
    return version


async def get(connection: Connection, customer: str, *, lock: bool = False) -> Customer:
    """Raises NotFound. `lock` holds the record until the transaction ends, for whoever is about to change it."""
    found = await find(connection, customer, lock=lock)
    if found is None:
        raise NotFound("customer", customer)
    return found


async def find(connection: Connection, customer: str, *, lock: bool = False) -> Customer | None:
    """As `get`; None where there is none."""
    found = (await connection.execute(_LOCKED if lock else _GET, {"id": customer})).scalar()
    return None if found is None else Customer.model_validate(found)


async def page(connection: Connection, after: str | None, limit: int) -> list[Customer]:
    """In order of id, those after `after`."""
    query = select(customers.c.document).order_by(customers.c.id).limit(limit)
    if after is not None:
        query = query.where(customers.c.id > after)
    return [Customer.model_validate(row) for row in (await connection.execute(query)).scalars()]
