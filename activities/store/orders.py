"""Orders: their acceptance, written by the API. What their workflow writes after it is in `changes`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Row, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection, among
from activities.store.dispatches import Dispatch, Kind
from activities.store.tables.access import idempotency_keys
from activities.store.tables.orders import events, order_numbers, orders
from domain import keys
from domain.errors import Conflict, NotFound
from domain.facts import Event
from domain.orders import Order, OrderRequest
from domain.states import ItemState, OrderState, ServiceState
from domain.values import Value

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:lock, 0))")
_KNOWN_KEY = select(idempotency_keys.c.order_id, idempotency_keys.c.request_digest).where(
    idempotency_keys.c.principal == bindparam("by"), idempotency_keys.c.key == bindparam("given")
)
_KEEP_KEY = insert(idempotency_keys).on_conflict_do_nothing()


class StoredOrder(Value):
    """An order's row: `order` once accepted, `request` while a draft."""

    id: str
    customer: str
    state: OrderState
    revision: int
    placed_by: str
    order: Order | None = None
    request: OrderRequest | None = None
    reason: str = ""


async def next_id(connection: Connection) -> str:
    """A new order id such as O-1001."""
    return keys.order(int((await connection.execute(select(order_numbers.next_value()))).scalar_one()))


async def claim_key(connection: Connection, principal: str, key: str, digest: str) -> str | None:
    """The order that this idempotency key already made, or None where it is new. Conflict where the body was another.

    Two requests with one new key are put one after the other by an advisory lock, held until the transaction ends.
    """
    await connection.execute(_ONE_AT_A_TIME, {"lock": f"idempotency:{principal}:{key}"})
    row = (await connection.execute(_KNOWN_KEY, {"by": principal, "given": key})).first()
    if row is None:
        return None
    if row.request_digest != digest:
        raise used_before(key)
    return str(row.order_id)


def used_before(key: str) -> Conflict:
    return Conflict(f"Idempotency-Key {key!r} was used for another order request; use a new key for a new order")


async def keep_key(connection: Connection, principal: str, key: str, digest: str, order: str, now: datetime) -> None:
    """Conflict where `accept_all` claimed the key meanwhile, which takes requests of another kind than those that lock."""
    row = {"principal": principal, "key": key, "request_digest": digest, "order_id": order, "created_at": now}
    if (await connection.execute(_KEEP_KEY, row)).rowcount != 1:
        raise used_before(key)


async def add_draft(connection: Connection, order: str, request: OrderRequest, placed_by: str, now: datetime) -> None:
    """Keep a request that is not yet submitted."""
    row = _row(order, request.customer, OrderState.draft, request.model_dump(mode="json"), now)
    await connection.execute(insert(orders).values(**row, currency=request.currency, total=0, placed_by=placed_by))
    await _append(connection, order, [_event("draft", "order.drafted", now, placed_by, "Draft saved")], 0)


async def redraft(connection: Connection, order: str, request: OrderRequest, revision: int, by: str, now: datetime) -> None:
    """Replace a draft's request; `revision` is the new one."""
    await connection.execute(
        update(orders)
        .where(orders.c.id == order)
        .values(document=request.model_dump(mode="json"), currency=request.currency, revision=revision, updated_at=now)
    )
    changed = _event(f"draft:{revision}", "order.drafted", now, by, "Draft changed")
    await _append(connection, order, [changed], await _locked_count(connection, order))


async def end_draft(connection: Connection, order: str, state: OrderState, by: str, reason: str, now: datetime) -> None:
    """Cancel or supersede a draft: no workflow was ever started for it."""
    await connection.execute(update(orders).where(orders.c.id == order).values(state=state, reason=reason, updated_at=now))
    ended = _event(f"order:{state}", f"order.{state}", now, by, reason or f"Draft {state}")
    await _append(connection, order, [ended], await _locked_count(connection, order))


class Acceptance(NamedTuple):
    """An order accepted at `now`, in real time. An idempotency `key` of an API key `by` that made an order before makes no
    further one; `digest` is that of the request."""

    order: Order
    now: datetime
    by: str | None = None
    key: str | None = None
    digest: str | None = None


