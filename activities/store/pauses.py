"""A subscription is paused, and goes on: decided, and carried out once the systems that serve it have done so."""

from datetime import datetime

from activities.store import (
    access_blocks,
    at_partners,
    clocks,
    due_rows,
    endings,
    life_messages,
    life_policies,
    plan_changes,
    services,
    subscription_lines,
    subscriptions,
    suspended_time,
)
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.life_messages import News
from activities.store.subscriptions import StoredSubscription
from domain.errors import Conflict
from domain.facts import Event
from domain.messages import MessageKind
from domain.provisioning import Verb
from domain.states import SubscriptionState
from domain.subscriptions.ending import used_until
from domain.subscriptions.facts import Pausing, Subscription
from domain.subscriptions.making import Call, Plan
from domain.subscriptions.pausing import PauseCommand, given_back_from, gives_back, pausing, resumed
from domain.subscriptions.policies import PausePolicy

PAUSED = "paused"
"""The reason why what is paused is not to be used."""
VERBS = {Kind.pause: (Verb.suspend, Verb.resume), Kind.resume: (Verb.resume, Verb.suspend)}
"""What systems are asked, and what takes it back."""


async def decide(connection: Connection, subscription: str, command: PauseCommand) -> str:
    """Raises NotFound, BadInput, Conflict. Another date moves it. Returns the key of its row."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    facts = stored.subscription
    if facts.ended_at is not None:
        raise Conflict(f"subscription {subscription} ended on {facts.ended_at:%Y-%m-%d}")
    if command.version is not None and command.version != stored.version:
        raise Conflict(f"subscription {subscription} is at version {stored.version}; look at it again")
    now = await clocks.business_now(connection, facts.customer)
    pause = pausing(facts, command, now)
    until = f" to {pause.until:%Y-%m-%d %H:%M}" if pause.until else ""
    words = f"is to be paused from {pause.at:%Y-%m-%d %H:%M}{until} UTC"
    event = _event(f"pause:{stored.version}", "pause_decided", now, command.by, words)
    await subscriptions.save(connection, facts.model_copy(update={"pausing": pause}), [event], now)
    row = _row(facts, Kind.pause, pause.at)
    await due_rows.put(connection, [row])
    return row.key


async def resume(connection: Connection, subscription: str, by: str) -> str:
    """Have a pause end now; one that has not begun does not. Raises NotFound, and Conflict where there is none."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    facts = stored.subscription
    now = await clocks.business_now(connection, facts.customer)
    if facts.paused_since is None and facts.pausing is None:
        raise Conflict(f"subscription {subscription} is not paused")
    if facts.paused_since is None:
        await due_rows.remove(connection, [_key(facts, Kind.pause)])
        event = _event(f"unpause:{stored.version}", "pause_dropped", now, by, "is not paused after all")
        await subscriptions.save(connection, facts.model_copy(update={"pausing": None}), [event], now)
        return ""
    row = _row(facts, Kind.resume, now)
    await due_rows.put(connection, [row.model_copy(update={"payload": {"by": by}})])
    return row.key


async def due(connection: Connection, stored: StoredSubscription, row: DueRow) -> Plan:
    """What the systems that serve it are to be asked."""
    facts = stored.subscription
    wanted = facts.paused_since is None if row.kind is Kind.pause else facts.paused_since is not None
    if facts.ended_at is not None or not wanted:
        await due_rows.remove(connection, [row.key])
        return Plan(subscription=facts.id, at=row.due_at, made=True, words=f"subscription {facts.id} is {stored.state}")
    return Plan(subscription=facts.id, at=row.due_at, calls=await _calls(connection, facts, row))


async def _calls(connection: Connection, subscription: Subscription, row: DueRow) -> tuple[Call, ...]:
    """Nothing where it is closed for another reason too, and stays so."""
    others = [
        each
        for each in await access_blocks.of_service(connection, subscription.service)
        if each.lifted_at is None and each.reason != PAUSED
    ]
    if others:
        return ()
    item = await plan_changes.item_of(connection, subscription)
    do, undo = VERBS[row.kind]
    name = f"{row.key}:{row.due_at:%Y%m%d%H%M%S}"
    return tuple(
        Call(
            adapter=adapter,
            do=at_partners.request(subscription, item, do, f"{name}:{adapter}"),
            undo=at_partners.request(subscription, item, undo, f"{name}:undo:{adapter}"),
        )
        for adapter in at_partners.builders(item.plan)
    )


