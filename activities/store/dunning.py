"""Carrying out dunning: one step of a case at a time, each in the transaction that puts the next one on the list."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from activities.store import (
    charge_stops,
    collections,
    due_rows,
    dunning_cases,
    endings,
    invoices,
    messages,
    payment_methods,
    subscriptions,
    suspensions,
    throttles,
)
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.invoices import StoredInvoice
from activities.store.tables.customers import customers
from activities.store.tables.customers import payment_methods as method_table
from activities.store.tables.payments import collections as collection_table
from activities.store.throttles import THROTTLE
from domain.billing.invoice_states import OPEN
from domain.billing.zones import local_date
from domain.collection import CollectionRequest, CollectionState
from domain.dunning import CAP_WINDOW, AtEnd, CaseState, DunningCase, Step, Track, capped
from domain.facts import Event
from domain.payment_methods import is_stored
from domain.states import SubscriptionState
from domain.subscriptions.facts import Ending, EndReason, Subscription
from domain.subscriptions.suspension import NON_PAYMENT

WORKFLOW = "dunning"
SUSPEND = "suspend"


async def carry_out(connection: Connection, row: DueRow, now: datetime) -> str:
    """Do the next step of the case, what stands in its way looked at first. What came of it, in words."""
    stored = await invoices.get(connection, row.payload["invoice"], lock=True)
    invoice, case = stored.invoice, await dunning_cases.get(connection, stored.invoice.id)
    step = None if case is None else case.next_step
    if case is None or step is None or row.due_at > now:
        return f"invoice {invoice.number}: nothing is to be done now"
    zone = await dunning_cases.zone(connection, invoice)
    if invoice.state not in OPEN or case.policy.is_trifle(invoice.amount_due, invoice.gross):
        await dunning_cases.settle(connection, invoice, now)
        return f"invoice {invoice.number} is {invoice.state}, and due {invoice.amount_due}"
    if why := await _resting(connection, case, step):
        return await _rest(connection, row, case.resting(step, local_date(now, zone), why), now)
    await due_rows.remove(connection, [row.key])
    served = await dunning_cases.serving(connection, invoice)
    if not served:
        await dunning_cases.close(connection, case.model_copy(update={"state": CaseState.stopped}), invoice, now)
        return f"invoice {invoice.number}: what it is for has ended"
    case = case.on_time(step, now, zone).model_copy(update={"waits_for": ""})
    case, words = await _do(connection, stored, case, step, served, now)
    done = case.model_copy(update={"done": case.done + 1})
    if done.next_step is None:
        await dunning_cases.close(connection, done.model_copy(update={"state": CaseState.exhausted}), invoice, now)
    else:
        await dunning_cases.save(connection, done, zone)
    event = Event(
        key=f"dunning:{invoice.id}:{case.opening}:{case.done}",
        type=f"dunning.{step.track}",
        at=now,
        actor=WORKFLOW,
        summary=f"invoice {invoice.number}, day {step.day}: {words}",
    )
    await subscriptions.append(connection, row.subject, [event])
    return event.summary


async def _resting(connection: Connection, case: DunningCase, step: Step) -> str:
    """What keeps the step from being done today; empty where nothing does."""
    if stop := await charge_stops.stopped(connection, case.customer):
        return f"its customer is not charged now: {stop}"
    under_way = await collections.open_of(connection, case.invoice) if case.waits_for_payments(step) else None
    return f"payment {under_way.key} is under way" if under_way else ""


async def _rest(connection: Connection, row: DueRow, case: DunningCase, now: datetime) -> str:
    """Its row is moved, and says why; so does an event, once for what it waits for."""
    invoice = (await invoices.get(connection, case.invoice)).invoice
    words = f"invoice {invoice.number}: dunning waits, since {case.waits_for}"
    await dunning_cases.save(connection, case, await dunning_cases.zone(connection, invoice))
    await due_rows.failed(connection, row.key, words)
    key = f"dunning:{case.invoice}:{case.opening}:{case.done}:{case.waits_for}"
    event = Event(key=key[:200], type="dunning.waits", at=now, actor=WORKFLOW, summary=words)
    await subscriptions.append(connection, case.subscription, [event])
    return words


async def _do(
    connection: Connection, stored: StoredInvoice, case: DunningCase, step: Step, served: list[str], now: datetime
) -> tuple[DunningCase, str]:
    match step.track:
        case Track.charge:
            return await _charge(connection, stored, case, now)
        case Track.tell:
            return case, await _tell(connection, stored, case, step, now)
        case Track.throttle:
            await _restrict(connection, case, served, THROTTLE, now)
            return case, f"{', '.join(served)} slowed down"
        case Track.restrict:
            await _restrict(connection, case, served, SUSPEND, now)
            return case, f"{', '.join(served)} suspended"
        case Track.end:
            await _restrict(connection, case, served, case.policy.at_end, now)
            return case, f"the last day: {case.policy.at_end.replace('_', ' ')}"


async def _charge(connection: Connection, stored: StoredInvoice, case: DunningCase, now: datetime) -> tuple[DunningCase, str]:
    if why := await _uncharged(connection, stored, case, now):
        return case, f"not charged: {why}"
    after = await collections.count(connection, case.invoice)
    asked = CollectionRequest(invoice=case.invoice, customer=case.customer, reason="dunning", after=after)
    await collections.ask(connection, [asked], f"dunning:{case.opening}:{case.done}", now)
    return case.model_copy(update={"attempts_left": case.attempts_left - 1}), f"{stored.invoice.amount_due} asked for again"


async def _uncharged(connection: Connection, stored: StoredInvoice, case: DunningCase, now: datetime) -> str:
    """Why it is not charged by itself now; empty where it is."""
    if case.attempts_left < 1:
        return "the attempts that the policy allows are used up"
    if await collections.open_of(connection, case.invoice) is not None:
        return "a payment is under way"
    method = await collections.charged_with(connection, stored)
    if method is None:
        return "there is nothing on file that can be charged"
    if method in case.refusing:
        return "what is on file was declined for good, and is not tried again"
    kept = await payment_methods.find(connection, method) if is_stored(method) else None
    if capped(kept.facts.brand if kept else None, await declines(connection, case.customer, method, now)):
        return "the card was declined as often in 30 days as its network allows"
    return await collections.too_soon(connection, case.invoice, method, now)


async def declines(connection: Connection, customer: str, method: str, now: datetime) -> int:
    """How often payments with this card, whatever its tokens, were declined within the window: by the clock of its customer,
    since what others do on theirs is no decline to the network."""
    fingerprint = method_table.c.facts["fingerprint"].astext
    own = select(fingerprint).where(method_table.c.id == method).scalar_subquery()
    same = select(method_table.c.id).where(fingerprint == own)
    clock = select(customers.c.clock).where(customers.c.id == customer).scalar_subquery()
    payer = customers.alias()
    query = select(func.count()).join_from(collection_table, payer, payer.c.id == collection_table.c.customer)
    query = query.where(
        payer.c.clock.is_not_distinct_from(clock),
        (collection_table.c.method == method) | collection_table.c.method.in_(same),
        collection_table.c.state == CollectionState.declined,
        collection_table.c.begun_at > now - CAP_WINDOW,
    )
    return int((await connection.execute(query)).scalar_one())


async def _tell(connection: Connection, stored: StoredInvoice, case: DunningCase, step: Step, now: datetime) -> str:
    if step.text is None:
        return "nothing to tell"
    key = f"{case.invoice}:dunning:{case.opening}:{case.done}"
    await messages.tell(connection, key, case.customer, step.text, dunning_cases.facts_of(stored.invoice, case), now)
    return f"{step.text.replace('_', ' ')} sent"


async def _restrict(connection: Connection, case: DunningCase, served: list[str], action: str, now: datetime) -> None:
    """Each subscription by its own process."""
    rows = [
        DueRow(
            key=f"{each}:restrict:{case.invoice}:{case.opening}:{action}",
            kind=Kind.restrict,
            subject=each,
            customer=case.customer,
            due_at=now,
            payload={"invoice": case.invoice, "action": action},
        )
        for each in served
    ]
    await due_rows.put(connection, rows)


async def restrict(connection: Connection, subscription: Subscription, row: DueRow, now: datetime) -> SubscriptionState:
    """What dunning has come to for one subscription; nothing where the invoice was paid meanwhile. The caller has locked its
    row."""
    invoice = (await invoices.get(connection, row.payload["invoice"], lock=True)).invoice
    await due_rows.remove(connection, [row.key])
    case = await dunning_cases.get(connection, invoice.id)
    if case is None or not await dunning_cases.is_owed(connection, invoice) or subscription.ended_at is not None:
        return subscription.state(now)
    if await collections.open_of(connection, invoice.id) is not None:  # asked for between the step and now
        await due_rows.put(connection, [row.model_copy(update={"due_at": now + timedelta(days=1)})])
        return subscription.state(now)
    facts = dunning_cases.facts_of(invoice, case, subscription.plan_name)
    match row.payload["action"]:
        case "throttle":
            return await throttles.for_want_of_payment(connection, subscription, invoice.id, case.opening, facts, now)
        case "suspend":
            facts = facts.model_copy(update={"on": local_date(now, await dunning_cases.zone(connection, invoice))})
            return await suspensions.for_want_of_payment(connection, subscription, invoice.id, case.opening, facts, now)
        case AtEnd.cancel:
            words = f"invoice {invoice.number} was not paid"
            ending = Ending(at=now, reason=EndReason.unpaid, by=WORKFLOW, words=words)
            return await endings.end(connection, subscription.model_copy(update={"ending": ending}), now)
        case AtEnd.keep if NON_PAYMENT in subscription.suspended_for or subscription.throttled_for:
            quick = await throttles.lift(connection, subscription, now)
            if NON_PAYMENT not in quick.suspended_for:
                return quick.state(now)
            return await suspensions.lift(connection, quick, NON_PAYMENT, f"{invoice.id}:kept", WORKFLOW, now)
        case _:
            return subscription.state(now)