_ACCEPT = text("""
    WITH given AS (
        SELECT * FROM unnest(
            CAST(:ids AS text[]), CAST(:numbers AS bigint[]), CAST(:customers AS text[]), CAST(:revisions AS integer[]),
            CAST(:documents AS text[]), CAST(:currencies AS text[]), CAST(:totals AS bigint[]), CAST(:placed_by AS text[]),
            CAST(:at AS timestamptz[]), CAST(:waiting_on AS text[]), CAST(:items AS text[]), CAST(:summaries AS text[]),
            CAST(:start_keys AS text[]), CAST(:start_kinds AS text[]), CAST(:start_at AS timestamptz[]),
            CAST(:by AS text[]), CAST(:keys AS text[]), CAST(:digests AS text[])
        ) AS given (id, number, customer, revision, document, currency, total, placed_by, at, waiting_on, items, summary,
                    start_key, start_kind, start_at, by, key, digest)
    ),
    claimed AS (
        INSERT INTO idempotency_keys (principal, key, request_digest, order_id, created_at)
        SELECT by, key, digest, id, at FROM given
         WHERE key IS NOT NULL AND NOT EXISTS (SELECT FROM orders WHERE orders.id = given.id)
         ORDER BY by, key
        ON CONFLICT DO NOTHING
        RETURNING order_id
    ),
    placed AS (
        INSERT INTO orders (id, number, customer, state, revision, document, currency, total, placed_by, placed_at, updated_at,
                            waiting_on, event_count)
        SELECT id, number, customer, :acknowledged, revision, CAST(document AS jsonb), currency, total, placed_by, at, at,
               waiting_on, 1
          FROM given WHERE key IS NULL OR id IN (SELECT order_id FROM claimed)
        ON CONFLICT (id) DO UPDATE SET
            state = EXCLUDED.state, revision = EXCLUDED.revision, document = EXCLUDED.document, currency = EXCLUDED.currency,
            total = EXCLUDED.total, placed_by = EXCLUDED.placed_by, placed_at = EXCLUDED.placed_at,
            updated_at = EXCLUDED.updated_at, waiting_on = EXCLUDED.waiting_on, event_count = orders.event_count + 1
        WHERE orders.state = :draft
        RETURNING id, event_count
    ),
    items AS (
        INSERT INTO order_items (order_id, item, state, service, document)
        SELECT id, one ->> 'item', one ->> 'state', one ->> 'service', one
          FROM placed JOIN given USING (id), jsonb_array_elements(CAST(given.items AS jsonb)) one
    ),
    asked AS (
        INSERT INTO dispatches (key, kind, subject, payload, due_at)
        SELECT start_key, start_kind, id, '{}', start_at FROM placed JOIN given USING (id)
    )
    INSERT INTO events (order_id, seq, key, type, at, actor, summary, data)
    SELECT id, event_count, 'acknowledged', 'order.acknowledged', at, placed_by, summary, '{}' FROM placed JOIN given USING (id)
    RETURNING order_id
""")


async def accept(connection: Connection, order: Order, now: datetime) -> None:
    """Acknowledge an order: its row, its first event, its items, and the request to start it, in one statement. A draft's row
    is replaced. Conflict where the order was accepted before: nothing is written then."""
    if await accept_all(connection, [Acceptance(order, now)]) != [True]:
        raise accepted_before(order.id)


def accepted_before(order: str) -> Conflict:
    return Conflict(f"there is an order {order} already; it stays as it is")


async def accept_all(connection: Connection, given: Sequence[Acceptance]) -> list[bool]:
    """As `accept`, any number of orders in one statement. For each whether it was written: it was not there, nor its key."""
    rows = [_accepted(each) for each in given]
    values = {name: [row[name] for row in rows] for name in rows[0]}
    states = {"acknowledged": OrderState.acknowledged, "draft": OrderState.draft}
    written = set((await connection.execute(_ACCEPT, values | states)).scalars())
    return [each.order.id in written for each in given]


