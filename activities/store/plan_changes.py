"""A subscription becomes another: what that comes to, and making it, by the same code. What is only seen is rolled back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from activities.adapters.tax.engines import TaxEngines
from activities.store import (
    access_blocks,
    at_partners,
    billables,
    capacity,
    catalogue,
    corrections,
    endings,
    entitlements,
    entry,
    invoices,
    invoicing,
    life_messages,
    life_policies,
    orders,
    services,
    subscription_lines,
    subscriptions,
)
from activities.store.database import Connection
from activities.store.issuing import Answers
from activities.store.life_messages import News
from activities.store.order_facts import ENTITLEMENTS
from activities.store.subscription_lines import BilledLine
from activities.store.subscriptions import StoredSubscription
from activities.store.unused import of_line
from domain import keys
from domain.billing.corrections import CreditCommand
from domain.billing.credit_notes import CreditReason, LineCredit
from domain.billing.gathering import Billable, Gathered, Group
from domain.billing.invoices import Invoice
from domain.billing.lines import InvoiceLine
from domain.billing.proration import Basis
from domain.billing.tax.reversal import Basis as TaxBasis
from domain.catalogue import Catalogue, Plan, Price
from domain.entry import excluded_by, excluder_of
from domain.errors import BadInput, Conflict
from domain.facts import Event
from domain.messages import MessageKind
from domain.money import Money, total
from domain.orders import OrderItem
from domain.subscriptions.add_ons import add_ons, dropped
from domain.subscriptions.changes import Change, ChangedLine, Target, credit_line, moved, unused
from domain.subscriptions.commands import facts_of
from domain.subscriptions.facts import Subscription
from domain.subscriptions.policies import RenewalPolicy


@dataclass(frozen=True)
class Means:
    """What invoices are issued with, and the change that is made: by whom, and from when on."""

    engines: TaxEngines
    answers: Answers
    number: int
    at: datetime
    now: datetime
    by: str = ""
    words: str = ""
    reference: str = ""
    at_once: bool = True
    """Its lines are an invoice of their own, else they wait for the next one."""


@dataclass(frozen=True)
class Made:
    """`invoice` is None where there is nothing to be invoiced at once."""

    change: Change
    invoice: Invoice | None = None


@dataclass
class _GivenBack:
    lines: list[InvoiceLine] = field(default_factory=list)
    of: list[str] = field(default_factory=list)
    taken_off: list[Money] = field(default_factory=list)


@asynccontextmanager
async def only_looked_at(connection: Connection) -> AsyncIterator[None]:
    """Nothing that is written within the block stays."""
    point = await connection.begin_nested()
    try:
        yield
    finally:
        if point.is_active:
            await point.rollback()


def refuse_fixed(stored: StoredSubscription) -> None:
    """Conflict for one that cannot be changed now."""
    subscription = stored.subscription
    if subscription.ended_at is not None:
        raise Conflict(f"subscription {subscription.id} ended on {subscription.ended_at:%Y-%m-%d}")
    if subscription.paused_since is not None:
        raise Conflict(f"subscription {subscription.id} is paused; resume it first")
    if subscription.suspended_for:
        raise Conflict(f"subscription {subscription.id} is suspended ({', '.join(subscription.suspended_for)})")
    if subscription.ending is not None:
        raise Conflict(f"subscription {subscription.id} is to end on {subscription.ending.at:%Y-%m-%d}; uncancel it first")


async def target_of(
    connection: Connection,
    subscription: Subscription,
    plan: str | None,
    quantity: int | None,
    at: datetime,
    agreed: Price | None = None,
) -> Target:
    """BadInput for a plan that is not sold, or that other systems build: that one is ordered. A plan that stays keeps the price
    that it was ordered with; another one has the price that was `agreed` when it was ordered, where it was, else that of `at`.
    """
    offered = await catalogue.load(connection)
    wanted, units = plan or subscription.plan, quantity or subscription.quantity
    found = offered.plans.get(wanted)
    if found is None:
        raise BadInput("plan", f"there is no plan {wanted!r}; GET /v1/plans lists them")
    if wanted == subscription.plan:
        return Target(plan=found, price=subscription.price, quantity=units)
    if agreed is not None and agreed.plan == wanted:
        await _refuse_unfit(connection, subscription, found, offered)
        return Target(plan=found, price=agreed, quantity=units)
    price = offered.price_of(wanted, subscription.currency, at)
    if price is None or not offered.products[found.product].orderable:
        raise BadInput(
            "plan", f"{wanted} is not sold in {subscription.currency}; GET /v1/prices?plan={wanted} lists its prices"
        )
    await _refuse_unfit(connection, subscription, found, offered)
    return Target(plan=found, price=price, quantity=units)


async def _refuse_unfit(connection: Connection, subscription: Subscription, plan: Plan, offered: Catalogue) -> None:
    item = await item_of(connection, subscription)
    if at_partners.builders(plan) != at_partners.builders(item.plan):
        raise BadInput("plan", f"{plan.id} is built by other systems than {subscription.plan}; order it, and cancel this one")
    product = offered.products[plan.product]
    around = await entry.circumstances(connection, subscription.customer, subscription.order)
    had = await _had_beside(connection, subscription)
    if product.countries and around.customer.country not in product.countries:
        raise BadInput("plan", f"{product.id} is not sold in {around.customer.country}")
    going = {had[name] for name in add_ons(subscription.product, had, offered)}
    others = around.active_products - {subscription.product, product.id} - going
    if missing := [need for need in product.requires if need not in others]:
        raise BadInput("plan", f"{product.id} requires {missing[0]}")
    if clash := excluded_by(product, others) or excluder_of(product, offered, others):
        raise BadInput("plan", f"{product.id} cannot be had together with {clash}")


async def _had_beside(connection: Connection, subscription: Subscription) -> dict[str, str]:
    """The customer's other subscriptions that go on, and their products."""
    found = await subscriptions.going_on(connection, subscription.customer)
    return {name: product for name, product in found.items() if name != subscription.id}


