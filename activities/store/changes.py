"""What a running order writes: a whole change in one statement, since the trips between many were most of its cost."""

from typing import Any

import orjson
import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import String

from activities.store import access_blocks, coupons, dispatches, renewals, services
from activities.store.database import Connection
from activities.store.dispatches import Dispatch, Kind
from domain import keys
from domain.checks import service_subject
from domain.errors import NotFound, Unavailable
from domain.facts import HandOver, ItemStatus, OrderChange, Recorded
from domain.orders import Order
from domain.states import ORDER, OrderState, ServiceState, SubscriptionState, is_terminal
from domain.subscriptions.facts import Opening

log = structlog.get_logger()
_GONE = frozenset({ServiceState.suspended, ServiceState.terminating, ServiceState.terminated})
"""States that a service which has gone live may come to by its order: it is taken down again."""

_WRITE = """
    WITH given AS (SELECT CAST(:change AS jsonb) AS it),
    held AS (
        SELECT id, state, event_count, it,
               change_run = it ->> 'run' AND (it ->> 'number')::integer BETWEEN 1 AND change_number AS overtaken
          FROM orders, given WHERE id = :order FOR UPDATE OF orders
    ),
    working AS (SELECT * FROM held WHERE state <> ALL(:terminal) AND NOT overtaken),
    fresh AS (
        SELECT one, row_number() OVER (ORDER BY place) AS place
          FROM held, jsonb_array_elements(it -> 'events') WITH ORDINALITY AS each (one, place)
         WHERE one ->> 'key' <> ALL(ARRAY(SELECT key FROM events WHERE order_id = :order AND key = ANY(:keys)))
    ),
    items AS (
        INSERT INTO order_items (order_id, item, state, service, document)
        SELECT id, one ->> 'item', one ->> 'state', one ->> 'service', one FROM working, jsonb_array_elements(it -> 'items') one
        ON CONFLICT (order_id, item) DO UPDATE
        SET state = EXCLUDED.state, service = EXCLUDED.service, document = EXCLUDED.document
    ),
    steps AS (
        INSERT INTO order_steps (order_id, item, step, state, document)
        SELECT id, one ->> 'item', one ->> 'step', one ->> 'state', one FROM working, jsonb_array_elements(it -> 'steps') one
        ON CONFLICT (order_id, item, step) DO UPDATE SET state = EXCLUDED.state, document = EXCLUDED.document
    ),
    paid AS (
        INSERT INTO payments
            (key, order_id, number, state, currency, amount, authorized, captured, refunded, reference, code, gateway)
        SELECT one ->> 'key', id, (one ->> 'number')::integer, one ->> 'state', one #>> '{amount,currency}',
               (one #>> '{amount,minor}')::bigint, (one #>> '{authorized,minor}')::bigint,
               (one #>> '{captured,minor}')::bigint, (one #>> '{refunded,minor}')::bigint, one ->> 'reference', one ->> 'code',
               one ->> 'gateway'
          FROM working, jsonb_array_elements(it -> 'payments') one
        ON CONFLICT (key) DO UPDATE
        SET state = EXCLUDED.state, amount = EXCLUDED.amount, authorized = EXCLUDED.authorized, captured = EXCLUDED.captured,
            refunded = EXCLUDED.refunded, reference = EXCLUDED.reference, code = EXCLUDED.code, gateway = EXCLUDED.gateway
    ),
    decided AS (
        INSERT INTO approvals (order_id, subject, outcome, document)
        SELECT id, one ->> 'subject', one ->> 'outcome', one FROM working, jsonb_array_elements(it -> 'approvals') one
        ON CONFLICT (order_id, subject) DO UPDATE SET outcome = EXCLUDED.outcome, document = EXCLUDED.document
    ),
    stuck AS (
        INSERT INTO fallout (id, order_id, owner, open, opened_at, document)
        SELECT one ->> 'id', working.id, one ->> 'owner', one ->> 'verb' IS NULL, (one ->> 'opened_at')::timestamptz, one
          FROM working, jsonb_array_elements(it -> 'fallout') one
        ON CONFLICT (id) DO UPDATE SET owner = EXCLUDED.owner, open = EXCLUDED.open, document = EXCLUDED.document
    ),
    happened AS (
        INSERT INTO events (order_id, seq, key, type, at, actor, summary, data)
        SELECT id, event_count + place, one ->> 'key', one ->> 'type', (one ->> 'at')::timestamptz, one ->> 'actor',
               one ->> 'summary', one -> 'data' FROM working, fresh
        RETURNING at
    ),
    counted AS (
        UPDATE orders SET event_count = orders.event_count + (SELECT count(*) FROM fresh),
               updated_at = COALESCE((SELECT max(at) FROM happened), updated_at),
               change_run = it ->> 'run', change_number = (it ->> 'number')::integer%s
         WHERE orders.id = working.id
    )
    SELECT state, overtaken, (SELECT count(*) FROM fresh) AS fresh,
           (SELECT count(pg_advisory_xact_lock(hashtextextended('access:' || service, 0))) FROM (
               SELECT (one ->> 'order') || ':' || (one ->> 'item') AS service FROM jsonb_array_elements(it -> 'hand_overs') one
                ORDER BY service) handed) AS held
      FROM held
"""
"""The order's row is locked, so that its events are numbered without a gap and no other change comes between; then the access
of services that it hands over is held, as by `access_blocks.hold`. Of two changes at the same moment, as of a call that was
given up and is made again, the later one fails where it holds events of the other: asked for again, it finds them."""