def _accepted(given: Acceptance) -> dict[str, Any]:
    order, start = given.order, _start(given.order, given.now)
    return {
        "ids": order.id,
        "numbers": keys.order_number(order.id),
        "customers": order.customer.id,
        "revisions": order.revision,
        "documents": order.model_dump_json(),
        "currencies": order.currency,
        "totals": order.total.minor,
        "placed_by": order.placed_by,
        "at": given.now,
        "waiting_on": _first_wait(order),
        "items": orjson.dumps([_designed(item.id) for item in order.items]).decode(),
        "summaries": f"Order over {order.total} accepted",
        "start_keys": start.key,
        "start_kinds": start.kind,
        "start_at": start.due_at,
        "by": given.by,
        "keys": given.key,
        "digests": given.digest,
    }


def _designed(item: str) -> dict[str, str]:
    return {"item": item, "state": ItemState.acknowledged, "service": ServiceState.designed}


def _first_wait(order: Order) -> str | None:
    return f"requested start {order.requested_start:%Y-%m-%d %H:%M} UTC" if order.requested_start else None


def _start(order: Order, now: datetime) -> Dispatch:
    """`now` is real time. By a test clock an order is placed only when it may begin."""
    begin = order.requested_start
    kind = Kind.begin if begin else Kind.start
    ahead = begin is not None and begin > order.placed_at
    return Dispatch(key=f"{order.id}:start", kind=kind, subject=order.id, due_at=begin if begin and ahead else now)


def _row(order: str, customer: str, state: OrderState, document: object, now: datetime) -> dict[str, Any]:
    return {
        "id": order,
        "number": keys.order_number(order),
        "customer": customer,
        "state": state,
        "revision": 1,
        "document": document,
        "placed_at": now,
        "updated_at": now,
    }


async def get(connection: Connection, order: str, *, lock: bool = False) -> StoredOrder:
    """Raises NotFound. `lock` holds the row until the transaction ends."""
    query = select(orders).where(orders.c.id == order)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound("order", order)
    return _stored(row)


async def get_many(connection: Connection, ids: Sequence[str]) -> dict[str, StoredOrder]:
    """Those of `ids` that exist, by id."""
    if not ids:
        return {}
    rows = (await connection.execute(select(orders).where(among(orders.c.id, set(ids))))).all()
    return {row.id: _stored(row) for row in rows}


def _stored(row: Row[Any]) -> StoredOrder:
    is_draft = isinstance(row.document["customer"], str)
    return StoredOrder(
        id=row.id,
        customer=row.customer,
        state=OrderState(row.state),
        revision=row.revision,
        placed_by=row.placed_by,
        order=None if is_draft else Order.model_validate(row.document),
        request=OrderRequest.model_validate(row.document) if is_draft else None,
        reason=row.reason,
    )


async def append(connection: Connection, order: str, given: list[Event]) -> None:
    """Add events from outside the workflow (a late callback after the order's end); known keys are passed over."""
    known = select(events.c.key).where(events.c.order_id == order, among(events.c.key, [event.key for event in given]))
    count = await _locked_count(connection, order)
    old = set((await connection.execute(known)).scalars())
    await _append(connection, order, [event for event in given if event.key not in old], count)


async def _locked_count(connection: Connection, order: str) -> int:
    """How many events the order has; its row is locked until the transaction ends."""
    query = select(orders.c.event_count).where(orders.c.id == order).with_for_update()
    return int((await connection.execute(query)).scalar_one())


async def _append(connection: Connection, order: str, fresh: list[Event], count: int) -> None:
    """Number the events without a gap after the `count` there are; the order's row has to be locked, or new. Whoever listens
    is told by a trigger."""
    if not fresh:
        return
    rows = [{"order_id": order, "seq": seq, **event.model_dump()} for seq, event in enumerate(fresh, start=count + 1)]
    await connection.execute(insert(events), rows)
    values = {"event_count": count + len(fresh), "updated_at": fresh[-1].at}
    await connection.execute(update(orders).where(orders.c.id == order).values(values))


def _event(key: str, kind: str, at: datetime, actor: str, summary: str) -> Event:
    return Event(key=key, type=kind, at=at, actor=actor, summary=summary)
