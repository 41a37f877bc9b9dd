"""What a subscription becomes when it is changed, what that costs, and what of it is given back: computed for one instant, so
that what was billed at the old price ends where the new one begins."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from domain.billing.debits import Debit, PeriodCredit, credit_for
from domain.billing.grid import Interval
from domain.billing.lines import BilledOn, InvoiceLine
from domain.billing.proration import Basis, Cut, Part, Proration
from domain.billing.rates import rate
from domain.catalogue import Plan, Price, RecurringCharge
from domain.errors import BadInput, Conflict
from domain.money import Money, total
from domain.plans import Identifier
from domain.subscriptions.commands import Ordered
from domain.subscriptions.ending import When, period_end
from domain.subscriptions.facts import Ending, EndReason, Progress, ScheduledChange, Subscription
from domain.subscriptions.moved_prices import price_at, recurring
from domain.subscriptions.policies import ChangePolicy, MissedCycles
from domain.subscriptions.renewal import line_of, renewed
from domain.values import LARGEST_QUANTITY, Instant, StrictValue, Value

A_YEAR = {Interval.day: 365, Interval.week: 52, Interval.month: 12, Interval.quarter: 4, Interval.year: 1}
"""How many of each are taken for a year where prices of different intervals are compared."""


class ChangeCommand(StrictValue):
    """Another plan, another quantity, or both. `when` left out is what the policy says. `version` is the one it was seen at;
    `shown` the digest of the preview that it has to agree with, and `as_of` the instant which that was computed for. `ordered`
    is there where an order asks for it."""

    by: Annotated[str, Field(min_length=1, max_length=120)]
    plan: Identifier | None = None
    quantity: Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)] | None = None
    when: When | Instant | None = None
    words: Annotated[str, Field(max_length=500)] = ""
    version: int | None = None
    as_of: Instant | None = None
    shown: Annotated[str, Field(max_length=200)] | None = None
    ordered: Ordered | None = None


class DropCommand(StrictValue):
    """Do not make a change that is decided."""

    by: Annotated[str, Field(min_length=1, max_length=120)]
    number: Annotated[int, Field(ge=1, le=2**31 - 1)]


class ChangedLine(Value):
    """`amount` is before discounts and tax, and negative for what is given back."""

    description: str
    start: Instant
    end: Instant
    amount: Money


class Change(Value):
    """What a change comes to. `total` is with tax and after discounts, negative where more is given back than charged; `due` is
    what of it is taken at once, and what is over becomes the customer's credit. `taken_off` is what open invoices are due less.
    `dropped` are the subscriptions of add-ons that end with it, since they do not go with what it becomes.
    Of one that is made later, `lines` and amounts are empty: they follow from how things stand then. `number` names it."""

    subscription: str
    number: int = 0
    at: Instant
    plan: str
    quantity: int
    lines: tuple[ChangedLine, ...] = ()
    total: Money
    due: Money
    taken_off: Money
    dropped: tuple[str, ...] = ()


class Target(Value):
    """What a subscription is to be."""

    plan: Plan
    price: Price
    quantity: int


class Moved(Value):
    """The subscription from the change on, and the lines that it is charged up to it at the old price and from it on."""

    subscription: Subscription
    lines: tuple[InvoiceLine, ...]


def starts_at(
    subscription: Subscription, target: Target, command: ChangeCommand, now: datetime, policy: ChangePolicy
) -> datetime:
    """When it is made. BadInput for a date that is past, but where an order that waited asks for it: that is made now."""
    when = command.when
    if when is None:
        when = When(policy.upgrade if is_dearer(subscription, target) else policy.downgrade)
    if when is When.now:
        return now
    if when is When.period_end:
        return period_end(subscription, now)
    if when < now and command.ordered is not None:
        return now
    if when < now:
        raise BadInput("when", f"{when:%Y-%m-%d %H:%M} UTC is past; now is {now:%Y-%m-%d %H:%M} UTC")
    return when


def is_dearer(subscription: Subscription, target: Target) -> bool:
    """Or as dear: by what all that recurs costs in a year."""
    return _a_year(target.price, target.quantity) >= _a_year(subscription.price, subscription.quantity)


def a_period(target: Target, currency: str) -> Money:
    """What one period of each charge that recurs costs, before discounts and tax."""
    charges = recurring(target.price).values()
    return total([rate(charge.model, target.quantity).rounded(currency) for charge in charges], currency)


def _a_year(price: Price, quantity: int) -> Fraction:
    return sum(
        (
            Fraction(rate(charge.model, quantity).amount) * A_YEAR[charge.interval] / charge.interval_count
            for charge in price.charges
            if isinstance(charge, RecurringCharge)
        ),
        Fraction(0),
    )


def refuse_unchanged(subscription: Subscription, target: Target) -> None:
    same = target.plan.id == subscription.plan and target.quantity == subscription.quantity
    if same and target.price.version == subscription.price.version:
        raise Conflict(f"subscription {subscription.id} is for {subscription.plan} × {subscription.quantity} already")


def refuse_too_dear(subscription: Subscription, target: Target) -> None:
    """BadInput where a period of it costs more than any amount that is counted."""
    for charge in recurring(target.price).values():
        try:
            rate(charge.model, target.quantity).rounded(subscription.currency)
        except ValueError:
            raise BadInput("quantity", "makes it dearer than any amount this product counts; take less") from None


def moved(
    subscription: Subscription,
    target: Target,
    at: datetime,
    missed: MissedCycles = MissedCycles.one,
    later: Sequence[Price] = (),
) -> Moved:
    """Charges whose interval stays keep their anchor, others begin a new one at the change. What is billed beyond it is left to
    be given back, but where nothing is prorated: then the new price begins where what was billed ends.

    One-time charges are for what is ordered, and are not charged by a change. A trial goes on to its end. `later` are versions
    of its price that move existing subscriptions from their next period on.
    """
    prorated = subscription.price.proration.by is not Basis.none
    old, closing = _closed(subscription, at, missed, later) if prorated else (subscription, [])
    number = max((each.number for each in old.progress), default=0)
    progress = tuple(
        _begun(old, target.price.charge_id(index), charge, number, at)
        for index, charge in enumerate(target.price.charges)
        if isinstance(charge, RecurringCharge)
    )
    plan = {"product": target.plan.product, "plan": target.plan.id, "plan_name": target.plan.name}
    fresh = old.model_copy(
        update={**plan, "price": target.price, "quantity": target.quantity, "progress": progress, "ending": None}
    )
    at_boundary = all(each.until == at for each in subscription.progress)
    begun = renewed(fresh, at, MissedCycles.each, later if at_boundary else ())
    lines = [*closing, *(line_of(fresh, due) for due in begun.charged)]
    return Moved(subscription=begun.subscription, lines=tuple(line for line in lines if line.amount))


def _closed(
    subscription: Subscription, at: datetime, missed: MissedCycles, later: Sequence[Price]
) -> tuple[Subscription, list[InvoiceLine]]:
    """Billed at its price up to the change."""
    until = Ending(at=at, reason=EndReason.requested, by="")
    made = renewed(subscription.model_copy(update={"ending": until}), at, missed, later)
    closing = [
        line_of(subscription, due.model_copy(update={"ends": Cut.change}) if due.service.end == at else due)
        for due in made.charged
    ]
    return made.subscription, closing


def _begun(old: Subscription, charge_id: str, charge: RecurringCharge, number: int, at: datetime) -> Progress:
    like = _like(old, charge_id, charge)
    if old.trial_ends is not None and at < old.trial_ends and (like is None or like.until == old.trial_ends):
        return Progress(charge=charge_id, anchor=old.trial_ends, number=number, until=old.trial_ends)
    if old.price.proration.by is Basis.none:
        billed = max((each.until for each in old.progress), default=at)
        return Progress(
            charge=charge_id, anchor=like.anchor if like else billed, number=number, until=like.until if like else billed
        )
    anchor = like.anchor if like else at
    return Progress(charge=charge_id, anchor=anchor, number=number, until=at, starts=Cut.change)


def _like(old: Subscription, charge_id: str, charge: RecurringCharge) -> Progress | None:
    """The progress whose periods a charge goes on with: of one that is charged at the same instants, that of its id first."""
    alike = [each for each in old.progress if _rhythm(recurring(price_at(old, each)).get(each.charge)) == _rhythm(charge)]
    return next((each for each in alike if each.charge == charge_id), alike[0] if alike else None)


def _rhythm(charge: RecurringCharge | None) -> tuple[object, ...]:
    if charge is None:
        return ()
    return charge.interval, charge.interval_count, charge.alignment, charge.timing


def unused(subscription: Subscription, debit: Debit, at: datetime) -> PeriodCredit | None:
    """What of a billed line is given back for a change; None where nothing is prorated, or nothing lies beyond it."""
    if debit.period.end <= at or subscription.price.proration.by is Basis.none:
        return None
    part = Part(start=max(at, debit.period.start), end=debit.period.end, starts=Cut.change, ends=Cut.start)
    return credit_for(debit, part, (), Proration(policy=subscription.price.proration, timezone=subscription.timezone))


def credit_line(billed: InvoiceLine, invoice: str, credit: PeriodCredit) -> InvoiceLine | None:
    """What was paid and not used of a line of `invoice`, as a line of a negative amount, which is taxed as that one was; None
    where nothing of it was paid."""
    amount = credit.gross if billed.tax_inclusive else credit.net
    if not amount:
        return None
    kept = ("subscription", "item", "plan", "product", "charge", "price_version", "tax_inclusive")
    return InvoiceLine(
        **{name: getattr(billed, name) for name in kept},
        id=f"{billed.id}:unused",
        description=f"{billed.description} (not used)",
        period=credit.part,
        quantity=Decimal(1),
        amount=-amount,
        gives_back=BilledOn(invoice=invoice, line=billed.id),
    )


def scheduled(subscription: Subscription, number: int, command: ChangeCommand, at: datetime) -> Subscription:
    """With the change among those that are decided, in order."""
    change = ScheduledChange(
        number=number,
        at=at,
        plan=command.plan,
        quantity=command.quantity,
        by=command.by,
        words=command.words,
        reference=command.ordered.reference if command.ordered else "",
    )
    changes = sorted([*subscription.changes, change], key=lambda each: (each.at, each.number))
    return subscription.model_copy(update={"changes": tuple(changes)})


def without(subscription: Subscription, number: int) -> Subscription:
    left = tuple(each for each in subscription.changes if each.number != number)
    return subscription.model_copy(update={"changes": left})
