"""What is to be charged: each charge of each period is one row, on one invoice at most."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import select, text, tuple_, update

from activities.store.database import Connection, among
from activities.store.tables import billables
from domain.billing.gathering import Billable
from domain.billing.lines import InvoiceLine
from domain.values import Value

_ADD = text("""
    INSERT INTO billables (id, customer, legal_entity, currency, due_at, invoice, line)
    SELECT one #>> '{line,id}', one ->> 'customer', one ->> 'legal_entity', one #>> '{line,amount,currency}',
           (one ->> 'due_at')::timestamptz, :invoice, one -> 'line'
      FROM jsonb_array_elements(CAST(:billables AS jsonb)) one
    ON CONFLICT (id) DO NOTHING RETURNING id
""")


class Debtor(Value):
    """Who is invoiced by whom in which currency: the lines of one are gathered together."""

    customer: str
    legal_entity: str
    currency: str


async def add(connection: Connection, given: Sequence[Billable], invoice: str | None = None) -> set[str]:
    """Keep what is new of it, as on `invoice` where it is given; returns the ids of what is."""
    document = orjson.dumps([each.model_dump(mode="json") for each in given]).decode()
    rows = await connection.execute(_ADD, {"billables": document, "invoice": invoice})
    return set(rows.scalars())


async def debtors_due(connection: Connection, now: datetime, after: Debtor | None, limit: int) -> list[Debtor]:
    """Those with something due at `now` that is on no invoice, in their order, after `after`."""
    place = (billables.c.customer, billables.c.legal_entity, billables.c.currency)
    query = select(*place).where(billables.c.invoice.is_(None), billables.c.due_at <= now).distinct()
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(after.customer, after.legal_entity, after.currency))
    rows = await connection.execute(query.order_by(*place).limit(limit))
    return [Debtor.model_validate(dict(row)) for row in rows.mappings()]


async def due(connection: Connection, debtor: Debtor, now: datetime) -> list[Billable]:
    """What of a debtor is due at `now` and on no invoice, locked until the transaction ends."""
    query = (
        select(billables)
        .where(
            billables.c.customer == debtor.customer,
            billables.c.legal_entity == debtor.legal_entity,
            billables.c.currency == debtor.currency,
            billables.c.invoice.is_(None),
            billables.c.due_at <= now,
        )
        .order_by(billables.c.id)
        .with_for_update()
    )
    return [Billable.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def lines_of(connection: Connection, invoice: str) -> list[InvoiceLine]:
    """The lines of a draft, in no order."""
    query = select(billables.c.line).where(billables.c.invoice == invoice)
    return [InvoiceLine.model_validate(row) for row in (await connection.execute(query)).scalars()]


async def put_on(connection: Connection, invoice: str, lines: Sequence[str]) -> None:
    await connection.execute(update(billables).where(among(billables.c.id, lines)).values(invoice=invoice))
