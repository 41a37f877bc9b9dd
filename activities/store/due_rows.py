"""What must happen at a business date: a row each, handed out from when it is due until it has happened."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import orjson
from sqlalchemy import bindparam, delete, func, select, text, update

from activities.store.database import Connection, among_given
from activities.store.tables.life import due_rows
from domain.values import Instant, Value


class Kind(StrEnum):
    renewal = "renewal"
    """The next period of a subscription begins, or one that is charged afterwards has ended."""
    invoice = "invoice"
    """An invoice over a subscription was paid, or is past its due date."""
    end = "end"
    """A subscription comes to its end."""
    unused = "unused"
    """What was billed of a subscription beyond its end is to be credited."""
    change = "change"
    """A change of a subscription that was decided before is to be made."""
    reminder = "reminder"
    """A customer is to be reminded of what lies ahead of a subscription."""
    pause = "pause"
    """A subscription is to be paused."""
    resume = "resume"
    """A pause is over."""
    deprovision = "deprovision"
    """A service that nothing pays for any more is to be closed, or taken down for good."""
    export = "export"
    """What is in a service that has ended is to be given out to its customer, or cannot be fetched any more."""
    dunning = "dunning"
    """The next step about an invoice that is not paid."""
    restrict = "restrict"
    """A subscription is to be suspended or ended, since an invoice over it is not paid."""
    access = "access"
    """A service was closed or opened again: the systems that built it are to follow. Its subject is the service."""
    collect = "collect"
    """What an invoice is due is to be taken from what its customer has on file. Its subject is the invoice."""
    erasure = "erasure"
    """What is held of a customer is to be erased. Its subject is the customer."""
    evidence = "evidence"
    """The deadline for evidence against a dispute, which is its subject, is nearer. No customer's: a gateway's deadlines are in
    real time, whatever a test clock shows."""


OF_SUBSCRIPTIONS = frozenset(
    {
        Kind.renewal,
        Kind.invoice,
        Kind.end,
        Kind.unused,
        Kind.change,
        Kind.reminder,
        Kind.pause,
        Kind.resume,
        Kind.dunning,
        Kind.restrict,
    }
)
"""Those whose subject is a subscription, which acts on them and removes them."""
OF_FACTS = OF_SUBSCRIPTIONS - {Kind.change, Kind.pause, Kind.resume}
"""Those that concern nothing but our own facts: no system outside is asked."""


class DueRow(Value):
    """`clock` is its customer's test clock, as it is read; what is put has that of its customer."""

    key: str
    kind: Kind
    subject: str
    customer: str | None
    clock: str | None = None
    due_at: Instant
    payload: dict[str, str] = {}
    attempts: int = 0
    error: str | None = None


_GET = select(due_rows).where(due_rows.c.key == bindparam("key"))
_HOLD = _GET.with_for_update()
_MARK = text("UPDATE due_rows SET payload = payload || jsonb_build_object(CAST(:name AS text), 'yes') WHERE key = :key")
_REMOVE = delete(due_rows).where(among_given(due_rows.c.key, "keys"))
INSERT_ROWS = """
    INSERT INTO due_rows (key, kind, subject, customer, clock, due_at, handed_at, payload)
    SELECT one ->> 'key', one ->> 'kind', one ->> 'subject', one ->> 'customer',
           (SELECT clock FROM customers WHERE id = one ->> 'customer'),
           (one ->> 'due_at')::timestamptz, (one ->> 'due_at')::timestamptz, one -> 'payload'
      FROM jsonb_array_elements(CAST(:rows AS jsonb)) one
        ON CONFLICT (key) DO UPDATE
       SET due_at = excluded.due_at, handed_at = excluded.due_at, payload = excluded.payload, attempts = 0, error = NULL
"""
"""One that is there already is moved. `:rows` is what `as_json` makes."""
_PUT = text(INSERT_ROWS)
_CLAIM = text("""
    UPDATE due_rows SET handed_at = :until, attempts = attempts + 1 WHERE key = ANY(ARRAY(
        SELECT key FROM due_rows WHERE clock IS NULL AND handed_at <= :now
         ORDER BY handed_at LIMIT :page FOR UPDATE SKIP LOCKED
    )) RETURNING *
""")
"""An array, as a join would make the planner read all rows of a large backlog."""
_HURRY = text("""
    UPDATE due_rows SET due_at = LEAST(due_at, shows.now), handed_at = LEAST(handed_at, shows.now)
      FROM (SELECT row.key, COALESCE(test_clocks.now, statement_timestamp()) AS now
              FROM due_rows row LEFT JOIN test_clocks ON test_clocks.id = row.clock WHERE row.key = :key) shows
     WHERE due_rows.key = shows.key
""")
_OF_INVOICES = text("""
    INSERT INTO due_rows (key, kind, subject, customer, clock, due_at, handed_at, payload)
    SELECT DISTINCT subscriptions.id || ':invoice:' || billables.invoice, 'invoice', subscriptions.id, subscriptions.customer,
           customers.clock, now.at, now.at, jsonb_build_object('invoice', billables.invoice)
      FROM billables
      JOIN subscriptions ON subscriptions.id = billables.line ->> 'subscription'
      JOIN customers ON customers.id = subscriptions.customer
      LEFT JOIN test_clocks ON test_clocks.id = customers.clock,
      LATERAL (SELECT COALESCE(test_clocks.now, statement_timestamp()) AS at) now
     WHERE billables.invoice = ANY(CAST(:invoices AS varchar[]))
        ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at, handed_at = excluded.handed_at, attempts = 0, error = NULL
""")
"""One instant for the whole statement: an invoice has many lines of one subscription, which is told once."""


