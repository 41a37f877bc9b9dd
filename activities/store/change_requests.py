"""Changes as they are asked for: seen before, decided for later, taken back, and made once all they need is there."""

from datetime import datetime, timedelta

from activities.adapters.tax.engines import TaxEngines
from activities.store import (
    at_partners,
    clocks,
    collections,
    due_rows,
    life_messages,
    life_policies,
    ordered_changes,
    plan_changes,
    subscriptions,
)
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.issuing import Answers
from activities.store.life_messages import News
from activities.store.plan_changes import Means
from activities.store.subscriptions import StoredSubscription
from domain import keys
from domain.billing.invoices import Invoice
from domain.collection import Answered
from domain.errors import BadInput, Conflict, NotFound
from domain.facts import Event
from domain.messages import MessageKind
from domain.money import Money
from domain.provisioning import ProvisionRequest, Verb
from domain.states import SubscriptionState
from domain.subscriptions.changes import (
    Change,
    ChangeCommand,
    DropCommand,
    Target,
    refuse_too_dear,
    refuse_unchanged,
    scheduled,
    starts_at,
    without,
)
from domain.subscriptions.facts import ScheduledChange, Subscription
from domain.subscriptions.making import Call, Making, Paid, Plan
from domain.subscriptions.policies import ChangePolicy
from domain.values import digest_of

LATER = timedelta(hours=1)
"""How long what is due rests once a system has not done it in spite of all tries."""


async def preview(
    connection: Connection, engines: TaxEngines, answers: Answers, subscription: str, command: ChangeCommand
) -> Change:
    """What a change comes to, computed by what makes it. Raises Unasked, NotFound, BadInput, Conflict."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    now = await _as_of(connection, stored.subscription, command)
    target, at = await _asked(connection, stored, command, now)
    if at > now:
        return _later(stored.subscription, target, at)
    async with plan_changes.only_looked_at(connection):
        made = await plan_changes.make(connection, stored, target, Means(engines, answers, 0, at, now))
    return made.change


async def plan(
    connection: Connection, engines: TaxEngines, answers: Answers, subscription: str, command: ChangeCommand
) -> Plan:
    """What making it takes; one that is for later is written down, once, and one that an order asks for again is answered as
    before. Raises as `preview`, and Conflict where it comes to other than the preview showed."""
    number = await subscriptions.number_change(connection, subscription)
    stored = await subscriptions.get(connection, subscription, lock=True)
    if command.ordered and (known := await ordered_changes.made(connection, command.ordered.reference)):
        before = Change.model_validate(known)
        return Plan(subscription=subscription, change=before, at=before.at, made=True)
    now = await _as_of(connection, stored.subscription, command)
    target, at = await _asked(connection, stored, command, now)
    if at > now:
        change = _later(stored.subscription, target, at)
        _refuse_other(command, change)
        decided = await _schedule(connection, stored, command, change, now)
        await _tell_of(connection, stored.subscription, decided, target, now)
        return decided
    async with plan_changes.only_looked_at(connection):
        means = Means(engines, answers, number, at, now, command.by)
        made = await plan_changes.make(connection, stored, target, means)
        due = made.invoice is not None and made.invoice.amount_due.minor > 0
        payment = await collections.payment_for(connection, made.invoice.id, now) if due and made.invoice else None
    _refuse_other(command, made.change)
    await subscriptions.begin_change(connection, subscription)
    return Plan(
        subscription=subscription,
        change=made.change.model_copy(update={"number": number}),
        at=at,
        version=stored.version,
        payment=payment,
        calls=await calls_of(connection, stored.subscription, target, keys.change(subscription, number)),
    )


async def make(connection: Connection, engines: TaxEngines, answers: Answers, making: Making, gateway: str) -> Change:
    """Make it, with the payment that was taken for it. Again changes nothing. Raises Unasked; Conflict where it cannot be made
    any more: what was done for it is then to be undone."""
    plan, command = making.plan, making.command
    change = plan.change
    if change is None:
        raise ValueError("plan: is of no change")
    stored = await subscriptions.get(connection, plan.subscription, lock=True)
    if await subscriptions.has_happened(connection, plan.subscription, f"changed:{change.number}"):
        return change
    if stored.version != plan.version:
        raise Conflict(f"subscription {plan.subscription} was changed meanwhile; look at it again")
    ordered = command.ordered
    agreed = ordered.price if ordered else None
    target = await plan_changes.target_of(connection, stored.subscription, command.plan, command.quantity, plan.at, agreed)
    reference = ordered.reference if ordered else ""
    means = Means(engines, answers, change.number, plan.at, plan.at, command.by, command.words, reference)
    made = await plan_changes.make(connection, stored, target, means)
    _refuse_less(plan.subscription, made.invoice, making.paid)
    if made.invoice is not None and making.paid is not None:
        request, result = making.paid.request, making.paid.result
        answered = Answered(invoice=made.invoice.id, key=request.key, result=result, at=plan.at)
        await collections.book_taken(connection, request, answered, gateway)
    if made.invoice is not None:
        await collections.ask_for_rest(connection, made.invoice.id)
    numbered = made.change.model_copy(update={"number": change.number})
    if ordered is not None:
        await ordered_changes.keep(connection, ordered.reference, plan.subscription, numbered)
    return numbered


def _refuse_less(subscription: str, invoice: Invoice | None, paid: Paid | None) -> None:
    """What it would give back may have been paid, or credit been granted, since the money was held: no more is taken than it
    comes to."""
    if paid is None:
        return
    taken = paid.result.captured or paid.request.amount
    due = invoice.amount_due if invoice is not None else Money.zero(taken.currency)
    if due < taken:
        raise Conflict(
            f"the change of subscription {subscription} comes to {due} by now, and {taken} were held for it; ask again"
        )


async def drop(connection: Connection, subscription: str, command: DropCommand) -> str:
    """Not make a change that is decided. Raises NotFound where there is none of this number, also once it was made."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    found = next((each for each in stored.subscription.changes if each.number == command.number), None)
    if found is None:
        raise NotFound("scheduled change", f"{command.number} of subscription {subscription}")
    now = await clocks.business_now(connection, stored.subscription.customer)
    await _dropped(connection, stored.subscription, found, command.by, "is not made after all", now)
    return f"change {command.number} of subscription {subscription} is not made"


