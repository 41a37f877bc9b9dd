"""A service that is closed, or opened again, at the systems that built it: always as its access blocks are then."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from activities.store import (
    access_blocks,
    at_partners,
    clocks,
    dispatches,
    due_rows,
    life_fallout,
    services,
    subscriptions,
    throttles,
)
from activities.store.at_partners import Asked
from activities.store.database import Connection
from activities.store.due_rows import DueRow
from activities.store.life_fallout import Stuck
from activities.store.services import Service
from domain import keys
from domain.checks import service_subject
from domain.errors import NotFound
from domain.facts import Event
from domain.fallout import Subject
from domain.provisioning import Verb
from domain.states import ServiceState

WORKFLOW = "access"
UNENFORCED = timedelta(hours=1)
"""After which an operator sees it: what is not paid for can be used, or what is paid for cannot."""
WORDS = {
    Verb.suspend: "is not closed",
    Verb.resume: "is not opened again",
    Verb.throttle: "is not slowed down",
    Verb.unthrottle: "is not sped up again",
}


async def look(connection: Connection, key: str) -> tuple[list[Asked], int, str]:
    """What a due row asks for and the change of access it is for; or why nothing is to be done, in words."""
    row = await due_rows.get(connection, key)
    if row is None:
        return [], 0, "done before"
    if row.due_at > await clocks.business_now(connection, row.customer):
        return [], 0, f"due at {row.due_at:%Y-%m-%d %H:%M} UTC"
    service = await services.get(connection, row.subject)
    if service.ended_at is not None:
        await _finish(connection, key)
        return [], 0, f"service {service.id} is taken down"
    verb = _verb(row, service)
    if _is_about_speed(row):
        name = f"{service.id}:throttle:{service.throttle_changes}"
        return await at_partners.asked(connection, service, verb, name), service.throttle_changes, ""
    calls = await at_partners.asked(connection, service, verb, f"{service.id}:access:{service.access_changes}")
    return calls, service.access_changes, ""


async def try_again(connection: Connection, key: str, trouble: str, systems: Sequence[str]) -> str:
    """These systems have not done it. When it is tried again, in words."""
    row = await due_rows.get(connection, key, lock=True)
    if row is None:
        return "done before"
    service = await services.get(connection, row.subject)
    subscription = keys.subscription(service.order_id, service.item)
    title = f"{subscription} {WORDS[_verb(row, service)]} at {', '.join(systems)}"
    return await at_partners.try_again(connection, row, Stuck(about=Subject.access, title=title, trouble=trouble), UNENFORCED)


async def done(connection: Connection, key: str, change: int, unable: Sequence[str] = ()) -> str:
    """All of it was done for this change of access, but by systems that are `unable`. Empty where it was changed again
    meanwhile: it is to be looked at anew."""
    row = await due_rows.get(connection, key)
    if row is None:
        return "done before"
    if _is_about_speed(row):
        return await _done_throttling(connection, row, change, unable)
    subscription = await _subscription(connection, row.subject)
    await access_blocks.hold(connection, [row.subject])
    service = await services.get(connection, row.subject)
    if service.access_changes != change:
        return ""
    await _finish(connection, key)
    closed, now = _is_closed(service), await clocks.business_now(connection, service.customer)
    await (services.suspend if closed else services.resume)(connection, service.id)
    words = await _closed_for(connection, service) if closed else "can be used again"
    said = service.state is (ServiceState.suspended if closed else ServiceState.active)
    if subscription is not None and not said:
        event = _event(f"access:{change}", "suspended" if closed else "resumed", words, now)
        await subscriptions.append(connection, subscription, [event])
    if not closed:
        because = f"access:{service.id}:{change}"
        await dispatches.wake_blocked(connection, [service_subject(service.customer, service.product)], now, because)
    return f"service {service.id} {words}"


async def _done_throttling(connection: Connection, row: DueRow, change: int, unable: Sequence[str]) -> str:
    subscription = await _subscription(connection, row.subject)
    service = await services.get(connection, row.subject)
    if service.throttle_changes != change:
        return ""
    await _finish(connection, row.key)
    now, slow = await clocks.business_now(connection, service.customer), _is_throttled(service)
    asked = await at_partners.asked(connection, service, Verb.verify, row.key)
    if slow and len(unable) == len(asked):
        words = f"is not slowed down: {', '.join(unable) or 'no system that built it'} cannot do so"
        event = _event(f"throttle:{change}", "not_throttled", words, now)
    else:
        but = f", but not by {', '.join(unable)}, which cannot do so" if unable else ""
        words = f"is slowed down{but}" if slow else "is as fast as before"
        event = _event(f"throttle:{change}", "throttled" if slow else "unthrottled", words, now)
    if subscription is not None:
        await subscriptions.append(connection, subscription, [event])
    return f"service {service.id} {words}"


async def _finish(connection: Connection, key: str) -> None:
    await due_rows.remove(connection, [key])
    await life_fallout.done(connection, key, datetime.now(UTC))


async def _subscription(connection: Connection, service: str) -> str | None:
    """Its subscription, locked; None before a process has taken that over."""
    order, item = keys.split_reference(service) or (service, "")
    try:
        return (await subscriptions.get(connection, keys.subscription(order, item), lock=True)).subscription.id
    except NotFound:
        return None


async def _closed_for(connection: Connection, service: Service) -> str:
    held = {block.reason for block in await access_blocks.of_service(connection, service.id) if block.lifted_at is None}
    return f"is closed ({', '.join(sorted(held)).replace('_', ' ')})"


def _verb(row: DueRow, service: Service) -> Verb:
    """What its systems are to do, as it stands now."""
    if _is_about_speed(row):
        return Verb.throttle if _is_throttled(service) else Verb.unthrottle
    return Verb.suspend if _is_closed(service) else Verb.resume


def _is_about_speed(row: DueRow) -> bool:
    return row.payload.get("about") == throttles.THROTTLE


def _is_closed(service: Service) -> bool:
    return service.access_changes % 2 == 1


def _is_throttled(service: Service) -> bool:
    return service.throttle_changes % 2 == 1


def _event(key: str, kind: str, words: str, now: datetime) -> Event:
    return Event(key=key, type=f"service.{kind}", at=now, actor=WORKFLOW, summary=f"the service {words}")
