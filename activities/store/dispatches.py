"""What Temporal and gateways are to be told: written with the fact it follows from, and handed out until it is sent."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.orders import dispatches
from domain.values import Value


class Kind(StrEnum):
    start = "start"
    """Start an order's workflow."""
    begin = "begin"
    """Its requested start date has come."""
    wake = "wake"
    """Something that it waits for has changed."""
    callback = "callback"
    """A partner has told something about one of its items."""
    subscribe = "subscribe"
    """A service has gone live: its subscription takes over."""
    collect = "collect"
    """What an invoice is due is to be taken from what its customer has on file."""
    gateway_event = "gateway_event"
    """A gateway has told something about a payment, a refund or a dispute."""
    refund = "refund"
    """Start a refund that was asked for."""
    forget = "forget"
    """A gateway is to forget a token, which no process knows. Its subject is the customer."""


OF_ORDERS = frozenset({Kind.start, Kind.begin, Kind.wake, Kind.callback})
"""Those whose subject is an order."""
FOR_TEMPORAL = frozenset(Kind) - {Kind.forget}


class Dispatch(Value):
    key: str
    kind: Kind
    subject: str
    payload: dict[str, Any] = {}
    due_at: datetime
    attempts: int = 0


_REQUEST = insert(dispatches).on_conflict_do_nothing()
_BLOCKED = text("SELECT id FROM orders WHERE blockers && CAST(:subjects AS varchar[]) AND blockers <> '{}'")
_MARK_SENT = text("UPDATE dispatches SET sent_at = :now, attempts = attempts + 1 WHERE key = ANY(CAST(:keys AS varchar[]))")


async def request(connection: Connection, asked: Iterable[Dispatch]) -> None:
    """Ask for each once; one that was asked for before stays as it is."""
    rows = [row.model_dump(exclude={"attempts"}) for row in asked]
    if rows:
        await connection.execute(_REQUEST, rows)


async def request_again(connection: Connection, asked: Dispatch) -> None:
    """Ask for it, also where it was asked for and sent before; one that waits still stays as it is."""
    made = insert(dispatches).values(asked.model_dump(exclude={"attempts"}))
    renewed = {"sent_at": None, "attempts": 0, "due_at": made.excluded.due_at, "payload": made.excluded.payload}
    sent = dispatches.c.sent_at.is_not(None)
    await connection.execute(made.on_conflict_do_update(index_elements=["key"], set_=renewed, where=sent))


async def wake_blocked(connection: Connection, subjects: Iterable[str], now: datetime, because: str) -> None:
    """Wake every order that waits for one of `subjects`. `because` makes the wake-up unique: what changed, and its version."""
    wanted = list(subjects)
    if not wanted:
        return
    found = (await connection.execute(_BLOCKED, {"subjects": wanted})).scalars().all()
    await request(
        connection,
        [Dispatch(key=f"{order}:wake:{because}", kind=Kind.wake, subject=order, due_at=now) for order in found],
    )


async def claim(
    connection: Connection, now: datetime, until: datetime, page: int, kinds: Iterable[Kind] = FOR_TEMPORAL
) -> list[Dispatch]:
    """Take a page of the oldest due and unsent of these kinds, not due again before `until`; rows that another dispatcher takes
    at the same moment are passed over. A dispatcher that dies leaves its rows due at `until`."""
    rows = (await connection.execute(_CLAIM, {"now": now, "until": until, "page": page, "kinds": list(kinds)})).mappings().all()
    return [Dispatch.model_validate(dict(row)) for row in rows]


_CLAIM = text("""
    UPDATE dispatches SET due_at = :until WHERE key = ANY(ARRAY(
        SELECT key FROM dispatches WHERE sent_at IS NULL AND due_at <= :now AND kind = ANY(CAST(:kinds AS varchar[]))
         ORDER BY due_at LIMIT :page FOR UPDATE SKIP LOCKED
    )) RETURNING *
""")
"""An array, as a join would make the planner read all rows of a large backlog."""


async def mark_sent(connection: Connection, keys: list[str], now: datetime) -> None:
    if keys:
        await connection.execute(_MARK_SENT, {"keys": keys, "now": now})


async def mark_failed(connection: Connection, key: str, error: str, again_at: datetime) -> None:
    """Leave it due again at `again_at`; nothing is ever given up."""
    await connection.execute(
        update(dispatches)
        .where(dispatches.c.key == key)
        .values(attempts=dispatches.c.attempts + 1, error=error[:500], due_at=again_at)
    )


async def put_off(connection: Connection, key: str, words: str, until: datetime) -> None:
    """It is not time for it yet, which is no failure."""
    await connection.execute(update(dispatches).where(dispatches.c.key == key).values(error=words[:500], due_at=until))


async def clear(connection: Connection, key: str) -> None:
    """Keep nothing of what was sent."""
    await connection.execute(update(dispatches).where(dispatches.c.key == key).values(payload={}, error=None))


async def unsent(connection: Connection, for_seconds: int = 0) -> int:
    """How many have been due so long and are unsent: the dispatchers' backlog."""
    since = func.now() - timedelta(seconds=for_seconds)
    count = select(func.count()).where(dispatches.c.sent_at.is_(None), dispatches.c.due_at <= since)
    return int((await connection.execute(count)).scalar_one())
