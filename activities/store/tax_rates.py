"""Tax rates that operators added: kept for good, since invoices refer to them."""

from datetime import datetime

from sqlalchemy import func, insert, select, text

from activities.store.database import Connection
from activities.store.tables.catalogue import tax_rates
from domain.billing.tax.overrides import check_addition
from domain.billing.tax.rates import TaxRate


async def revision(connection: Connection) -> int:
    """Grows with every rate; 0 where there is none."""
    return int((await connection.execute(select(func.max(tax_rates.c.id)))).scalar() or 0)


async def add(connection: Connection, rate: TaxRate, by: str, now: datetime) -> None:
    """BadInput where another one that was added holds on one of its days. Adding the same again changes nothing.

    Additions wait for each other, so that none is missed by the check, nor by whoever has seen a later revision.
    """
    await connection.execute(text("LOCK TABLE tax_rates IN SHARE ROW EXCLUSIVE MODE"))
    earlier = await every(connection)
    if rate in earlier:
        return
    check_addition(rate, earlier)
    row = {
        "country": rate.jurisdiction.country,
        "region": rate.jurisdiction.region,
        "tax": rate.tax,
        "category": rate.category,
        "document": rate.model_dump(mode="json"),
        "added_by": by,
        "added_at": now,
    }
    await connection.execute(insert(tax_rates).values(row))


async def every(connection: Connection) -> list[TaxRate]:
    """In the order in which they were added."""
    query = select(tax_rates.c.document).order_by(tax_rates.c.id)
    return [TaxRate.model_validate(row) for row in (await connection.execute(query)).scalars()]
