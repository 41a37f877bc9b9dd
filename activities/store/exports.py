"""What customers have in services that have ended: given out by each system that can, once, and forgotten in time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import at_partners, clocks, due_rows, life_fallout, messages, services, subscriptions
from activities.store.at_partners import Asked
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.tables.services import service_exports
from domain import keys
from domain.billing.zones import local_date, zone_of
from domain.facts import Event
from domain.fallout import Fallout, FalloutVerb
from domain.messages import MessageFacts, MessageKind
from domain.provisioning import DataExport, ExportState, ProvisionRequest, Verb
from domain.subscriptions.facts import Subscription
from domain.values import Instant, Value

WORKFLOW = "deprovision"
SOONEST = timedelta(minutes=1)
"""How long a system that has just begun is left alone; the longer it is at work, the longer, up to what another call rests."""
AT_WORK = timedelta(days=2)
"""After which somebody should look why a system is still at work."""
TO_FETCH = timedelta(days=7)
"""How long an export that comes late can be fetched at the least, unless data is kept for less than that anyway."""
PENDING = frozenset({ExportState.working, ExportState.failed})

_KEEP = text("""
    INSERT INTO service_exports (service, system, customer, state, asked_at, ready_at, address, expires_at, failures)
    VALUES (:service, :system, :customer, :state, :now, :ready_at, :address, :expires_at, :failures)
        ON CONFLICT (service, system) DO UPDATE
       SET state = excluded.state, ready_at = excluded.ready_at, address = excluded.address,
           expires_at = excluded.expires_at, failures = service_exports.failures + excluded.failures
     WHERE service_exports.state IN ('working', 'failed')
""")
"""What is ready stays so, and what was given up or is forgotten does not come back."""


class ServiceExport(Value):
    """What one system has made. Moments are of the customer's time."""

    system: str
    state: ExportState
    asked_at: Instant
    ready_at: Instant | None = None
    address: SecretStr | None = None
    expires_at: Instant | None = None
    failures: int = 0