_STATUS = """, state = now ->> 'state', waiting_on = now ->> 'waiting_on', owner = now ->> 'owner',
               deadline = (now ->> 'deadline')::timestamptz, reason = now ->> 'reason',
               jeopardy = now ->> 'jeopardy', jeopardy_step = now ->> 'jeopardy_step',
               expected_completion = (now ->> 'expected_completion')::timestamptz,
               blockers = ARRAY(SELECT jsonb_array_elements_text(now -> 'blockers'))
          FROM working, LATERAL (SELECT it -> 'status' AS now) status"""

_TERMINAL = bindparam("terminal", [state for state in OrderState if is_terminal(ORDER, state)], type_=ARRAY(String))
_KEYS = bindparam("keys", type_=ARRAY(String))
_WITH_STATUS = text(_WRITE % _STATUS).bindparams(_TERMINAL, _KEYS)
_WITHOUT_STATUS = text(_WRITE % " FROM working").bindparams(_TERMINAL, _KEYS)

_HAND_OVER = text("""
    WITH given AS (SELECT one FROM jsonb_array_elements(CAST(:services AS jsonb)) one),
    live AS (
        INSERT INTO services (id, order_id, item, customer, product, plan, quantity, state, remote_id, activated_at)
        SELECT one ->> 'service', one ->> 'order', one ->> 'item', one ->> 'customer', one ->> 'product', one ->> 'plan',
               (one ->> 'quantity')::integer, :active, one ->> 'remote_id', (one ->> 'activated_at')::timestamptz FROM given
        ON CONFLICT DO NOTHING
    ),
    begun AS (
        INSERT INTO subscriptions (id, customer, order_id, item, state, document, version, created_at, payment_method)
        SELECT one ->> 'subscription', one ->> 'customer', one ->> 'order', one ->> 'item', :pending,
               one - 'service' - 'subject', 1, (one ->> 'activated_at')::timestamptz,
               NULLIF((SELECT document ->> 'payment_method' FROM orders WHERE orders.id = one ->> 'order'),
                      (SELECT document ->> 'payment_method' FROM customers WHERE customers.id = one ->> 'customer'))
          FROM given
        ON CONFLICT DO NOTHING
    ),
    woken AS (
        INSERT INTO dispatches (key, kind, subject, payload, due_at)
        SELECT blocked.id || ':wake:active:' || (one ->> 'service'), :wake, blocked.id, '{}',
               (one ->> 'activated_at')::timestamptz
          FROM given, LATERAL (
              SELECT id FROM orders WHERE blockers && ARRAY[one ->> 'subject']::varchar[] AND blockers <> '{}'
          ) blocked
        ON CONFLICT DO NOTHING
    )
    SELECT EXISTS (SELECT FROM access_blocks block, given WHERE block.service = one ->> 'service' AND block.lifted_at IS NULL)
""")
"""A subscription keeps the method of its order where that was not the customer's default, which it follows otherwise. Orders
that wait for the products are woken. Says whether something blocks one of the services."""