async def due(connection: Connection, stored: StoredSubscription, row: DueRow) -> Plan:
    """What a change that was decided takes now, once it was found to be possible still; else it is dropped, and says why."""
    subscription, number = stored.subscription, int(row.payload["number"])
    change = _scheduled(subscription, number)
    now = await clocks.business_now(connection, subscription.customer)
    if change is None or subscription.ended_at is not None:
        await due_rows.remove(connection, [row.key])
        return Plan(subscription=subscription.id, at=now, made=True, words=f"change {number} is not to be made any more")
    if subscription.paused_since is not None:
        await due_rows.remove(connection, [row.key])
        return Plan(subscription=subscription.id, at=now, made=True, words=f"change {number} waits until it is resumed")
    try:
        plan_changes.refuse_fixed(stored)
        target = await plan_changes.target_of(connection, subscription, change.plan, change.quantity, change.at)
        refuse_unchanged(subscription, target)
    except (BadInput, Conflict) as error:
        await _dropped(connection, subscription, change, "subscription", f"is not made: {error}", now)
        news = News(key=f"change:{number}:refused", kind=MessageKind.change_refused, at=now)
        await life_messages.tell(connection, subscription, news, now)
        return Plan(subscription=subscription.id, at=now, made=True, words=f"change {number} is not made: {error}")
    calls = await calls_of(connection, subscription, target, f"{row.key}:{row.due_at:%Y%m%d%H%M%S}")
    return Plan(subscription=subscription.id, at=row.due_at, version=stored.version, calls=calls)


async def make_due(
    connection: Connection, engines: TaxEngines, answers: Answers, stored: StoredSubscription, row: DueRow
) -> SubscriptionState:
    """Make a change that was decided: from its date on, charged with the next invoice."""
    subscription, number = stored.subscription, int(row.payload["number"])
    await due_rows.remove(connection, [row.key])
    change = _scheduled(subscription, number)
    if change is None:
        return stored.state
    now = await clocks.business_now(connection, subscription.customer)
    target = await plan_changes.target_of(connection, subscription, change.plan, change.quantity, change.at)
    means = Means(engines, answers, number, row.due_at, now, change.by, change.words, change.reference, at_once=False)
    await plan_changes.make(connection, stored, target, means)
    return (await subscriptions.get(connection, subscription.id)).state


async def calls_of(connection: Connection, subscription: Subscription, target: Target, key: str) -> tuple[Call, ...]:
    """What is asked of each system that built a part of the service, the first first, and what would take it back."""
    item = await plan_changes.item_of(connection, subscription)
    now_is = await plan_changes.target_of(connection, subscription, None, None, subscription.started_at)
    new = at_partners.request(subscription, item, Verb.change, key)
    old = new.model_copy(update={"key": f"{key}:undo"})
    return tuple(
        Call(adapter=adapter, do=_as(new, target, adapter), undo=_as(old, now_is, adapter))
        for adapter in at_partners.builders(item.plan)
    )


def _as(request: ProvisionRequest, target: Target, adapter: str) -> ProvisionRequest:
    plan = {"product": target.plan.product, "plan": target.plan.id, "entitlements": target.plan.entitlements}
    return request.model_copy(update={**plan, "quantity": target.quantity, "key": f"{request.key}:{adapter}"})