async def of_service(connection: Connection, service: str) -> list[ServiceExport]:
    """In order of system."""
    query = select(service_exports).where(service_exports.c.service == service).order_by(service_exports.c.system)
    return [ServiceExport.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def begin(connection: Connection, subscription: Subscription, now: datetime) -> None:
    """Have what is in the service of one that has ended given out, where a system of somebody else holds any of it."""
    if await _asked(connection, subscription):
        key = _key(subscription)
        row = DueRow(key=key, kind=Kind.export, subject=subscription.id, customer=subscription.customer, due_at=now)
        await due_rows.put(connection, [row])


async def look(connection: Connection, row: DueRow, subscription: Subscription, now: datetime) -> tuple[list[Asked], str]:
    """What a due row asks for; nothing, with what has become of it in words, where that is known. The caller has locked its
    subscription."""
    if row.key == keys.export_expiry(subscription.id):
        return [], await _expire(connection, row, subscription, now)
    known = await _known(connection, subscription)
    asked = await _pending(connection, subscription, known)
    if not asked or await _decision(connection, row.key) is not None:
        return [], await _settle(connection, row, subscription, "", now)
    return [_again(call, known.get(call.adapter)) for call in asked], ""


async def keep(connection: Connection, system: str, request: ProvisionRequest, found: DataExport, now: datetime) -> ExportState:
    """What a system says of its export. `now` is real time, by which that expires: a customer on a test clock has it for as
    long by that."""
    order, item = keys.split_reference(request.reference) or (request.reference, "")
    stored = await subscriptions.get(connection, keys.subscription(order, item), lock=True)
    if stored.subscription.ended_at is None:  # it goes on after all
        return found.state
    shown = (await clocks.frozen(connection, [request.customer])).get(request.customer, now)
    expires = None if found.expires_at is None else shown + (found.expires_at - now)
    is_ready = found.state is ExportState.ready and found.address is not None and (expires is None or expires > shown)
    state = ExportState.failed if found.state is ExportState.ready and not is_ready else found.state
    row = {"service": request.reference, "system": system, "customer": request.customer, "state": state, "now": shown}
    row |= {"failures": int(state is ExportState.failed), "ready_at": shown if is_ready else None}
    row |= {"address": None, "expires_at": expires if is_ready else None}
    if is_ready and found.address is not None:
        row["address"] = found.address.get_secret_value()
    await connection.execute(_KEEP, row)
    return state


async def settle(connection: Connection, key: str, trouble: str) -> str:
    """All systems were asked, and `trouble` says which did not answer. It is done, or tried again later. In words."""
    row = await due_rows.get(connection, key)
    if row is None:
        return "done before"
    subscription = (await subscriptions.get(connection, row.subject, lock=True)).subscription
    return await _settle(connection, row, subscription, trouble, await clocks.business_now(connection, subscription.customer))


async def hear(connection: Connection, order: str, item: str) -> None:
    """A system has something to say about its export: it is asked now. NotFound where nothing is served."""
    subscription = (await subscriptions.get(connection, keys.subscription(order, item))).subscription
    await due_rows.hurry(connection, _key(subscription))


async def awaited(connection: Connection, subscription: Subscription) -> DueRow | None:
    """The row of an export that is not there yet."""
    return await due_rows.get(connection, _key(subscription))


async def forget(connection: Connection, subscription: Subscription) -> None:
    """The service is taken down, and nothing can be fetched any more."""
    key = keys.export_expiry(subscription.id)
    await due_rows.remove(connection, [key])
    await life_fallout.done(connection, key, datetime.now(UTC))
    await _forget(connection, subscription, [each.system for each in await _ready(connection, subscription)])


async def withdraw(connection: Connection, subscription: Subscription) -> None:
    """It goes on after all: nothing is given out of it, and another end begins anew."""
    rows = [_key(subscription), keys.export_expiry(subscription.id)]
    await due_rows.remove(connection, rows)
    for key in rows:
        await life_fallout.done(connection, key, datetime.now(UTC))
    await connection.execute(delete(service_exports).where(service_exports.c.service == subscription.service))


async def address(connection: Connection, message: str) -> str | None:
    """Where what a message tells of can be fetched; None once it is forgotten."""
    told, _, system = message.rpartition(":")
    subscription = (await subscriptions.get(connection, told.partition(":")[0])).subscription
    query = select(service_exports.c.address).where(
        service_exports.c.service == subscription.service, service_exports.c.system == system
    )
    return (await connection.execute(query)).scalar()


async def _asked(connection: Connection, subscription: Subscription) -> list[Asked]:
    service = await services.get(connection, subscription.service)
    return await at_partners.asked(connection, service, Verb.export, _key(subscription))


async def _known(connection: Connection, subscription: Subscription) -> dict[str, ServiceExport]:
    return {each.system: each for each in await of_service(connection, subscription.service)}


async def _pending(connection: Connection, subscription: Subscription, known: Mapping[str, ServiceExport]) -> list[Asked]:
    asked = await _asked(connection, subscription)
    return [call for call in asked if call.adapter not in known or known[call.adapter].state in PENDING]


def _again(call: Asked, known: ServiceExport | None) -> Asked:
    """One that failed is asked for anew, under a key of its own; what may be there is looked up first."""
    key = f"{call.key}:{known.failures + 1}" if known is not None and known.failures else call.key
    return call.model_copy(update={"key": key, "probe": True})


async def _decision(connection: Connection, key: str) -> Fallout | None:
    """By which an operator has done it by hand, or goes on without it."""
    return await life_fallout.decided(connection, key, {FalloutVerb.resolve, FalloutVerb.skip})


async def _settle(connection: Connection, row: DueRow, subscription: Subscription, trouble: str, now: datetime) -> str:
    known = await _known(connection, subscription)
    until = await _kept_until(connection, subscription, list(known.values()), now)
    await _tell(connection, subscription, until, now)
    pending = [call.adapter for call in await _pending(connection, subscription, known)]
    decision = await _decision(connection, row.key) if pending else None
    if pending and decision is None:
        return await _rest(connection, row, [known.get(system) for system in pending], pending, trouble, now)
    await _give_up(connection, subscription, pending, now)
    return await _finish(connection, subscription, until, decision, now)


async def _tell(connection: Connection, subscription: Subscription, until: datetime, now: datetime) -> None:
    """What a system has given out is told as soon as it is there, whatever becomes of the others'."""
    ready = await _ready(connection, subscription)
    for each in ready:
        last = min(until, each.expires_at or until)
        facts = MessageFacts(plan=subscription.plan_name, until=local_date(last, zone_of(subscription.timezone)))
        key = f"{subscription.id}:exported{subscription.once_more}:{each.system}"
        await messages.tell(connection, key, subscription.customer, MessageKind.exported, facts, now)
    if expiries := [each.expires_at for each in ready if each.expires_at is not None]:
        await due_rows.put(connection, [_expiry(subscription, min(expiries))])


async def _rest(
    connection: Connection,
    row: DueRow,
    known: Sequence[ServiceExport | None],
    systems: Sequence[str],
    trouble: str,
    now: datetime,
) -> str:
    """It is tried again, for ever; an operator sees why where something is wrong."""
    failed = [each.system for each in known if each is not None and each.state is ExportState.failed]
    began = min((each.asked_at for each in known if each is not None), default=now)
    if failed and not trouble:
        trouble = f"{', '.join(failed)} could not make it"
    wait = at_partners.LATER if trouble else min(max(now - began, SOONEST), at_partners.LATER)
    if not trouble and now - began >= AT_WORK:
        trouble = f"{', '.join(systems)} is at work on it since {began:%Y-%m-%d %H:%M} UTC"
    tries = int(row.payload.get("tries", "0")) + 1
    put_off = row.model_copy(update={"due_at": now + wait, "payload": row.payload | {"tries": str(tries)}})
    await due_rows.put(connection, [put_off])
    if trouble:
        await due_rows.failed(connection, row.key, trouble)
        await life_fallout.not_exported(connection, put_off, trouble, tries, datetime.now(UTC))
    said = trouble or f"{', '.join(systems)} is at work on it"
    return f"{said}; it is asked again at {now + wait:%Y-%m-%d %H:%M} UTC"


async def _give_up(connection: Connection, subscription: Subscription, systems: Sequence[str], now: datetime) -> None:
    for system in systems:
        row = {"service": subscription.service, "system": system, "customer": subscription.customer, "asked_at": now}
        made = insert(service_exports).values(**row, state=ExportState.given_up)
        again = made.on_conflict_do_update(index_elements=["service", "system"], set_={"state": ExportState.given_up})
        await connection.execute(again)


async def _finish(
    connection: Connection, subscription: Subscription, until: datetime, decision: Fallout | None, now: datetime
) -> str:
    key = _key(subscription)
    await due_rows.remove(connection, [key])
    await life_fallout.done(connection, key, datetime.now(UTC))
    if (row := await due_rows.get(connection, keys.termination(subscription.id))) is not None:
        await due_rows.put(connection, [row.model_copy(update={"due_at": until})])
    event = _event(subscription, await of_service(connection, subscription.service), until, decision, now)
    await subscriptions.append(connection, subscription.id, [event])
    return f"subscription {subscription.id}: {event.summary}"


async def _kept_until(
    connection: Connection, subscription: Subscription, made: Sequence[ServiceExport], now: datetime
) -> datetime:
    """When the service is taken down at the earliest: not before what came late could be fetched."""
    row = await due_rows.get(connection, keys.termination(subscription.id))
    kept = now if row is None else datetime.fromisoformat(row.payload["until"])
    retention = kept - (subscription.ended_at or kept)
    fetched = [each.ready_at + min(retention, TO_FETCH) for each in made if each.ready_at is not None]
    return max([kept, now, *fetched])


async def _expire(connection: Connection, row: DueRow, subscription: Subscription, now: datetime) -> str:
    """Forget what cannot be fetched any more."""
    await due_rows.remove(connection, [row.key])
    await life_fallout.done(connection, row.key, datetime.now(UTC))
    ready = await _ready(connection, subscription)
    gone = [each for each in ready if each.expires_at is not None and each.expires_at <= now]
    if later := [each.expires_at for each in ready if each.expires_at is not None and each not in gone]:
        await due_rows.put(connection, [_expiry(subscription, min(later))])
    if not gone:
        return "done before"
    await _forget(connection, subscription, [each.system for each in gone])
    words = f"what {_names(gone)} gave out cannot be fetched any more"
    key = f"service:export_expired{subscription.once_more}:{_names(gone)}"
    event = Event(key=key, type="service.export_expired", at=now, actor=WORKFLOW, summary=words)
    await subscriptions.append(connection, subscription.id, [event])
    return f"subscription {subscription.id}: {words}"


async def _ready(connection: Connection, subscription: Subscription) -> list[ServiceExport]:
    made = await of_service(connection, subscription.service)
    return [each for each in made if each.state is ExportState.ready]


async def _forget(connection: Connection, subscription: Subscription, systems: Sequence[str]) -> None:
    these = (service_exports.c.service == subscription.service, service_exports.c.system.in_(systems))
    await connection.execute(update(service_exports).where(*these).values(state=ExportState.forgotten, address=None))


def _key(subscription: Subscription) -> str:
    """Of what is due of this end, and of what is asked and decided for it: another one is on its own."""
    return keys.export(subscription.id) + subscription.once_more


def _expiry(subscription: Subscription, at: datetime) -> DueRow:
    key = keys.export_expiry(subscription.id)
    return DueRow(key=key, kind=Kind.export, subject=subscription.id, customer=subscription.customer, due_at=at)


def _event(
    subscription: Subscription, made: Sequence[ServiceExport], until: datetime, decision: Fallout | None, now: datetime
) -> Event:
    ready, unable, given_up = (
        [each for each in made if each.state is state]
        for state in (ExportState.ready, ExportState.unable, ExportState.given_up)
    )
    last = min([until, *(each.expires_at for each in ready if each.expires_at is not None)])
    words = (
        f"what is in it can be fetched until {last:%Y-%m-%d} (from {_names(ready)})" if ready else "nothing is given out of it"
    )
    if unable:
        words += f"; {_names(unable)} cannot do so"
    if given_up and decision is not None:
        how = (
            f"done by hand: {decision.evidence}" if decision.verb is FalloutVerb.resolve else f"gone without: {decision.reason}"
        )
        words += f"; {_names(given_up)}: {how}"
    kind = "service.exported" if ready else "service.not_exported"
    by = decision.by if decision is not None and decision.by is not None else WORKFLOW
    return Event(key=f"service:exported{subscription.once_more}", type=kind, at=now, actor=by, summary=words)


def _names(made: Sequence[ServiceExport]) -> str:
    return ", ".join(each.system for each in made)