async def _drop_add_ons(connection: Connection, old: Subscription, target: Target, means: Means) -> tuple[str, ...]:
    if target.plan.product == old.product:
        return ()
    offered = await catalogue.load(connection)
    had = await _had_beside(connection, old)
    gone = dropped(old.product, offered.products[target.plan.product], had, offered)
    words = f"does not go with {target.plan.product}"
    for name in gone:
        await endings.end_with(connection, name, means.at, means.by or "subscription", words, means.now)
    return tuple(gone)


async def item_of(connection: Connection, subscription: Subscription) -> OrderItem:
    """As it was ordered."""
    order = (await orders.get(connection, subscription.order)).order
    item = order.item(subscription.item) if order else None
    if item is None:
        raise Conflict(f"subscription {subscription.id}: its order is not known any more, so it cannot be changed")
    return item


async def make(connection: Connection, stored: StoredSubscription, target: Target, means: Means) -> Made:
    """The subscription as it is from the change on, with its invoice, all in this transaction; its row is locked. Raises
    Unasked, and Conflict where it cannot be made."""
    old = stored.subscription
    policy = await life_policies.get(connection, RenewalPolicy)
    shortened = old.price.proration.by is not Basis.none
    begun = await endings.without_what_follows(connection, old, means.at, shortened=shortened)
    back = await _give_back(connection, begun, means)
    later = await catalogue.moving(connection, old) if target.plan.id == old.plan else []
    made = moved(begun, target, means.at, policy.missed_cycles, later)
    lines = (*back.lines, *made.lines)
    invoice = await _charge(connection, made.subscription, lines, means)
    changes = tuple(each for each in old.changes if each.number != means.number)
    fresh = made.subscription.model_copy(update={"given_back": tuple(back.of), "changes": changes})
    if invoice is not None:
        fresh = fresh.model_copy(update={"paid_until": max((each.until for each in fresh.progress), default=None)})
    await _carry_to_service(connection, fresh, target, means)
    gone = await _drop_add_ons(connection, old, target, means)
    change = _change(fresh, lines, invoice, back, means).model_copy(update={"dropped": gone})
    await subscriptions.save(connection, fresh, [_event(old, change, means)], means.now)
    news = News(key=f"changed:{means.number}", kind=MessageKind.changed, at=means.at)
    await life_messages.tell(connection, fresh, news, means.now)
    return Made(change=change, invoice=invoice)


async def _give_back(connection: Connection, subscription: Subscription, means: Means) -> _GivenBack:
    """What was billed beyond the change and not given back yet: what was paid of it as lines, the rest is taken off what is due
    of its invoice. Nothing is given back twice: a line is so once, and for all that is left of it."""
    back = _GivenBack()
    for each in await subscription_lines.beyond(connection, subscription.id, means.at):
        if each.line.id in subscription.given_back:
            back.of.append(each.line.id)
        elif each.invoice is not None and each.is_issued:
            await _give_line_back(connection, subscription, each, means, back)
    return back


