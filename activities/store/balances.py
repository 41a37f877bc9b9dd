"""Customers' balances: what each has as credit, or owes from amounts that were carried forward, beside open invoices."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.ledger import customer_balances
from domain.money import Money


async def of_customer(connection: Connection, customer: str) -> list[Money]:
    query = select(customer_balances).where(customer_balances.c.customer == customer).order_by(customer_balances.c.currency)
    return [Money(minor=row.credit, currency=row.currency) for row in (await connection.execute(query)).all()]


async def lock(connection: Connection, customer: str, currency: str) -> Money:
    """The balance, held until the transaction ends."""
    await change(connection, customer, Money.zero(currency))
    row = (customer_balances.c.customer == customer, customer_balances.c.currency == currency)
    credit = (await connection.execute(select(customer_balances.c.credit).where(*row).with_for_update())).scalar_one()
    return Money(minor=int(credit), currency=currency)


async def change(connection: Connection, customer: str, by: Money) -> None:
    """Add to the balance: more credit, or with a minus less of it."""
    made = insert(customer_balances).values(customer=customer, currency=by.currency, credit=by.minor)
    added = {"credit": customer_balances.c.credit + made.excluded.credit}
    await connection.execute(made.on_conflict_do_update(index_elements=["customer", "currency"], set_=added))
