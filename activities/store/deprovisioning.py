"""A service that has ended is taken down for good once its data was kept long enough. It is closed by its access blocks."""

from datetime import datetime, timedelta

from activities.store import at_partners, capacity, clocks, due_rows, entitlements, life_policies, services, subscriptions
from activities.store.at_partners import Asked
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from domain.facts import Event
from domain.provisioning import Verb
from domain.subscriptions.facts import Subscription
from domain.subscriptions.policies import EndingPolicy

HELD_FOR = timedelta(days=1)
"""How long a legal hold puts the end of the data off each time it is looked at."""
WORKFLOW = "deprovision"


async def look(connection: Connection, key: str) -> tuple[list[Asked], str]:
    """What a due row asks for; nothing, with the reason in words, where it is done or kept by a legal hold."""
    row = await due_rows.get(connection, key)
    if row is None:
        return [], "done before"
    stored = await subscriptions.get(connection, row.subject, lock=True)
    subscription = stored.subscription
    if subscription.ended_at is None:
        await due_rows.remove(connection, [key])
        return [], f"subscription {subscription.id} goes on"
    if subscription.legal_hold:
        now = await clocks.business_now(connection, subscription.customer)
        await due_rows.put(connection, [row.model_copy(update={"due_at": now + HELD_FOR})])
        return [], f"kept by a legal hold: {subscription.legal_hold}"
    service = await services.get(connection, subscription.service)
    return await at_partners.asked(connection, service, Verb.terminate, f"{subscription.id}:{Verb.terminate}"), ""


async def done(connection: Connection, key: str) -> str:
    """Again changes nothing."""
    row = await due_rows.get(connection, key)
    if row is None:
        return "done before"
    subscription = (await subscriptions.get(connection, row.subject, lock=True)).subscription
    now = await clocks.business_now(connection, subscription.customer)
    await due_rows.remove(connection, [key])
    await entitlements.revoke(connection, subscription.service, now)
    await services.end(connection, subscription.service, now)
    await capacity.release(connection, subscription.order, [subscription.item], now)
    words = "the service is taken down, and seen to be gone"
    event = Event(key="service:terminated", type="service.terminated", at=now, actor=WORKFLOW, summary=words)
    await subscriptions.append(connection, subscription.id, [event])
    return f"subscription {subscription.id}: {words}"


async def begin(connection: Connection, subscription: Subscription, now: datetime) -> None:
    """Have the service of one that has ended taken down once its data was kept long enough."""
    policy = await life_policies.get(connection, EndingPolicy)
    until = max((subscription.ended_at or now) + policy.retention, now)
    key = f"{subscription.id}:deprovision:{Verb.terminate}"
    row = DueRow(key=key, kind=Kind.deprovision, subject=subscription.id, customer=subscription.customer, due_at=until)
    await due_rows.put(connection, [row])
