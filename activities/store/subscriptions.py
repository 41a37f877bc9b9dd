"""Subscriptions as their process keeps them: the facts, what happened, and when something is due next."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import due_rows, life_policies, recurring_revenue
from activities.store.database import Connection, among
from activities.store.due_rows import DueRow, Kind
from activities.store.tables.life import subscription_events
from activities.store.tables.services import subscriptions
from domain.errors import NotFound
from domain.facts import Event
from domain.states import SubscriptionState
from domain.subscriptions.facts import Subscription
from domain.subscriptions.policies import ReminderPolicy
from domain.subscriptions.reminders import may_be_reminded, reminders
from domain.subscriptions.renewal import next_renewal
from domain.values import Instant, Value

AHEAD = (Kind.renewal, Kind.reminder)
FACTS = "started_at"
"""Is in the document of a subscription from when its process has taken it over."""
_GET = select(subscriptions).where(subscriptions.c.id == bindparam("id"), subscriptions.c.document.has_key(FACTS))
_LOCKED = _GET.with_for_update()


class StoredSubscription(Value):
    """`version` rises with each change, and is what a change is made against."""

    subscription: Subscription
    state: SubscriptionState
    version: int
    created_at: Instant
    next_renewal: Instant | None = None
    payment_method: str | None = None


class StoredEvent(Event):
    """`seq` counts a subscription's events from 1 without a gap; `recorded_at` is real time."""

    seq: int
    recorded_at: Instant


async def get(connection: Connection, subscription: str, *, lock: bool = False) -> StoredSubscription:
    """Raises NotFound, also while it is pending. `lock` holds the row until the transaction ends."""
    row = (await connection.execute(_LOCKED if lock else _GET, {"id": subscription})).mappings().first()
    if row is None:
        raise NotFound("subscription", subscription)
    return _stored(row)


async def running(connection: Connection, ids: Collection[str]) -> set[str]:
    """Those of `ids` that a process has taken over."""
    query = select(subscriptions.c.id).where(among(subscriptions.c.id, ids), subscriptions.c.state != SubscriptionState.pending)
    return set((await connection.execute(query)).scalars()) if ids else set()


async def going_on(connection: Connection, customer: str) -> dict[str, str]:
    """A customer's subscriptions that have not ended, and the product of each."""
    product = subscriptions.c.document["product"].astext
    query = select(subscriptions.c.id, product).where(
        subscriptions.c.customer == customer, subscriptions.c.ended_at.is_(None), subscriptions.c.document.has_key(FACTS)
    )
    return {row[0]: row[1] for row in (await connection.execute(query)).all()}


async def page(
    connection: Connection,
    after: tuple[datetime, str] | None,
    limit: int,
    *,
    customer: str | None = None,
    state: SubscriptionState | None = None,
) -> list[StoredSubscription]:
    """The newest first, those before `after` (created_at, id)."""
    query = select(subscriptions).where(subscriptions.c.document.has_key(FACTS))
    if customer is not None:
        query = query.where(subscriptions.c.customer == customer)
    if state is not None:
        query = query.where(subscriptions.c.state == state)
    if after is not None:
        query = query.where(tuple_(subscriptions.c.created_at, subscriptions.c.id) < tuple_(*after))
    ordered = query.order_by(subscriptions.c.created_at.desc(), subscriptions.c.id.desc()).limit(limit)
    return [_stored(row) for row in (await connection.execute(ordered)).mappings()]


_SAVE = text(f"""
    WITH fresh AS (
         SELECT one AS event, row_number() OVER (ORDER BY place) AS place
           FROM jsonb_array_elements(CAST(:events AS jsonb)) WITH ORDINALITY given (one, place)
          WHERE NOT EXISTS (SELECT FROM subscription_events known
                             WHERE known.subscription = CAST(:id AS varchar) AND known.key = one ->> 'key')
    ), saved AS (
         UPDATE subscriptions
            SET state = CAST(:state AS varchar), document = CAST(:document AS jsonb), version = version + 1,
                next_renewal = CAST(:next_renewal AS timestamptz), paid_until = CAST(:paid_until AS timestamptz),
                ended_at = CAST(:ended_at AS timestamptz), changing_since = NULL,
                event_count = event_count + (SELECT count(*) FROM fresh)
          WHERE id = CAST(:id AS varchar)
         RETURNING id, event_count - (SELECT count(*) FROM fresh) AS before
    ), happened AS (
         INSERT INTO subscription_events (subscription, seq, key, type, at, recorded_at, actor, summary, data)
         SELECT saved.id, saved.before + place, event ->> 'key', event ->> 'type', (event ->> 'at')::timestamptz,
                clock_timestamp(), event ->> 'actor', event ->> 'summary', event -> 'data'
           FROM fresh, saved
    ), gone AS (
         DELETE FROM due_rows WHERE key = ANY(CAST(:gone AS varchar[]))
    ), moved AS (
         {recurring_revenue.MOVE}
    )
    {due_rows.INSERT_ROWS}
""")  # noqa: S608 - of constants alone
"""Facts, events, due rows and what became of its recurring revenue in one statement, as a renewal costs little else."""


