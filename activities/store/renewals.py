"""What falls due to a subscription: it begins, a period is to be billed, an invoice over it was paid or was not."""

from datetime import UTC, datetime

from pydantic import TypeAdapter
from sqlalchemy import text

from activities.store import (
    billables,
    catalogue,
    clocks,
    due_rows,
    dunning,
    dunning_cases,
    endings,
    invoices,
    life_policies,
    messages,
    reinstating,
    reminders,
    subscriptions,
    suspensions,
    throttles,
)
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from domain import keys
from domain.billing.gathering import Billable
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice
from domain.billing.lines import InvoiceLine
from domain.billing.zones import local_date, zone_of
from domain.errors import NotFound
from domain.facts import Event
from domain.messages import MessageFacts, MessageKind
from domain.orders import Order
from domain.states import SubscriptionState
from domain.subscriptions.facts import Opening, Subscription
from domain.subscriptions.opening import opened
from domain.subscriptions.policies import RenewalPolicy
from domain.subscriptions.renewal import DuePeriod, Renewal, line_of, renewed

WORKFLOW = "subscription"
"""Who is said to have done what its process does by itself."""


_OPENING = text("""
    SELECT one.state, one.item, one.document, orders.document AS "order",
           (SELECT now FROM customers JOIN test_clocks ON test_clocks.id = customers.clock
             WHERE customers.id = one.customer) AS shown,
           ARRAY(SELECT invoices.document -> 'lines' FROM invoices WHERE invoices.order_id = one.order_id
                  ORDER BY gathered_at, id) AS billed
      FROM subscriptions one JOIN orders ON orders.id = one.order_id
     WHERE one.id = :subscription FOR UPDATE OF one
""")
_LINES = TypeAdapter(list[InvoiceLine])


async def activate(connection: Connection, opening: Opening) -> SubscriptionState:
    """Take over a service that has gone live; one that was taken over is left as it is. Raises NotFound. Returns its state."""
    row = (await connection.execute(_OPENING, {"subscription": opening.subscription})).first()
    if row is None:
        raise NotFound("subscription", opening.subscription)
    if subscriptions.FACTS in row.document:
        return SubscriptionState(row.state)
    handed = row.document
    lines = [line for billed in row.billed for line in _LINES.validate_python(billed)]
    now = row.shown or datetime.now(UTC)
    activated_at = row.shown or opening.activated_at or datetime.fromisoformat(handed["activated_at"])
    begun = opened(Order.model_validate(row.order), row.item, lines, activated_at, handed.get("remote_id"))
    until = f", paid until {begun.paid_until:%Y-%m-%d}" if begun.paid_until else ""
    event = _event("started", "subscription.started", begun.started_at, f"{begun.plan_name} × {begun.quantity} began{until}")
    return await subscriptions.save(connection, begun, [event], now)


async def carry_out(connection: Connection, row: DueRow) -> str:
    """Do what is due to a subscription, all in this transaction. Returns what it is then, in words."""
    try:
        stored = await subscriptions.get(connection, row.subject, lock=True)
    except NotFound:  # of a release that only handed services over: it is taken over now, and goes on
        await activate(connection, Opening(subscription=row.subject))
        stored = await subscriptions.get(connection, row.subject, lock=True)
    now = await clocks.now_of(connection, row)
    match row.kind:
        case Kind.renewal:
            state = await _renew(connection, stored.subscription, now)
        case Kind.invoice:
            state = await _look_at_invoice(connection, stored.subscription, row, now)
        case Kind.end:
            state = await endings.end(connection, stored.subscription, now)
        case Kind.unused:
            return await endings.give_back(connection, stored.subscription, row, now)
        case Kind.dunning:
            return await dunning.carry_out(connection, row, now)
        case Kind.reminder:
            state = await reminders.remind(connection, stored.subscription, row, now)
        case Kind.restrict:
            state = await dunning.restrict(connection, stored.subscription, row, now)
        case _:
            raise ValueError(f"kind: {row.kind} is none that a subscription acts on")
    return f"subscription {row.subject} is {state.replace('_', ' ')}"


async def _renew(connection: Connection, subscription: Subscription, now: datetime) -> SubscriptionState:
    """Put what is due on the list of what is to be invoiced. Its row is moved to the next period in the same transaction."""
    policy = await life_policies.get(connection, RenewalPolicy)
    made = renewed(subscription, now, policy.missed_cycles, await catalogue.moving(connection, subscription))
    lines = [line_of(subscription, due) for due in made.charged]
    charged = [
        Billable(line=line, customer=subscription.customer, legal_entity=subscription.legal_entity, due_at=now)
        for line in lines
        if line.amount
    ]
    if charged:
        await billables.add(connection, charged)
    if free := [due.service.end for due, line in zip(made.charged, lines, strict=True) if not line.amount]:
        paid_until = max(filter(None, [subscription.paid_until, *free]))
        made = made.model_copy(update={"subscription": made.subscription.model_copy(update={"paid_until": paid_until})})
    events = [_billed(subscription, due, str(line.amount)) for due, line in zip(made.charged, lines, strict=True)]
    events += [_waived(subscription, due, now) for due in made.waived]
    if made.subscription.price.version != subscription.price.version:
        events.insert(0, _repriced(made, now))
    return await subscriptions.save(connection, made.subscription, events, now)


