"""What is to be charged: each charge of each period is one row, on one invoice at most."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import orjson
from sqlalchemy import select, text, tuple_

from activities.store.database import Connection, among
from activities.store.tables.customers import ON_A_CLOCK
from activities.store.tables.invoices import billables
from domain.billing.gathering import Billable
from domain.billing.lines import InvoiceLine
from domain.values import Value

ADDING = """
    INSERT INTO billables (id, customer, legal_entity, currency, due_at, invoice, line)
    SELECT one #>> '{line,id}', one ->> 'customer', one ->> 'legal_entity', one #>> '{line,amount,currency}',
           (one ->> 'due_at')::timestamptz, :invoice, one -> 'line'
      FROM jsonb_array_elements(CAST(:billables AS jsonb)) one
    ON CONFLICT (id) DO NOTHING RETURNING id
"""
"""`:billables` is what `as_json` makes; they are on `:invoice` where that is given."""
_ADD = text(ADDING)
_DUE = text("""
    SELECT billables.* FROM billables
      JOIN unnest(CAST(:customer AS varchar[]), CAST(:legal_entity AS varchar[]), CAST(:currency AS varchar[]))
           AS debtor (customer, legal_entity, currency) USING (customer, legal_entity, currency)
     WHERE invoice IS NULL AND due_at <= :now ORDER BY id FOR UPDATE OF billables
""")
_PUT_ON = text("""
    UPDATE billables SET invoice = placed.invoice
      FROM unnest(CAST(:lines AS varchar[]), CAST(:invoices AS varchar[])) AS placed (line, invoice)
     WHERE id = placed.line
""")


class Debtor(Value):
    """Who is invoiced by whom in which currency: the lines of one are gathered together."""

    customer: str
    legal_entity: str
    currency: str


async def add(connection: Connection, given: Sequence[Billable], invoice: str | None = None) -> set[str]:
    """Keep what is new of it, as on `invoice` where it is given; returns the ids of what is."""
    return set((await connection.execute(_ADD, {"billables": as_json(given), "invoice": invoice})).scalars())


def as_json(given: Sequence[Billable]) -> str:
    return orjson.dumps([each.model_dump(mode="json") for each in given]).decode()


async def find(connection: Connection, id_: str) -> Billable | None:
    row = (await connection.execute(select(billables).where(billables.c.id == id_))).mappings().first()
    return None if row is None else Billable.model_validate(dict(row))


async def waiting(connection: Connection, customer: str, after: tuple[datetime, str] | None, limit: int) -> list[Billable]:
    """What of a customer is on no invoice yet, due or not: the first due first, those after `after` (due_at, id)."""
    place = (billables.c.due_at, billables.c.id)
    query = select(billables).where(billables.c.customer == customer, billables.c.invoice.is_(None))
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    rows = await connection.execute(query.order_by(*place).limit(limit))
    return [Billable.model_validate(dict(row)) for row in rows.mappings()]


async def debtors_due(connection: Connection, now: datetime, after: Debtor | None, limit: int) -> list[Debtor]:
    """Those with something due at `now` that is on no invoice, in their order, after `after`. Not those with a test clock."""
    place = (billables.c.customer, billables.c.legal_entity, billables.c.currency)
    query = select(*place).where(billables.c.invoice.is_(None), billables.c.due_at <= now).distinct()
    query = query.where(billables.c.customer.not_in(ON_A_CLOCK))
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(after.customer, after.legal_entity, after.currency))
    rows = await connection.execute(query.order_by(*place).limit(limit))
    return [Debtor.model_validate(dict(row)) for row in rows.mappings()]


async def debtors_of(connection: Connection, customers: Sequence[str], now: datetime) -> list[Debtor]:
    """As `debtors_due`, of these customers."""
    place = (billables.c.customer, billables.c.legal_entity, billables.c.currency)
    query = select(*place).where(among(billables.c.customer, customers), billables.c.invoice.is_(None))
    rows = await connection.execute(query.where(billables.c.due_at <= now).distinct().order_by(*place))
    return [Debtor.model_validate(dict(row)) for row in rows.mappings()]


async def due(connection: Connection, debtors: Sequence[Debtor], now: datetime) -> list[Billable]:
    """What of these debtors is due at `now` and on no invoice, locked until the transaction ends."""
    rows = await connection.execute(_DUE, {**_columns(debtors), "now": now})
    return [Billable.model_validate(row) for row in rows.mappings()]


def _columns(debtors: Sequence[Debtor]) -> dict[str, list[str]]:
    return {name: [getattr(debtor, name) for debtor in debtors] for name in Debtor.model_fields}


async def lines_of(connection: Connection, invoices: Collection[str]) -> dict[str, list[InvoiceLine]]:
    """The lines of drafts by invoice, in no order."""
    query = select(billables.c.invoice, billables.c.line).where(among(billables.c.invoice, invoices))
    lines: dict[str, list[InvoiceLine]] = {invoice: [] for invoice in invoices}
    for invoice, line in (await connection.execute(query)).all():
        lines[invoice].append(InvoiceLine.model_validate(line))
    return lines


async def put_on(connection: Connection, invoices: Mapping[str, str]) -> None:
    """Put lines on invoices, given by the line's id."""
    await connection.execute(_PUT_ON, {"lines": list(invoices), "invoices": list(invoices.values())})
