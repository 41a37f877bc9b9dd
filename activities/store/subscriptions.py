"""Subscriptions as their process keeps them: the facts, what happened, and when something is due next."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import due_rows
from activities.store.database import Connection, among
from activities.store.due_rows import DueRow, Kind
from activities.store.tables.life import subscription_events
from activities.store.tables.services import subscriptions
from domain.errors import NotFound
from domain.facts import Event
from domain.states import SubscriptionState
from domain.subscriptions.facts import Subscription
from domain.subscriptions.renewal import next_renewal
from domain.values import Instant, Value

FACTS = "started_at"
"""Is in the document of a subscription from when its process has taken it over."""


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
    query = select(subscriptions).where(subscriptions.c.id == subscription, subscriptions.c.document.has_key(FACTS))
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
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


async def save(connection: Connection, subscription: Subscription, events: Sequence[Event], now: datetime) -> SubscriptionState:
    """The facts as they are now, with what happened, and when the next period is to be billed. The caller has locked the row.
    Returns its state."""
    state, renewal = subscription.state(now), next_renewal(subscription)
    values = {
        "state": state,
        "document": subscription.model_dump(mode="json"),
        "version": subscriptions.c.version + 1,
        "next_renewal": renewal,
        "paid_until": subscription.paid_until,
        "ended_at": subscription.ended_at,
    }
    await connection.execute(update(subscriptions).where(subscriptions.c.id == subscription.id).values(**values))
    await append(connection, subscription.id, events)
    if renewal is None:
        await due_rows.remove_of(connection, subscription.id, Kind.renewal)
    else:
        await due_rows.put(connection, [_renewal_row(subscription, renewal)])
    return state


def _renewal_row(subscription: Subscription, at: datetime) -> DueRow:
    key = f"{subscription.id}:renewal"
    return DueRow(key=key, kind=Kind.renewal, subject=subscription.id, customer=subscription.customer, due_at=at)


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