async def _give_line_back(
    connection: Connection, subscription: Subscription, billed: BilledLine, means: Means, back: _GivenBack
) -> None:
    invoice = (await invoices.get(connection, str(billed.invoice), lock=True)).invoice
    credit = await of_line(connection, subscription, invoice, billed.line.id, means.at, unused)
    if credit is None:
        return
    back.of.append(billed.line.id)
    if line := credit_line(billed.line, invoice.id, credit):
        back.lines.append(line)
    if credit.unpaid:
        back.taken_off.append(credit.unpaid)
        command = CreditCommand(
            reason=CreditReason.change,
            memo=f"{subscription.plan_name}: changed on {means.at:%Y-%m-%d}",
            lines=(LineCredit(line=billed.line.id, amount=credit.unpaid),),
            basis=TaxBasis.gross,
            by=means.by or "subscription",
            key=f"{billed.line.id}:unused",
        )
        await corrections.credit(connection, invoice.id, command, means.now)


async def _charge(
    connection: Connection, subscription: Subscription, lines: tuple[InvoiceLine, ...], means: Means
) -> Invoice | None:
    if not lines:
        return None
    if not means.at_once:
        entity = subscription.legal_entity
        later = [Billable(line=line, customer=subscription.customer, legal_entity=entity, due_at=means.now) for line in lines]
        await billables.add(connection, later)
        return None
    group = Group(
        customer=subscription.customer,
        legal_entity=subscription.legal_entity,
        currency=subscription.currency,
        subscription=subscription.id,
    )
    today = await invoicing.today_of(connection, subscription.legal_entity, means.now)
    gathered = Gathered(
        id=keys.change(subscription.id, means.number),
        group=group,
        issue_date=today,
        gathered_at=means.now,
        lines=lines,
    )
    return await invoicing.issue_at_once(connection, means.engines, gathered, means.answers, means.now)


async def _carry_to_service(connection: Connection, subscription: Subscription, target: Target, means: Means) -> None:
    """What is ours of the service: its record, its units of a limited product, and what it entitles to."""
    item = await item_of(connection, subscription)
    offered = await catalogue.load(connection)
    product = offered.products[target.plan.product]
    now_is = item.model_copy(update={"product": product, "plan": target.plan, "quantity": target.quantity})
    await capacity.change(connection, subscription.order, now_is, means.now)
    await services.change(connection, subscription.service, product.id, target.plan.id, target.quantity)
    if not any(step.adapter == ENTITLEMENTS for step in target.plan.steps):
        return
    source, units = subscription.service, str(target.quantity)
    features = {name: units if value == "quantity" else value for name, value in target.plan.entitlements.items()}
    await access_blocks.hold(connection, [source])
    await entitlements.grant(connection, source, subscription.customer, features, means.now)
    await entitlements.revoke_but(connection, source, list(features), means.now)


def _change(
    subscription: Subscription, lines: tuple[InvoiceLine, ...], invoice: Invoice | None, back: _GivenBack, means: Means
) -> Change:
    nothing = Money.zero(subscription.currency)
    shown = tuple(
        ChangedLine(description=line.description, start=line.period.start, end=line.period.end, amount=line.amount)
        for line in lines
        if line.period is not None
    )
    return Change(
        subscription=subscription.id,
        at=means.at,
        plan=subscription.plan,
        quantity=subscription.quantity,
        lines=shown,
        total=invoice.gross if invoice else nothing,
        due=invoice.amount_due if invoice else nothing,
        taken_off=total(back.taken_off, subscription.currency),
    )


def _event(old: Subscription, change: Change, means: Means) -> Event:
    before = f"{old.plan} × {old.quantity}"
    words = f" ({means.words})" if means.words else ""
    summary = f"{change.plan} × {change.quantity} instead of {before}; {change.total} for it at once{words}"
    if not means.at_once:
        summary = f"{change.plan} × {change.quantity} instead of {before}{words}"
    return Event(
        key=f"changed:{means.number}",
        type="subscription.changed",
        at=means.at,
        actor=means.by or "subscription",
        summary=summary,
        data=facts_of(means.reference),
    )
