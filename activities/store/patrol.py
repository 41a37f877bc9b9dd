"""The patrol's own records: which orders it has to look at, how far it is, and what it found.

An order is looked at when it is new, each round until it is at its end, and once more when its money moves after that. One with
an open finding is looked at until the finding is gone. So a round costs as much as there is at work, not as much as there ever
was.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, tuple_, union, update
from sqlalchemy.dialects.postgresql import Insert, insert

from activities.store.database import Connection, among
from activities.store.tables.orders import dispatches, orders
from activities.store.tables.patrol import patrol_findings, patrol_rounds, patrol_watched
from domain.invariants.facts import QueuedFacts, Violation
from domain.invariants.progress import MOST_ATTEMPTS
from domain.values import Instant, Value

COMMITTING = timedelta(minutes=1)
"""Orders are numbered before they are committed, so that one may appear below another: no number is passed before this."""


class Finding(Value):
    """`closed_at` None while it holds."""

    id: int
    invariant: str
    subject: str
    order_id: str | None
    expected: str
    found: str
    opened_at: Instant
    closed_at: Instant | None = None


class LastRound(Value):
    """`number` is the highest order number that need not be looked for again; `orders` is how many were looked at."""

    number: int = 0
    orders: int = 0
    finished_at: Instant | None = None


async def last_round(connection: Connection) -> LastRound:
    row = (await connection.execute(select(patrol_rounds))).mappings().first()
    return LastRound() if row is None else LastRound.model_validate(dict(row))


async def to_look_at(connection: Connection, after: int, limit: int) -> list[tuple[int, str]]:
    """The next orders of a round with a number above `after`, as (number, id): new ones, those watched, those with findings."""
    done = (await last_round(connection)).number
    new = select(orders.c.number, orders.c.id).where(orders.c.number > max(done, after)).order_by(orders.c.number).limit(limit)
    watched = select(patrol_watched.c.number, patrol_watched.c.order_id).where(patrol_watched.c.number > after)
    found = (
        select(orders.c.number, orders.c.id)
        .join(patrol_findings, patrol_findings.c.order_id == orders.c.id)
        .where(patrol_findings.c.closed_at.is_(None), orders.c.number > after)
    )
    parts = [part.subquery() for part in (new, watched.order_by(patrol_watched.c.number).limit(limit), found)]
    together = union(*(select(part) for part in parts)).subquery()
    query = select(together).order_by(together.c.number).limit(limit)
    return [(int(number), str(order)) for number, order in (await connection.execute(query)).all()]


async def watch(connection: Connection, seen: Sequence[tuple[int, str]], ended: Collection[str]) -> None:
    """Of the orders just looked at, as (number, id), go on watching those that had not ended then."""
    rows = [{"number": number, "order_id": order} for number, order in seen if order not in ended]
    if rows:
        await connection.execute(insert(patrol_watched).values(rows).on_conflict_do_nothing())
    over = [number for number, order in seen if order in ended]
    await connection.execute(delete(patrol_watched).where(among(patrol_watched.c.number, over)))


async def look_again(connection: Connection, order: str | None) -> None:
    """Money of an order has moved after its end: the next round looks at it, and goes on to until it is well."""
    if order is not None:
        moved = select(orders.c.number, orders.c.id).where(orders.c.id == order)
        await connection.execute(insert(patrol_watched).from_select(["number", "order_id"], moved).on_conflict_do_nothing())


async def finish(connection: Connection, looked_at: int, began: datetime, now: datetime) -> None:
    """The round that began then is over: orders up to the last one placed well before it were seen, and are watched where
    they are at work."""
    done = (await last_round(connection)).number
    seen = select(orders.c.number).where(orders.c.number > done, orders.c.placed_at < began - COMMITTING)
    newest = (await connection.execute(seen.order_by(orders.c.number.desc()).limit(1))).scalar()
    row = {"only": True, "number": newest or done, "orders": looked_at, "finished_at": now}
    made = insert(patrol_rounds).values(row)
    await connection.execute(made.on_conflict_do_update(index_elements=["only"], set_=row))


async def overdue(connection: Connection, now: datetime, grace: timedelta, limit: int) -> list[QueuedFacts]:
    """What Temporal has not been told for `grace`, the oldest first, and what was tried in vain again and again."""
    unsent = dispatches.c.sent_at.is_(None)
    late = select(dispatches).where(unsent, dispatches.c.due_at < now - grace).order_by(dispatches.c.due_at).limit(limit)
    tried = (
        select(dispatches)
        .where(unsent, dispatches.c.due_at < now + grace, dispatches.c.attempts >= MOST_ATTEMPTS)
        .order_by(dispatches.c.due_at)
        .limit(limit)
    )
    rows = [*(await connection.execute(late)).mappings(), *(await connection.execute(tried)).mappings()]
    return [
        QueuedFacts(key=row["key"], order=row["subject"], due_at=row["due_at"], attempts=row["attempts"])
        for row in {row["key"]: row for row in rows}.values()
    ]


async def note(
    connection: Connection, names: Collection[str], seen: Collection[str] | None, found: Sequence[Violation], now: datetime
) -> None:
    """These invariants were judged for the orders `seen` (None: for all there is): open what is new, close what is gone."""
    for violation in found:
        row = {**violation.model_dump(exclude={"order"}), "order_id": violation.order, "opened_at": now}
        await connection.execute(_opened(row))
    gone = update(patrol_findings).where(patrol_findings.c.closed_at.is_(None), patrol_findings.c.invariant.in_(names))
    if seen is not None:
        gone = gone.where(patrol_findings.c.order_id.in_(seen))
    if found:
        still = [(violation.invariant, violation.subject) for violation in found]
        gone = gone.where(tuple_(patrol_findings.c.invariant, patrol_findings.c.subject).not_in(still))
    await connection.execute(gone.values(closed_at=now))


def _opened(row: dict[str, Any]) -> Insert:
    """One finding of an invariant and subject is open at a time; what it says is kept up to date."""
    statement = insert(patrol_findings).values(row)
    return statement.on_conflict_do_update(
        index_elements=["invariant", "subject"],
        index_where=patrol_findings.c.closed_at.is_(None),
        set_={"expected": statement.excluded.expected, "found": statement.excluded.found},
    )


async def open_by_invariant(connection: Connection) -> dict[str, int]:
    """How many findings are open, by invariant; those without any are left out."""
    query = select(patrol_findings.c.invariant, func.count()).where(patrol_findings.c.closed_at.is_(None))
    return {name: int(count) for name, count in (await connection.execute(query.group_by(patrol_findings.c.invariant))).all()}


async def findings(connection: Connection, *, is_open: bool | None, before: int | None, limit: int) -> list[Finding]:
    """The newest first, those with an id below `before`. `is_open` None is all of them."""
    query = select(patrol_findings).order_by(patrol_findings.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(patrol_findings.c.id < before)
    if is_open is not None:
        query = query.where(patrol_findings.c.closed_at.is_(None) if is_open else patrol_findings.c.closed_at.is_not(None))
    return [Finding.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]
