"""What the time is for a customer: real time in UTC, or what its test clock shows; and moving such a clock."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import due_rows, legal_entities
from activities.store.database import Connection, among_given
from activities.store.due_rows import DueRow
from activities.store.tables.customers import customers
from activities.store.tables.invoices import billables, invoices
from activities.store.tables.life import due_rows as due_table
from activities.store.tables.life import test_clocks
from activities.store.tables.orders import orders
from domain.billing.entities import DEFAULT, LegalEntity
from domain.billing.invoice_states import InvoiceState
from domain.billing.zones import midnight, zone_of
from domain.clocks import Clock, Moment
from domain.errors import Conflict, NotFound

_NOW = select(test_clocks.c.now).join(customers, customers.c.clock == test_clocks.c.id)
_NOW_OF = _NOW.where(customers.c.id == bindparam("customer"))
_FROZEN = (
    select(customers.c.id, test_clocks.c.now)
    .join(test_clocks, customers.c.clock == test_clocks.c.id)
    .where(among_given(customers.c.id, "customers"))
)
AGEING = (InvoiceState.finalized, InvoiceState.partially_paid)
"""What becomes overdue once its due date is past."""


async def business_now(connection: Connection, customer: str | None) -> datetime:
    """The one source of the time for what falls due to a customer: periods, due dates, dunning, the end of a trial. Real time
    where it is about none."""
    shown: datetime | None = (await connection.execute(_NOW_OF, {"customer": customer})).scalar()
    return datetime.now(UTC) if shown is None else shown.astimezone(UTC)


async def now_of(connection: Connection, row: DueRow) -> datetime:
    """As `business_now`, by the clock that the row was read with: a customer with business does not change its clock."""
    return datetime.now(UTC) if row.clock is None else await business_now(connection, row.customer)


async def business_now_of(connection: Connection, invoice: str) -> datetime:
    """What the time is for the customer of an invoice; real time where there is no such invoice."""
    query = _NOW.join(invoices, invoices.c.customer == customers.c.id).where(invoices.c.id == invoice)
    shown: datetime | None = (await connection.execute(query)).scalar()
    return datetime.now(UTC) if shown is None else shown.astimezone(UTC)


async def frozen(connection: Connection, of: Iterable[str]) -> dict[str, datetime]:
    """What test clocks show to those of these customers that have one."""
    rows = await connection.execute(_FROZEN, {"customers": list(of)})
    return {row[0]: row[1].astimezone(UTC) for row in rows}


async def add(connection: Connection, clock: Clock) -> None:
    """Conflict where there is one of this id."""
    made = insert(test_clocks).values(**clock.model_dump()).on_conflict_do_nothing()
    if not (await connection.execute(made)).rowcount:
        raise Conflict(f"there is a test clock {clock.id} already")


async def get(connection: Connection, clock: str, *, lock: bool = False) -> Clock:
    """Raises NotFound."""
    query = select(test_clocks).where(test_clocks.c.id == clock)
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
    if row is None:
        raise NotFound("test clock", clock)
    return Clock.model_validate(dict(row))


async def page(connection: Connection, after: str | None, limit: int) -> list[Clock]:
    """In order of id, those after `after`."""
    query = select(test_clocks).order_by(test_clocks.c.id).limit(limit)
    if after is not None:
        query = query.where(test_clocks.c.id > after)
    return [Clock.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def attach(connection: Connection, clock: str, customer: str) -> None:
    """From now on the clock says what the time is for the customer. Raises NotFound; Conflict where the clock is being
    advanced, or where the customer has business already, which real time goes on with."""
    found = await get(connection, clock, lock=True)
    if found.target is not None:
        raise Conflict(f"test clock {clock} is being advanced; attach customers when it stands still")
    query = select(customers.c.clock).where(customers.c.id == customer).with_for_update()
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound("customer", customer)
    if row.clock == clock:
        return
    if row.clock is not None:
        raise Conflict(f"customer {customer} is attached to test clock {row.clock}")
    business = [exists().where(table.c.customer == customer) for table in (orders, invoices, billables)]
    if any((await connection.execute(select(*business))).one()):
        raise Conflict(f"customer {customer} has business in real time; attach one that has ordered nothing yet")
    await connection.execute(update(customers).where(customers.c.id == customer).values(clock=clock))


async def of_customer(connection: Connection, customer: str) -> Clock | None:
    """The one that says what the time is for it; None where real time goes."""
    query = select(test_clocks).join(customers, customers.c.clock == test_clocks.c.id).where(customers.c.id == customer)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else Clock.model_validate(dict(row))


async def customers_of(connection: Connection, clock: str) -> list[str]:
    query = select(customers.c.id).where(customers.c.clock == clock).order_by(customers.c.id)
    return list((await connection.execute(query)).scalars())


async def next_moment(connection: Connection, clock: str, to: datetime) -> Moment:
    """Move the clock to the first instant up to `to` at which something is due, which is where it stands until nothing is left
    of it. Raises NotFound."""
    found = await get(connection, clock, lock=True)
    if rows := await due_rows.due_at(connection, clock, found.now):
        return Moment(now=found.now, rows=tuple(rows))
    upcoming = await _upcoming(connection, clock)
    if upcoming is not None and upcoming <= found.now:
        return Moment(now=found.now)
    if upcoming is None or upcoming > to:
        shown = max(to, found.now)
        await _show(connection, clock, shown, None)
        return Moment(now=shown, done=True)
    await _show(connection, clock, upcoming, to)
    return Moment(now=upcoming, rows=tuple(await due_rows.due_at(connection, clock, upcoming)))


async def _show(connection: Connection, clock: str, now: datetime, target: datetime | None) -> None:
    await connection.execute(update(test_clocks).where(test_clocks.c.id == clock).values(now=now, target=target))


async def _upcoming(connection: Connection, clock: str) -> datetime | None:
    """When something is due next, of rows, charges, drafts and invoices; it may lie in the past of the clock."""
    own = select(customers.c.id).where(customers.c.clock == clock)
    first = select(
        select(func.min(due_table.c.due_at)).where(due_table.c.clock == clock).scalar_subquery(),
        select(func.min(billables.c.due_at))
        .where(billables.c.customer.in_(own), billables.c.invoice.is_(None))
        .scalar_subquery(),
        select(func.min(invoices.c.finalizable_at))
        .where(invoices.c.customer.in_(own), invoices.c.state == InvoiceState.draft)
        .scalar_subquery(),
    )
    instants = [each.astimezone(UTC) for each in (await connection.execute(first)).one() if each is not None]
    ageing = select(invoices.c.legal_entity, func.min(invoices.c.due_date)).where(
        invoices.c.customer.in_(own), invoices.c.state.in_(AGEING)
    )
    sellers = {each.id: each for each in await legal_entities.every(connection)}
    for entity, due_date in (await connection.execute(ageing.group_by(invoices.c.legal_entity))).all():
        instants.append(_overdue_at(sellers.get(entity, DEFAULT), due_date + timedelta(days=1)))
    return min(instants, default=None)


def _overdue_at(seller: LegalEntity, day: date) -> datetime:
    return midnight(day, zone_of(seller.gathering.timezone))
