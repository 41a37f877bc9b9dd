"""What a subscription is due and cannot do for a reason of ours, or a partner left undone for good: for an operator to see.

What is kept of it, and deciding about it, is the same for whatever else no order's process waits for."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from activities.store import due_rows
from activities.store.database import Connection
from activities.store.due_rows import DueRow
from activities.store.tables.orders import fallout
from activities.store.tables.services import subscriptions
from domain import keys
from domain.errors import Conflict, TurnupError
from domain.fallout import Fallout, FalloutDecision, FalloutVerb, Subject
from domain.money import Money

OWNER = "operations"
WORKFLOW = "subscription"
DEADLINE = timedelta(days=2)
SHORTEST, LONGEST = timedelta(minutes=2), timedelta(hours=6)
_OPEN = text("SELECT id, document FROM fallout WHERE open AND id LIKE :prefix ESCAPE '!' FOR UPDATE")


async def put_off(connection: Connection, row: DueRow, trouble: str, now: datetime) -> str:
    """It could not be done: it rests, longer each time, and an operator sees why. `now` is real time. Until when, in words."""
    again = now + min(SHORTEST * 2 ** min(row.attempts, 10), LONGEST)
    await due_rows.put_off(connection, row.key, trouble, again)
    await _open(connection, row.subject, row.key, Subject.due, f"{row.kind} of {row.subject}", trouble, row.attempts, now)
    return f"{row.key} waits for an operator, and is tried again at {again:%Y-%m-%d %H:%M} UTC: {trouble}"


def words_of(error: Exception) -> str:
    """Of an error of our own its words; of any other its kind alone, since it may name what must not be shown."""
    return str(error) if isinstance(error, TurnupError) else f"{type(error).__name__}: see the worker's log"


async def left_over(connection: Connection, subscription: str, key: str, trouble: str, now: datetime) -> None:
    """A partner has refused for good to take something back. Again changes nothing. `now` is real time."""
    await _open(connection, subscription, key, Subject.left_over, f"undo at a partner of {subscription}", trouble, 1, now)


async def not_exported(connection: Connection, row: DueRow, trouble: str, attempts: int, now: datetime) -> None:
    """A system does not give out what is in a service that has ended. `now` is real time."""
    await _open(connection, row.subject, row.key, Subject.export, f"export of {row.subject}", trouble, attempts, now)


async def done(connection: Connection, key: str, now: datetime) -> None:
    """What was stuck has happened by itself."""
    for record in await opened(connection, key):
        await close(connection, record, FalloutVerb.retry, WORKFLOW, "it was done at a later try", "", now)


async def decide(connection: Connection, record: Fallout, decision: FalloutDecision, now: datetime) -> str:
    """Try what is due again at once, or take what an operator has done by hand as done, or go on without it. Raises Conflict
    where it is decided. `now` is real time."""
    key = record.id.rpartition(":fallout:")[0]
    held = [one for one in await opened(connection, key) if one.id == record.id]
    if not held:
        raise Conflict(f"{record.id} is decided already")
    if record.subject is Subject.due:
        await due_rows.hand_out_at(connection, key, now)
    if record.subject is Subject.export:
        await due_rows.hurry(connection, key)
    await close(connection, held[0], decision.verb, decision.by, decision.reason, decision.evidence, now)
    return f"{decision.verb} noted for {record.id}"


async def _open(
    connection: Connection, subscription: str, key: str, about: Subject, title: str, trouble: str, attempts: int, now: datetime
) -> None:
    """One is open at a time; what it says is kept up to date."""
    before = await opened(connection, key)
    if before:
        await write(connection, before[0].model_copy(update={"error": trouble[:500], "attempts": attempts}))
        return
    order = (await connection.execute(select(subscriptions.c.order_id).where(subscriptions.c.id == subscription))).scalar_one()
    currency = select(subscriptions.c.document["currency"].astext).where(subscriptions.c.id == subscription)
    nothing = Money.zero((await connection.execute(currency)).scalar() or "EUR")
    record = Fallout(
        id=await next_id(connection, key),
        subject=about,
        title=title,
        owner=OWNER,
        error=trouble[:500],
        attempts=max(attempts, 1),
        money_at_stake=nothing,
        opened_at=now,
        deadline=now + DEADLINE,
    )
    await keep(connection, record, order)


async def next_id(connection: Connection, key: str) -> str:
    """Of the next time that a subject gets stuck."""
    before = select(fallout.c.id).where(fallout.c.id.startswith(f"{key}:fallout:", autoescape=True))
    return keys.fallout(key, 1 + len((await connection.execute(before)).all()))


async def decided(connection: Connection, key: str, verbs: Collection[FalloutVerb]) -> Fallout | None:
    """The last time that one of these was decided about a subject."""
    of_subject = fallout.c.id.startswith(f"{key}:fallout:", autoescape=True)
    query = select(fallout.c.document).where(of_subject, fallout.c.document["verb"].astext.in_(verbs))
    document = (await connection.execute(query.order_by(fallout.c.opened_at.desc()).limit(1))).scalar()
    return None if document is None else Fallout.model_validate(document)


async def keep(connection: Connection, record: Fallout, order: str | None) -> None:
    """One that is there already stays as it is."""
    row = {"owner": record.owner, "open": True, "opened_at": record.opened_at, "document": record.model_dump(mode="json")}
    await connection.execute(insert(fallout).values(id=record.id, order_id=order, **row).on_conflict_do_nothing())


async def opened(connection: Connection, key: str) -> list[Fallout]:
    """Those of a subject that wait for a decision; locked until the transaction ends."""
    escaped = key.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    rows = await connection.execute(_OPEN, {"prefix": f"{escaped}:fallout:%"})
    return [Fallout.model_validate(row.document) for row in rows]


async def close(
    connection: Connection, record: Fallout, verb: FalloutVerb, by: str, reason: str, evidence: str, now: datetime
) -> None:
    closing = {"verb": verb, "by": by, "reason": reason, "evidence": evidence, "resolved_at": now}
    await write(connection, record.model_copy(update=closing))


async def write(connection: Connection, record: Fallout) -> None:
    open_ = record.verb is None
    values = {"open": open_, "owner": record.owner, "document": record.model_dump(mode="json")}
    await connection.execute(fallout.update().where(fallout.c.id == record.id).values(**values))
