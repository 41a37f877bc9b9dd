"""The outbox of what customers are told: written with the fact, sent once it is committed, one after the other."""

from datetime import datetime

from sqlalchemy import bindparam, select, text, update

from activities.store import life_policies
from activities.store.database import Connection
from activities.store.tables.customers import customers
from activities.store.tables.messages import messages
from domain.messages import Message, MessageFacts, MessageKind, MessageState
from domain.subscriptions.policies import MessagePolicy

_TELL = text("""
    INSERT INTO messages (key, customer, kind, language, facts, at, state, next_at, sent_at)
    SELECT :key, id, :kind, coalesce(document ->> 'language', 'en'), CAST(:facts AS jsonb), :at, :state,
           clock_timestamp(), :sent
      FROM customers WHERE id = :customer
        ON CONFLICT (key) DO NOTHING
""")
_IN_ORDER = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('messages:' || CAST(:customer AS varchar), 0)),
           (SELECT clock FROM customers WHERE id = CAST(:customer AS varchar)) AS clock
""")
_CLAIM = text("""
    UPDATE messages SET next_at = :until, attempts = attempts + 1 WHERE key = ANY(ARRAY(
        SELECT key FROM messages waiting
         WHERE state = 'waiting' AND next_at <= :now
           AND NOT EXISTS (SELECT FROM messages before
                            WHERE before.customer = waiting.customer AND before.state = 'waiting' AND before.seq < waiting.seq)
         ORDER BY next_at LIMIT :page FOR UPDATE SKIP LOCKED
    )) RETURNING *
""")


_DONE = update(messages).where(messages.c.key == bindparam("of"), messages.c.state == MessageState.waiting)


async def tell(connection: Connection, key: str, customer: str, kind: MessageKind, facts: MessageFacts, now: datetime) -> None:
    """Have the customer told, once for each key. `now` is business time. One on a test clock is told in the outbox alone,
    unless the policy says otherwise."""
    on_clock = (await connection.execute(_IN_ORDER, {"customer": customer})).one().clock is not None
    kept = on_clock and not (await life_policies.get(connection, MessagePolicy)).from_test_clocks
    row = {"key": key, "customer": customer, "kind": kind, "facts": facts.model_dump_json(exclude_none=True), "at": now}
    state = {"state": MessageState.kept, "sent": now} if kept else {"state": MessageState.waiting, "sent": None}
    await connection.execute(_TELL, row | state)


async def claim(connection: Connection, now: datetime, until: datetime, page: int) -> list[Message]:
    """Take the first unsent message of some customers, not taken again before `until`: a customer's messages go out in the
    order in which they were written, the next only when the one before is done with."""
    rows = (await connection.execute(_CLAIM, {"now": now, "until": until, "page": page})).mappings().all()
    return [Message.model_validate(dict(row)) for row in rows]


async def done(connection: Connection, key: str, state: MessageState, now: datetime, error: str | None = None) -> None:
    """It was sent, kept or given up; what is done with stays as it is."""
    sent_at = None if state is MessageState.failed else now
    await connection.execute(_DONE, {"of": key, "state": state, "sent_at": sent_at, "error": error})


async def put_off(connection: Connection, key: str, error: str, again_at: datetime) -> None:
    await connection.execute(update(messages).where(messages.c.key == key).values(error=error[:500], next_at=again_at))


async def addressee(connection: Connection, customer: str) -> tuple[str, str | None, str]:
    """Its name, e-mail address and country."""
    query = select(customers.c.document).where(customers.c.id == customer)
    document = (await connection.execute(query)).scalar_one()
    return document["name"], document.get("email"), document["country"]


async def page(connection: Connection, after: int | None, limit: int, customer: str | None = None) -> list[tuple[int, Message]]:
    """The newest first, those before the number `after`; each with its number."""
    query = select(messages).order_by(messages.c.seq.desc()).limit(limit)
    if customer is not None:
        query = query.where(messages.c.customer == customer)
    if after is not None:
        query = query.where(messages.c.seq < after)
    return [(row["seq"], Message.model_validate(dict(row))) for row in (await connection.execute(query)).mappings()]
