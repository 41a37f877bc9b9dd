"""Why a customer is not charged: each reason is lifted only by what it came from."""

from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.payments import charge_stops

_REASON = (
    select(charge_stops.c.reason)
    .where(charge_stops.c.customer == bindparam("customer"), charge_stops.c.lifted_at.is_(None))
    .order_by(charge_stops.c.opened_at)
    .limit(1)
)


async def stop(connection: Connection, customer: str, source: str, reason: str, now: datetime) -> None:
    """Again changes nothing; one that was lifted holds anew."""
    made = insert(charge_stops).values(customer=customer, source=source, reason=reason, opened_at=now)
    again = {"opened_at": made.excluded.opened_at, "reason": made.excluded.reason, "lifted_at": None}
    lifted = charge_stops.c.lifted_at.is_not(None)
    await connection.execute(made.on_conflict_do_update(index_elements=["customer", "source"], set_=again, where=lifted))


async def lift(connection: Connection, source: str, now: datetime) -> None:
    mine = (charge_stops.c.source == source, charge_stops.c.lifted_at.is_(None))
    await connection.execute(update(charge_stops).where(*mine).values(lifted_at=now))


async def stopped(connection: Connection, customer: str) -> str | None:
    """Why this customer is not to be charged now; None where charging is free."""
    return (await connection.execute(_REASON, {"customer": customer})).scalar()


async def every(connection: Connection) -> dict[str, str]:
    """The customers that are not to be charged now, each with the reason."""
    holding = select(charge_stops.c.customer, charge_stops.c.reason).where(charge_stops.c.lifted_at.is_(None))
    return {row.customer: row.reason for row in (await connection.execute(holding)).all()}