_AMEND = text("""
    UPDATE orders SET document = CAST(:document AS jsonb), revision = :revision, total = :total WHERE id = :order
""")


def in_one_statement(change: OrderChange) -> bool:
    """Whether it needs no transaction around it: it brings nothing but snapshots and events."""
    return not (change.hand_overs or change.wake_ups or change.amended_to or change.coupons_back or _gone(change))


def _gone(change: OrderChange) -> list[ItemStatus]:
    return [item for item in change.items if item.captured and item.service in _GONE]


async def record(connection: Connection, change: OrderChange) -> Recorded:
    """Write one change of a running order: guarded upserts, and its events that are not yet known.

    Writing the same change again changes nothing, nor does one that a later one of its run has overtaken. Where the order has
    already settled, as after the reset of a finished workflow, nothing is written and the settled state is returned; only the
    change that settled it is welcome again. Unavailable where another change held some of its events at the same moment.
    """
    statement = _WITH_STATUS if change.status is not None else _WITHOUT_STATUS
    given = {"order": change.order, "keys": [event.key for event in change.events], "change": change.model_dump_json()}
    try:
        row = (await connection.execute(statement, given)).first()
    except IntegrityError:
        raise Unavailable(f"another change of order {change.order} was written at the same moment") from None
    if row is None:
        raise NotFound("order", change.order)
    if is_terminal(ORDER, OrderState(row.state)):
        settling = change.status is not None and change.status.state == row.state and change.events and not row.fresh
        return Recorded() if settling else Recorded(settled=OrderState(row.state))
    if row.overtaken:
        return Recorded()
    await _write_rare(connection, change)
    return Recorded()


async def _write_rare(connection: Connection, change: OrderChange) -> None:
    """What few changes bring."""
    if gone := _gone(change):
        await services.write_states(connection, change.order, gone)
    if change.hand_overs:
        await _hand_over(connection, change.hand_overs)
    if change.wake_ups:
        asked = [Dispatch(key=wake.key, kind=Kind.wake, subject=change.order, due_at=wake.due_at) for wake in change.wake_ups]
        await dispatches.request(connection, asked)
    if change.amended_to is not None:
        await _amend(connection, Order.model_validate_json(change.amended_to))
    if change.coupons_back:
        await coupons.release(connection, change.coupons_back)


async def _amend(connection: Connection, order: Order) -> None:
    values = {"order": order.id, "revision": order.revision, "total": order.total.minor}
    await connection.execute(_AMEND, {**values, "document": order.model_dump_json()})


async def _hand_over(connection: Connection, hand_overs: list[HandOver]) -> None:
    """Services have gone live, and their subscriptions begin with them. Their access is held."""
    rows = [_service(hand_over) for hand_over in hand_overs]
    kinds = {"active": ServiceState.active, "pending": SubscriptionState.pending, "wake": Kind.wake}
    if (await connection.execute(_HAND_OVER, {"services": orjson.dumps(rows).decode(), **kinds})).scalar_one():
        await access_blocks.turn(connection, [row["service"] for row in rows])
    left = [hand_over for hand_over in hand_overs if not await _begun(connection, hand_over)]
    await dispatches.request(connection, [_subscribe(hand_over) for hand_over in left])


async def _begun(connection: Connection, hand_over: HandOver) -> bool:
    """Begin the subscription here, without a process of its own. Where that fails, the order is no less complete: the
    subscription stays pending, and its own process tries for as long as it takes."""
    try:
        async with connection.begin_nested():
            await renewals.activate(
                connection, Opening(subscription=hand_over.subscription, activated_at=hand_over.activated_at)
            )
    except Exception:
        log.exception("the subscription does not begin with its order", subscription=hand_over.subscription)
        return False
    return True


def _service(hand_over: HandOver) -> dict[str, Any]:
    return {
        **hand_over.model_dump(mode="json"),
        "service": keys.reference(hand_over.order, hand_over.item),
        "subject": service_subject(hand_over.customer, hand_over.product),
    }


def _subscribe(hand_over: HandOver) -> Dispatch:
    return Dispatch(
        key=f"{hand_over.subscription}:subscribe",
        kind=Kind.subscribe,
        subject=hand_over.subscription,
        payload=hand_over.model_dump(mode="json"),
        due_at=hand_over.activated_at,
    )