async def _look_at_invoice(connection: Connection, subscription: Subscription, row: DueRow, now: datetime) -> SubscriptionState:
    """What an invoice over it, as it is now, means to it. Whoever changes the invoice holds it before the row, and so do we."""
    invoice = row.payload["invoice"]
    found = (await invoices.get(connection, invoice, lock=True)).invoice
    await due_rows.remove(connection, [row.key])
    owed = [each for each in subscription.owed if each != invoice]
    is_overdue = found.state is InvoiceState.overdue and await dunning_cases.is_owed(connection, found)
    if is_overdue:
        owed.append(invoice)
    changes: dict[str, object] = {"owed": tuple(owed)}
    events = []
    if found.state is InvoiceState.paid and (ends := _ends(subscription, found)):
        changes["paid_until"] = max(filter(None, [subscription.paid_until, ends]))
        events.append(_renewed(found, ends, now))
        until = local_date(ends, zone_of(subscription.timezone))
        facts = MessageFacts(plan=subscription.plan_name, invoice=found.number or "", amount=found.gross, until=until)
        key = f"{subscription.id}:renewed:{invoice}"
        await messages.tell(connection, key, subscription.customer, MessageKind.renewed, facts, now)
    elif is_overdue and invoice not in subscription.owed:
        events.append(_overdue(found, now))
        await dunning_cases.open_for(connection, found, now)
    await dunning_cases.settle(connection, found, now)
    changed = subscription.model_copy(update=changes)
    state = await subscriptions.save(connection, changed, events, now)
    changed = await throttles.after_payment(connection, changed, now)
    if found.state is InvoiceState.paid and (again := await reinstating.after_payment(connection, changed, found, now)):
        return again
    return await suspensions.after_payment(connection, changed, invoice, now) or state


def _ends(subscription: Subscription, invoice: Invoice) -> datetime | None:
    """Up to when the invoice pays for it; None where it is over no period of it, or is its order's own or that of a change,
    which were paid before."""
    if invoice.id == keys.invoice(subscription.order) or invoice.id.startswith(keys.change(subscription.id, 0)[:-1]):
        return None
    ends = [line.period.end for line in invoice.lines if line.subscription == subscription.id and line.period]
    return max(ends, default=None)


def _billed(subscription: Subscription, due: DuePeriod, amount: str) -> Event:
    days = f"{due.service.start:%Y-%m-%d} to {due.service.end:%Y-%m-%d}"
    key = f"billed:{due.charge}:{due.number}"
    return _event(key, "subscription.billed", due.service.start, f"{amount} for {days} is to be invoiced")


def _repriced(made: Renewal, now: datetime) -> Event:
    price = made.subscription.price
    starts = [due.service.start for due in (*made.charged, *made.waived) if due.price and due.price.version == price.version]
    at = min(starts, default=now)
    summary = f"price version {price.version} holds from {at:%Y-%m-%d}, as its publisher decided"
    return _event(f"repriced:{price.id}:{price.version}", "subscription.price_changed", at, summary)


def _waived(subscription: Subscription, due: DuePeriod, now: datetime) -> Event:
    days = f"{due.service.start:%Y-%m-%d} to {due.service.end:%Y-%m-%d}"
    key = f"waived:{due.charge}:{due.number}"
    return _event(key, "subscription.waived", now, f"{days} was missed, and is not charged")


def _renewed(invoice: Invoice, until: datetime, now: datetime) -> Event:
    summary = f"renewed until {until:%Y-%m-%d}: invoice {invoice.number} over {invoice.gross} is paid"
    return _event(f"renewed:{invoice.id}", "subscription.renewed", now, summary)


def _overdue(invoice: Invoice, now: datetime) -> Event:
    summary = f"invoice {invoice.number} over {invoice.amount_due} was due on {invoice.due_date} and is not paid"
    return _event(f"overdue:{invoice.id}:{invoice.due_date}", "subscription.past_due", now, summary)


def _event(key: str, kind: str, at: datetime, summary: str) -> Event:
    return Event(key=key, type=kind, at=at, actor=WORKFLOW, summary=summary)