async def save(connection: Connection, subscription: Subscription, events: Sequence[Event], now: datetime) -> SubscriptionState:
    """The facts as they are now, with what happened, when the next period is to be billed, and when its customer is to be
    reminded of something. Events of known keys are passed over. The caller has locked the row. Returns its state."""
    state, rows = subscription.state(now), await _ahead(connection, subscription, now)
    values = {
        "id": subscription.id,
        "state": state,
        "document": orjson.dumps(subscription.model_dump(mode="json")).decode(),
        "next_renewal": next((row.due_at for row in rows if row.kind is Kind.renewal), None),
        "paid_until": subscription.paid_until,
        "ended_at": subscription.ended_at,
        "events": orjson.dumps([event.model_dump(mode="json") for event in events]).decode(),
        "rows": due_rows.as_json(rows),
        "gone": sorted({_key(subscription, kind) for kind in AHEAD} - {row.key for row in rows}),
        **recurring_revenue.as_values(subscription, now),
    }
    await connection.execute(_SAVE, values)
    return state


async def _ahead(connection: Connection, subscription: Subscription, now: datetime) -> list[DueRow]:
    """What is due by its facts alone, one of each kind at most."""
    due = {Kind.renewal: next_renewal(subscription)}
    if may_be_reminded(subscription, now):
        policy = await life_policies.get(connection, ReminderPolicy)
        due[Kind.reminder] = min((each.at for each in reminders(subscription, policy, now)), default=None)
    return [
        DueRow(key=_key(subscription, kind), kind=kind, subject=subscription.id, customer=subscription.customer, due_at=at)
        for kind, at in due.items()
        if at is not None
    ]


def _key(subscription: Subscription, kind: Kind) -> str:
    return f"{subscription.id}:{kind}"


_COUNT = text("UPDATE subscriptions SET event_count = event_count + :fresh WHERE id = :id RETURNING event_count")


async def append(connection: Connection, subscription: str, events: Sequence[Event]) -> None:
    """Add what happened; events of known keys are passed over. The caller has locked the row."""
    if not events:
        return
    wanted = [event.key for event in events]
    query = select(subscription_events.c.key).where(
        subscription_events.c.subscription == subscription, subscription_events.c.key.in_(wanted)
    )
    known = set((await connection.execute(query)).scalars())
    fresh = [event for event in events if event.key not in known]
    if not fresh:
        return
    count = (await connection.execute(_COUNT, {"id": subscription, "fresh": len(fresh)})).scalar_one()
    first, real = int(count) - len(fresh) + 1, datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {"subscription": subscription, "seq": seq, "recorded_at": real, **event.model_dump()}
        for seq, event in enumerate(fresh, start=first)
    ]
    await connection.execute(insert(subscription_events), rows)


async def number_change(connection: Connection, subscription: str) -> int:
    """The number of a change that is about to be tried. It is used up whatever becomes of it, and makes no new version."""
    counted = text("""
        UPDATE subscriptions SET document = jsonb_set(document, '{change_count}',
               to_jsonb(COALESCE((document ->> 'change_count')::int, 0) + 1))
         WHERE id = :id RETURNING (document ->> 'change_count')::int
    """)
    return int((await connection.execute(counted, {"id": subscription})).scalar_one())


async def begin_change(connection: Connection, subscription: str) -> None:
    """Money or a system is about to be asked for a change, which is under way until the subscription is saved, or the change is
    given up."""
    await connection.execute(update(subscriptions).where(subscriptions.c.id == subscription).values(changing_since=func.now()))


async def give_up_change(connection: Connection, subscription: str) -> None:
    await connection.execute(update(subscriptions).where(subscriptions.c.id == subscription).values(changing_since=None))


async def being_changed(connection: Connection, ids: Collection[str]) -> set[str]:
    """Those of `ids` of which a change is under way."""
    query = select(subscriptions.c.id).where(among(subscriptions.c.id, ids), subscriptions.c.changing_since.is_not(None))
    return set((await connection.execute(query)).scalars()) if ids else set()


async def has_happened(connection: Connection, subscription: str, key: str) -> bool:
    """Whether there is an event of this key."""
    known = select(subscription_events.c.seq).where(
        subscription_events.c.subscription == subscription, subscription_events.c.key == key
    )
    return (await connection.execute(known)).first() is not None


async def events(connection: Connection, subscription: str, after: int, limit: int) -> list[StoredEvent]:
    """In order, those after the number `after`."""
    query = select(subscription_events).where(
        subscription_events.c.subscription == subscription, subscription_events.c.seq > after
    )
    rows = await connection.execute(query.order_by(subscription_events.c.seq).limit(limit))
    return [StoredEvent.model_validate(dict(row)) for row in rows.mappings()]


async def counts(connection: Connection) -> dict[str, int]:
    """How many there are in each state."""
    query = select(subscriptions.c.state, func.count()).group_by(subscriptions.c.state)
    return {row[0]: row[1] for row in (await connection.execute(query)).all()}


def _stored(row: Any) -> StoredSubscription:
    return StoredSubscription(
        subscription=Subscription.model_validate(row["document"]),
        state=row["state"],
        version=row["version"],
        created_at=row["created_at"],
        next_renewal=row["next_renewal"],
        payment_method=row["payment_method"],
    )
