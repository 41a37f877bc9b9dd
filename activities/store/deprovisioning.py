"""A service that has ended is taken down for good once its data was kept long enough. It is closed by its access blocks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from activities.store import (
    at_partners,
    capacity,
    clocks,
    due_rows,
    entitlements,
    exports,
    life_fallout,
    life_policies,
    services,
    subscriptions,
)
from activities.store.at_partners import Asked
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.life_fallout import Stuck
from domain import keys
from domain.facts import Event
from domain.fallout import Subject
from domain.provisioning import Verb
from domain.subscriptions.facts import Subscription
from domain.subscriptions.policies import EndingPolicy, ExportOffer

HELD_FOR = timedelta(days=1)
"""How long a legal hold puts the end of the data off each time it is looked at."""
LEFT_STANDING = timedelta(days=2)
"""After which an operator sees that a system does not take a service down."""
WORKFLOW = "deprovision"
BEGUN = "begun"
"""In the payload of what takes a service down: systems may have been asked to, and there is no way back."""


async def look(connection: Connection, key: str) -> tuple[list[Asked], str]:
    """What a due row asks for; nothing, with the reason in words, where it is done, kept by a legal hold or waits for what is
    to be given out before."""
    row = await due_rows.get(connection, key)
    if row is None:
        return [], "done before"
    stored = await subscriptions.get(connection, row.subject, lock=True)
    subscription = stored.subscription
    if subscription.ended_at is None:
        await _finish(connection, key)
        return [], f"subscription {subscription.id} goes on"
    now = await clocks.business_now(connection, subscription.customer)
    if row.due_at > now:
        return [], f"due at {row.due_at:%Y-%m-%d %H:%M} UTC"
    if row.kind is Kind.export:
        return await exports.look(connection, row, subscription, now)
    if words := await _kept_for(connection, row, subscription, now):
        return [], words
    service = await services.get(connection, subscription.service)
    await due_rows.mark(connection, key, BEGUN)
    asked = await at_partners.asked(connection, service, Verb.terminate, f"{subscription.id}:{Verb.terminate}")
    by_hand = {each.system for each in await life_fallout.by_hand(connection, key)}
    return [call for call in asked if call.adapter not in by_hand], ""


async def try_again(connection: Connection, key: str, trouble: str, systems: Sequence[str]) -> str:
    """A system has not done it. When it is tried again, in words: at once where it was done by hand meanwhile."""
    row = await due_rows.get(connection, key, lock=True)
    if row is None:
        return "done before"
    by_hand = {each.system for each in await life_fallout.by_hand(connection, key)}
    where = ", ".join(systems)
    if by_hand.issuperset(systems):
        return f"{where}: done by hand meanwhile"
    title = f"{row.subject} is not taken down at {where}"
    stuck = Stuck(about=Subject.termination, title=title, trouble=trouble, system=where)
    return await at_partners.try_again(connection, row, stuck, LEFT_STANDING)


async def _kept_for(connection: Connection, row: DueRow, subscription: Subscription, now: datetime) -> str:
    """Why it is not taken down yet, in words; it is looked at again later."""
    if subscription.legal_hold:
        words = f"kept by a legal hold: {subscription.legal_hold}"
        await due_rows.put(connection, [at_partners.afresh(row, now + HELD_FOR)])
        await life_fallout.done(connection, row.key, datetime.now(UTC), words)
        return words
    awaited = await exports.awaited(connection, subscription)
    if awaited is None:
        return ""
    again, words = max(awaited.due_at, now + at_partners.LATER), "it is kept until what is in it is given out"
    await due_rows.put(connection, [row.model_copy(update={"due_at": again})])
    await due_rows.failed(connection, row.key, words)
    return words


async def done(connection: Connection, key: str) -> str:
    """Again changes nothing."""
    row = await due_rows.get(connection, key)
    if row is None:
        return "done before"
    subscription = (await subscriptions.get(connection, row.subject, lock=True)).subscription
    now = await clocks.business_now(connection, subscription.customer)
    await _finish(connection, key)
    await entitlements.revoke(connection, subscription.service, now)
    await services.end(connection, subscription.service, now)
    await exports.forget(connection, subscription)
    await capacity.release(connection, subscription.order, [subscription.item], now)
    words = "the service is taken down, and seen to be gone" + "".join(
        f"; at {each.system} by hand: {each.evidence} ({each.by})" for each in await life_fallout.by_hand(connection, key)
    )
    event = Event(key="service:terminated", type="service.terminated", at=now, actor=WORKFLOW, summary=words)
    await subscriptions.append(connection, subscription.id, [event])
    return f"subscription {subscription.id}: {words}"


async def call_off(connection: Connection, subscription: Subscription) -> bool:
    """It goes on after all. False where its service is being taken down, or is gone. The caller has locked its row."""
    row = await due_rows.get(connection, keys.termination(subscription.id))
    if row is None or BEGUN in row.payload:
        return False
    await _finish(connection, row.key)
    await exports.withdraw(connection, subscription)
    return True


async def _finish(connection: Connection, key: str) -> None:
    await due_rows.remove(connection, [key])
    await life_fallout.done(connection, key, datetime.now(UTC))


async def begin(connection: Connection, subscription: Subscription, now: datetime) -> None:
    """Have the service of one that has ended taken down once its data was kept long enough, and what is in it given out before
    where the policy offers that."""
    policy = await life_policies.get(connection, EndingPolicy)
    until = max((subscription.ended_at or now) + policy.retention, now)
    row = DueRow(
        key=keys.termination(subscription.id),
        kind=Kind.deprovision,
        subject=subscription.id,
        customer=subscription.customer,
        due_at=until,
        payload={"until": until.isoformat()},
    )
    await due_rows.put(connection, [row])
    if policy.export is ExportOffer.offered:
        await exports.begin(connection, subscription, now)