async def make_due(connection: Connection, stored: StoredSubscription, row: DueRow) -> SubscriptionState:
    """It is paused from the row's date on, or goes on from it."""
    await due_rows.remove(connection, [row.key])
    now = await clocks.business_now(connection, stored.subscription.customer)
    if row.kind is Kind.pause:
        return await _pause(connection, stored, row.due_at, now)
    return await _go_on(connection, stored, row, now)


async def _pause(connection: Connection, stored: StoredSubscription, at: datetime, now: datetime) -> SubscriptionState:
    old, policy = stored.subscription, await life_policies.get(connection, PausePolicy)
    back = gives_back(old, policy)
    left = await endings.without_what_follows(connection, old, at, shortened=back)
    closed = await suspended_time.bill_until(connection, left, at, now) if back else left
    paused = closed.model_copy(update={"paused_since": at})
    if back:
        used = used_until(old, at)
        await endings.give_back_later(connection, paused, used, now)
        given = await subscription_lines.beyond(connection, paused.id, used)
        paused = given_back_from(paused, at, [each.line.id for each in given])
    await access_blocks.block(connection, [paused.service], PAUSED, paused.id, now)
    await services.suspend(connection, paused.service)
    pause = old.pausing or Pausing(at=at, by="subscription")
    if pause.until is not None:
        await due_rows.put(connection, [_row(paused, Kind.resume, max(pause.until, now))])
    until = f", up to {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else ""
    event = _event(f"paused:{stored.version}", "paused", at, pause.by, f"paused{until}")
    news = News(key=f"paused:{stored.version}", kind=MessageKind.paused, at=at)
    await life_messages.tell(connection, paused, news, now)
    return await subscriptions.save(connection, paused, [event], now)


async def _go_on(connection: Connection, stored: StoredSubscription, row: DueRow, now: datetime) -> SubscriptionState:
    old, policy = stored.subscription, await life_policies.get(connection, PausePolicy)
    back = resumed(old, row.due_at, policy)
    if not gives_back(old, policy):
        back = back.model_copy(update={"paid_until": max((each.until for each in back.progress), default=None)})
    await access_blocks.lift(connection, PAUSED, old.id, now)
    if not [each for each in await access_blocks.of_service(connection, old.service) if each.lifted_at is None]:
        await services.resume(connection, old.service)
    by = row.payload.get("by", "subscription")
    event = _event(f"resumed:{stored.version}", "resumed", row.due_at, by, "goes on")
    news = News(key=f"resumed:{stored.version}", kind=MessageKind.resumed, at=row.due_at)
    await life_messages.tell(connection, back, news, now)
    await go_on_with_changes(connection, back, now)
    back, billing = await stop_billing(connection, back, now)
    return await subscriptions.save(connection, back, [event, *billing], now)


async def drop(connection: Connection, subscription: Subscription) -> None:
    """Nothing of a pause lies ahead any more."""
    await due_rows.remove(connection, [_key(subscription, Kind.pause), _key(subscription, Kind.resume)])


async def go_on_with_changes(connection: Connection, subscription: Subscription, now: datetime) -> None:
    """What was to change meanwhile is due now."""
    await due_rows.put(connection, [_put_off(subscription, each.number, max(each.at, now)) for each in subscription.changes])


async def stop_billing(connection: Connection, subscription: Subscription, now: datetime) -> tuple[Subscription, list[Event]]:
    """Where it was suspended meanwhile, which only now begins to matter to what is billed."""
    if not subscription.suspended_for or subscription.billing_stop is not None:
        return subscription, []
    return await suspended_time.begins(connection, subscription, now)


def _put_off(subscription: Subscription, number: int, at: datetime) -> DueRow:
    row = _row(subscription, Kind.change, at)
    return row.model_copy(update={"key": f"{subscription.id}:change:{number}", "payload": {"number": str(number)}})


def _row(subscription: Subscription, kind: Kind, at: datetime) -> DueRow:
    return DueRow(key=_key(subscription, kind), kind=kind, subject=subscription.id, customer=subscription.customer, due_at=at)


def _key(subscription: Subscription, kind: Kind) -> str:
    return f"{subscription.id}:{kind}"


def _event(key: str, kind: str, at: datetime, by: str, summary: str) -> Event:
    return Event(key=key, type=f"subscription.{kind}", at=at, actor=by, summary=summary)
