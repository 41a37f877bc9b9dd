"""Prepaid credit: one row a customer and currency, locked around each change of it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection, among
from activities.store.tables.customers import ON_A_CLOCK
from activities.store.tables.ledger import wallets
from domain.billing.credits import Wallet


async def of_customer(connection: Connection, customer: str) -> list[Wallet]:
    query = select(wallets.c.document).where(wallets.c.customer == customer).order_by(wallets.c.currency)
    return [Wallet.model_validate(row) for row in (await connection.execute(query)).scalars()]


async def lock(connection: Connection, customer: str, currency: str) -> Wallet:
    """The wallet, made where there is none, and held until the transaction ends."""
    empty = Wallet(customer=customer, currency=currency)
    made = insert(wallets).values(customer=customer, currency=currency, document=empty.model_dump(mode="json"))
    await connection.execute(made.on_conflict_do_nothing())
    own = (wallets.c.customer == customer, wallets.c.currency == currency)
    document = (await connection.execute(select(wallets.c.document).where(*own).with_for_update())).scalar_one()
    return Wallet.model_validate(document)


async def save(connection: Connection, wallet: Wallet) -> None:
    """With the moment when the first of its grants that has something left expires."""
    expiries = [grant.expires_at for grant in wallet.grants if grant.expires_at is not None and grant.left]
    values = {"document": wallet.model_dump(mode="json"), "expires_at": min(expiries, default=None)}
    made = insert(wallets).values(customer=wallet.customer, currency=wallet.currency, **values)
    await connection.execute(made.on_conflict_do_update(index_elements=["customer", "currency"], set_=values))


async def expiring(connection: Connection, now: datetime, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
    """(customer, currency) of wallets with a grant that has expired at `now` and has something left, those after `after`.
    Test clocks see to their own."""
    place = (wallets.c.customer, wallets.c.currency)
    query = select(*place).where(wallets.c.expires_at <= now, tuple_(*place) > tuple_(*after))
    query = query.where(wallets.c.customer.not_in(ON_A_CLOCK))
    rows = (await connection.execute(query.order_by(*place).limit(limit))).all()
    return [(row.customer, row.currency) for row in rows]


async def expiring_of(connection: Connection, customers: Iterable[str], now: datetime) -> list[tuple[str, str]]:
    """(customer, currency) of the wallets of these customers with a grant that has expired at `now`."""
    query = select(wallets.c.customer, wallets.c.currency).where(wallets.c.expires_at <= now)
    rows = (await connection.execute(query.where(among(wallets.c.customer, customers)))).all()
    return [(row.customer, row.currency) for row in rows]