async def put(connection: Connection, rows: Iterable[DueRow]) -> None:
    """Have each happen at its date; one of a key that is there already is moved."""
    await connection.execute(_PUT, {"rows": as_json(rows)})


def as_json(rows: Iterable[DueRow]) -> str:
    return orjson.dumps([row.model_dump(mode="json", exclude={"attempts", "clock", "error"}) for row in rows]).decode()


async def tell_of_invoices(connection: Connection, invoices: Iterable[str]) -> None:
    """Have the subscriptions that these invoices are for look at them now."""
    await connection.execute(_OF_INVOICES, {"invoices": list(invoices)})


async def get(connection: Connection, key: str, *, lock: bool = False) -> DueRow | None:
    """None once it has happened. `lock` keeps it as it is until the transaction ends."""
    row = (await connection.execute(_HOLD if lock else _GET, {"key": key})).mappings().first()
    return None if row is None else DueRow.model_validate(dict(row))


async def remove(connection: Connection, keys: Iterable[str]) -> None:
    await connection.execute(_REMOVE, {"keys": list(keys)})


async def of_subject(connection: Connection, subject: str) -> list[DueRow]:
    """What lies ahead of it, the first due first."""
    query = select(due_rows).where(due_rows.c.subject == subject).order_by(due_rows.c.due_at, due_rows.c.key)
    return [DueRow.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def claim(connection: Connection, now: datetime, until: datetime, page: int) -> list[DueRow]:
    """Take a page of what is due in real time, the oldest first, not handed out again before `until`. Rows that another sweep
    takes at the same moment are passed over."""
    rows = (await connection.execute(_CLAIM, {"now": now, "until": until, "page": page})).mappings().all()
    return sorted((DueRow.model_validate(dict(row)) for row in rows), key=lambda row: (row.due_at, row.key))


async def next_at(connection: Connection, now: datetime, until: datetime) -> datetime | None:
    """When the next of what is due in real time is to be handed out, of what is after `now` and not after `until`."""
    table = due_rows.c
    query = select(func.min(table.handed_at)).where(table.clock.is_(None), table.handed_at > now, table.handed_at <= until)
    found: datetime | None = (await connection.execute(query)).scalar()
    return found


async def due_at(connection: Connection, clock: str, now: datetime) -> list[str]:
    """Keys of what is due by a test clock at `now`, in the order it became due."""
    query = select(due_rows.c.key).where(due_rows.c.clock == clock, due_rows.c.due_at <= now)
    return list((await connection.execute(query.order_by(due_rows.c.due_at, due_rows.c.key))).scalars())


async def of_clock(connection: Connection, clock: str, limit: int) -> list[DueRow]:
    """What lies ahead of a test clock's customers, the first due first."""
    query = select(due_rows).where(due_rows.c.clock == clock).order_by(due_rows.c.due_at, due_rows.c.key).limit(limit)
    return [DueRow.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def put_off(connection: Connection, key: str, error: str, until: datetime) -> None:
    """It is due, and cannot be done yet: handed out again at `until`, in real time."""
    values = {"error": error[:500], "handed_at": until}
    await connection.execute(update(due_rows).where(due_rows.c.key == key).values(**values))


async def hand_out_at(connection: Connection, key: str, now: datetime) -> None:
    """What rests is handed out again at `now`, in real time."""
    await connection.execute(update(due_rows).where(due_rows.c.key == key).values(handed_at=now))


async def hurry(connection: Connection, key: str) -> None:
    """What waits is due now; what has happened stays so."""
    await connection.execute(_HURRY, {"key": key})


async def mark(connection: Connection, key: str, name: str) -> None:
    """Note in its payload that something about it has begun."""
    await connection.execute(_MARK, {"key": key, "name": name})


async def failed(connection: Connection, key: str, error: str) -> None:
    """Why it could not be handed out, for whoever looks."""
    await connection.execute(update(due_rows).where(due_rows.c.key == key).values(error=error[:500]))


async def waiting(connection: Connection) -> int:
    """How many are due in real time and have not happened."""
    count = select(func.count()).where(due_rows.c.clock.is_(None), due_rows.c.due_at <= func.now())
    return int((await connection.execute(count)).scalar_one())