async def _asked(
    connection: Connection, stored: StoredSubscription, command: ChangeCommand, now: datetime
) -> tuple[Target, datetime]:
    """What it is to be, and when."""
    subscription = stored.subscription
    if command.version is not None and command.version != stored.version:
        raise Conflict(f"subscription {subscription.id} is at version {stored.version}; look at it again")
    plan_changes.refuse_fixed(stored)
    if command.plan is None and command.quantity is None:
        raise BadInput("plan", "is missing; give a plan, a quantity, or both")
    agreed = command.ordered.price if command.ordered else None
    if command.ordered is not None:
        command.ordered.refuse_another(subscription)
    target = await plan_changes.target_of(connection, subscription, command.plan, command.quantity, now, agreed)
    refuse_unchanged(subscription, target)
    refuse_too_dear(subscription, target)
    at = starts_at(subscription, target, command, now, await life_policies.get(connection, ChangePolicy))
    return target, at


async def _as_of(connection: Connection, subscription: Subscription, command: ChangeCommand) -> datetime:
    """The instant of the preview, where there was one; what its test clock shows, where the customer has one."""
    frozen = (await clocks.frozen(connection, [subscription.customer])).get(subscription.customer)
    return frozen or command.as_of or await clocks.business_now(connection, subscription.customer)


def _refuse_other(command: ChangeCommand, change: Change) -> None:
    if command.shown is not None and digest_of(change) != command.shown:
        raise Conflict("what the change comes to is other than the preview showed; preview again")


def _later(subscription: Subscription, target: Target, at: datetime) -> Change:
    nothing = Money.zero(subscription.currency)
    return Change(
        subscription=subscription.id,
        at=at,
        plan=target.plan.id,
        quantity=target.quantity,
        total=nothing,
        due=nothing,
        taken_off=nothing,
    )


async def _schedule(
    connection: Connection, stored: StoredSubscription, command: ChangeCommand, change: Change, now: datetime
) -> Plan:
    """The same again is the same change."""
    subscription = stored.subscription
    same = [each for each in subscription.changes if (each.at, each.plan, each.quantity) == _wanted(command, change)]
    number = same[0].number if same else subscription.change_count
    if command.ordered is not None:
        kept = change.model_copy(update={"number": number})
        await ordered_changes.keep(connection, command.ordered.reference, subscription.id, kept)
    if same:
        return _decided(change, number, now)
    after = scheduled(subscription, number, command, change.at)
    event = Event(
        key=f"change:{number}:decided",
        type="subscription.change_decided",
        at=now,
        actor=command.by,
        summary=f"is to be {change.plan} × {change.quantity} from {change.at:%Y-%m-%d %H:%M} UTC on",
        data=command.ordered.as_facts if command.ordered else {},
    )
    await subscriptions.save(connection, after, [event], now)
    await due_rows.put(connection, [_row(after, number, change.at)])
    return _decided(change, number, now)


async def _tell_of(connection: Connection, subscription: Subscription, decided: Plan, target: Target, now: datetime) -> None:
    if decided.change is None:
        return
    news = News(
        key=f"change:{decided.change.number}:scheduled",
        kind=MessageKind.change_scheduled,
        at=decided.change.at,
        plan=target.plan.name,
        quantity=target.quantity,
    )
    await life_messages.tell(connection, subscription, news, now)


def _wanted(command: ChangeCommand, change: Change) -> tuple[datetime, str | None, int | None]:
    return change.at, command.plan, command.quantity


def _decided(change: Change, number: int, now: datetime) -> Plan:
    words = f"subscription {change.subscription} is to be changed on {change.at:%Y-%m-%d %H:%M} UTC"
    decided = change.model_copy(update={"number": number})
    return Plan(subscription=change.subscription, change=decided, at=now, made=True, words=words)


async def _dropped(
    connection: Connection, subscription: Subscription, change: ScheduledChange, by: str, words: str, now: datetime
) -> None:
    key = keys.change(subscription.id, change.number)
    await due_rows.remove(connection, [key])
    event = Event(
        key=f"change:{change.number}:dropped",
        type="subscription.change_dropped",
        at=now,
        actor=by,
        summary=f"the change of {change.at:%Y-%m-%d} {words}",
    )
    await subscriptions.save(connection, without(subscription, change.number), [event], now)


def _scheduled(subscription: Subscription, number: int) -> ScheduledChange | None:
    return next((each for each in subscription.changes if each.number == number), None)


def _row(subscription: Subscription, number: int, at: datetime) -> DueRow:
    return DueRow(
        key=keys.change(subscription.id, number),
        kind=Kind.change,
        subject=subscription.id,
        customer=subscription.customer,
        due_at=at,
        payload={"number": str(number)},
    )
