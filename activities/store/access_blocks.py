"""Why a service is not to be used: a set of reasons, each lifted only by what it came from. What access there is, is what is
granted and not blocked."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, select, text, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import clocks, due_rows
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.tables.services import access_blocks
from domain.states import ORDER, OrderState, is_terminal
from domain.values import Instant, Value


class AccessBlock(Value):
    """`source` is the refund, dispute or payment it came from. `lifted_at` None while it holds."""

    service: str
    reason: str
    source: str
    opened_at: Instant
    lifted_at: Instant | None = None


_HOLD = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('access:' || one, 0)) FROM unnest(CAST(:services AS varchar[])) one"
)
_HOLD_OF_ORDER = text("""
    SELECT state, pg_advisory_xact_lock(hashtextextended('access:' || CAST(:service AS varchar), 0))
      FROM (SELECT state FROM orders WHERE id = :order FOR SHARE) held
""")
_ENFORCE = text("""
    UPDATE entitlements SET suspended = NOT suspended
     WHERE source = ANY(CAST(:services AS varchar[]))
       AND suspended IS DISTINCT FROM EXISTS (
           SELECT 1 FROM access_blocks block WHERE block.service = entitlements.source AND block.lifted_at IS NULL)
""")
_TURN = text("""
    UPDATE services SET access_changes = access_changes + 1
     WHERE id = ANY(CAST(:services AS varchar[])) AND ended_at IS NULL
       AND (access_changes % 2 = 1) IS DISTINCT FROM EXISTS (
           SELECT 1 FROM access_blocks block WHERE block.service = services.id AND block.lifted_at IS NULL)
    RETURNING id, customer
""")


async def block(connection: Connection, services: Collection[str], reason: str, source: str, now: datetime) -> None:
    """Close the services for this reason too; one that was lifted for it is closed anew."""
    rows = [{"service": each, "reason": reason, "source": source, "opened_at": now} for each in sorted(services)]
    if not rows:
        return
    await hold(connection, services)
    made = insert(access_blocks).values(rows)
    again = {"opened_at": made.excluded.opened_at, "lifted_at": None}
    lifted = access_blocks.c.lifted_at.is_not(None)
    same = made.on_conflict_do_update(index_elements=["service", "reason", "source"], set_=again, where=lifted)
    await connection.execute(same)
    await enforce(connection, services)
    await turn(connection, services)


async def lift(connection: Connection, reason: str, source: str, now: datetime) -> list[str]:
    """The reason is gone: what nothing else blocks may be used again. Returns the services that it was lifted of."""
    return await _lift(connection, now, access_blocks.c.reason == reason, access_blocks.c.source == source)


async def lift_of(connection: Connection, service: str, reason: str, now: datetime) -> list[str]:
    """As `lift`, of one service, wherever the reason came from."""
    return await _lift(connection, now, access_blocks.c.reason == reason, access_blocks.c.service == service)


async def _lift(connection: Connection, now: datetime, *which: ColumnElement[bool]) -> list[str]:
    mine = (*which, access_blocks.c.lifted_at.is_(None))
    services = sorted((await connection.execute(select(access_blocks.c.service).where(*mine))).scalars())
    if services:
        await hold(connection, services)
        await connection.execute(update(access_blocks).where(*mine).values(lifted_at=now))
        await enforce(connection, services)
        await turn(connection, services)
    return services


async def hold(connection: Connection, services: Collection[str]) -> None:
    """Nothing else changes the access of these services until the transaction ends."""
    await connection.execute(_HOLD, {"services": sorted(services)})


async def hold_unless_ended(connection: Connection, order: str, service: str) -> bool:
    """As `hold`, of one service of an order, which cannot come to its end meanwhile. False where it has."""
    row = (await connection.execute(_HOLD_OF_ORDER, {"order": order, "service": service})).first()
    if row is None:
        await hold(connection, [service])
    return row is None or not is_terminal(ORDER, OrderState(row.state))


async def enforce(connection: Connection, services: Collection[str]) -> None:
    """Bring what these services grant in line with what blocks them. They are to be held."""
    await connection.execute(_ENFORCE, {"services": sorted(services)})


async def turn(connection: Connection, services: Collection[str]) -> None:
    """Have those of the services that are live and were closed or opened by this follow at the systems that built them. They
    are to be held."""
    turned = (await connection.execute(_TURN, {"services": sorted(services)})).all()
    rows = [
        DueRow(
            key=f"{service}:access",
            kind=Kind.access,
            subject=service,
            customer=customer,
            due_at=await clocks.business_now(connection, customer),
        )
        for service, customer in turned
    ]
    if rows:
        await due_rows.put(connection, rows)


async def of_service(connection: Connection, service: str) -> list[AccessBlock]:
    """All there ever were, the oldest first."""
    query = select(access_blocks).where(access_blocks.c.service == service)
    rows = await connection.execute(query.order_by(access_blocks.c.opened_at, access_blocks.c.source))
    return [AccessBlock.model_validate(dict(row)) for row in rows.mappings()]
