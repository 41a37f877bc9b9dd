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
from domain.errors import Conflict, NotFound, TurnupError
from domain.fallout import OF_FACTS, Fallout, FalloutDecision, FalloutVerb, Subject
from domain.money import Money
from domain.values import Value

OWNER = "operations"
WORKFLOW = "subscription"
DEADLINE = timedelta(days=2)
SHORTEST, LONGEST = timedelta(minutes=2), timedelta(hours=6)
AT_PARTNERS = frozenset({Subject.export, Subject.access, Subject.termination})
"""Those whose due row rests until a partner is asked again, by its customer's time."""
DONE = "it was done at a later try"
OTHERWISE = "something else keeps it back now"
_OPEN = text("""
    SELECT document FROM fallout
     WHERE open AND id LIKE :prefix ESCAPE '!' AND document ->> 'subject' = ANY(CAST(:subjects AS varchar[])) FOR UPDATE
""")
"""None of an order's process: a step of its may be called as what is due to the service."""


class Stuck(Value):
    """What cannot be done, as an operator is told."""

    about: Subject
    title: str
    trouble: str
    attempts: int = 1
    system: str | None = None


async def put_off(connection: Connection, row: DueRow, trouble: str, now: datetime) -> str:
    """It could not be done: it rests, longer each time, and an operator sees why. `now` is real time. Until when, in words."""
    again = now + min(SHORTEST * 2 ** min(row.attempts, 10), LONGEST)
    await due_rows.put_off(connection, row.key, trouble, again)
    title = f"{row.kind} of {row.subject}"
    stuck = Stuck(about=Subject.due, title=title, trouble=trouble, attempts=row.attempts)
    await open_for(connection, row.subject, row.key, stuck, now)
    return f"{row.key} waits for an operator, and is tried again at {again:%Y-%m-%d %H:%M} UTC: {trouble}"


def words_of(error: Exception) -> str:
    """Of an error of our own its words; of any other its kind alone, since it may name what must not be shown."""
    return str(error) if isinstance(error, TurnupError) else f"{type(error).__name__}: see the worker's log"


async def left_over(connection: Connection, subscription: str, key: str, trouble: str, now: datetime) -> None:
    """A partner has refused for good to take something back. Again changes nothing. `now` is real time."""
    stuck = Stuck(about=Subject.left_over, title=f"undo at a partner of {subscription}", trouble=trouble)
    await open_for(connection, subscription, key, stuck, now)


async def not_exported(connection: Connection, row: DueRow, trouble: str, attempts: int, now: datetime) -> None:
    """A system does not give out what is in a service that has ended. `now` is real time."""
    stuck = Stuck(about=Subject.export, title=f"export of {row.subject}", trouble=trouble, attempts=attempts)
    await open_for(connection, row.subject, row.key, stuck, now)


async def done(connection: Connection, key: str, now: datetime, why: str = DONE) -> None:
    """What was stuck has happened by itself, or is not to happen. Whoever also changes its due row does that first, here as
    everywhere, so that no two wait for each other."""
    for record in await opened(connection, key):
        await close(connection, record, FalloutVerb.retry, WORKFLOW, why, "", now)


async def decide(connection: Connection, record: Fallout, decision: FalloutDecision, now: datetime) -> str:
    """Try what is due again at once, or take what an operator has done by hand as done, or go on without it. Raises Conflict
    where it is decided. `now` is real time."""
    key = record.id.rpartition(":fallout:")[0]
    if record.subject is Subject.due:
        await due_rows.hand_out_at(connection, key, now)
    if record.subject in AT_PARTNERS:
        await due_rows.hurry(connection, key)
    held = [one for one in await opened(connection, key) if one.id == record.id]
    if not held:
        raise Conflict(f"{record.id} is decided already")
    await close(connection, held[0], decision.verb, decision.by, decision.reason, decision.evidence, now)
    return f"{decision.verb} noted for {record.id}"


async def open_for(connection: Connection, of: str, key: str, stuck: Stuck, now: datetime) -> None:
    """Of a subscription or a service. One is open at a time of what is due under `key`; what it says is kept up to date, and
    what is about something else makes way. `now` is real time."""
    error, attempts = stuck.trouble[:500], max(stuck.attempts, 1)
    for record in await opened(connection, key):
        if (record.subject, record.system) == (stuck.about, stuck.system):
            says = {"title": stuck.title, "error": error, "attempts": attempts}
            await write(connection, record.model_copy(update=says))
            return
        await close(connection, record, FalloutVerb.retry, WORKFLOW, OTHERWISE, "", now)
    order, currency = await _whose(connection, of)
    record = Fallout(
        id=await next_id(connection, key),
        subject=stuck.about,
        system=stuck.system,
        title=stuck.title,
        owner=OWNER,
        error=error,
        attempts=attempts,
        money_at_stake=Money.zero(currency),
        opened_at=now,
        deadline=now + DEADLINE,
    )
    await keep(connection, record, order)


async def _whose(connection: Connection, of: str) -> tuple[str, str]:
    """The order that a subscription or a service came from, and its currency. A service may have no subscription yet."""
    reference = keys.split_reference(of)
    name = of if reference is None else keys.subscription(*reference)
    query = select(subscriptions.c.order_id, subscriptions.c.document["currency"].astext.label("currency"))
    row = (await connection.execute(query.where(subscriptions.c.id == name))).first()
    if row is None and reference is None:
        raise NotFound("subscription", of)
    return (row.order_id, row.currency or "EUR") if row is not None else (of.partition(":")[0], "EUR")


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


async def by_hand(connection: Connection, key: str) -> list[Fallout]:
    """What of a subject operators have done by hand, the first first."""
    of_subject = fallout.c.id.startswith(f"{key}:fallout:", autoescape=True)
    query = select(fallout.c.document).where(of_subject, fallout.c.document["verb"].astext == FalloutVerb.resolve)
    rows = (await connection.execute(query.order_by(fallout.c.opened_at, fallout.c.id))).scalars()
    return [Fallout.model_validate(document) for document in rows]


async def keep(connection: Connection, record: Fallout, order: str | None) -> None:
    """One that is there already stays as it is."""
    row = {"owner": record.owner, "open": True, "opened_at": record.opened_at, "document": record.model_dump(mode="json")}
    await connection.execute(insert(fallout).values(id=record.id, order_id=order, **row).on_conflict_do_nothing())


async def opened(connection: Connection, key: str) -> list[Fallout]:
    """Those of a subject that wait for a decision; locked until the transaction ends."""
    escaped = key.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    rows = await connection.execute(_OPEN, {"prefix": f"{escaped}:fallout:%", "subjects": sorted(OF_FACTS)})
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
