"""What a customer owes and is owed in one currency, what of it an invoice takes up, and which invoices a payment settles."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.money import CurrencyCode, Money, total
from domain.values import StrictValue, Value


class CollectionSettings(StrictValue):
    """`minimum_collectable`: minor units by currency below which nothing is collected (a gateway refuses 0.50 EUR at Stripe, or
    a collection costs more than it brings); what is due below it is carried forward to the next invoice. None by default."""

    minimum_collectable: dict[CurrencyCode, Annotated[int, Field(ge=0)]] = {}

    def minimum(self, currency: str) -> Money:
        return Money(minor=self.minimum_collectable.get(currency, 0), currency=currency)


class Settlement(Value):
    """How an invoice's gross is settled on the day it is finalized.

    `balance_applied` is taken from the customer's balance: negative where the invoice adds to it (a negative gross) or collects
    a debt that was carried forward. `carried_forward` is too little to collect, and becomes a debt of the balance.
    """

    balance_applied: Money
    prepaid_applied: Money
    carried_forward: Money
    amount_due: Money

    @property
    def to_balance(self) -> Money:
        """The change of the customer's balance."""
        return -(self.balance_applied + self.carried_forward)


def applied_balance(gross: Money, balance: Money) -> Money:
    """What of the customer's balance goes into an invoice of `gross`.

    The balance is positive where the customer has credit and negative where a debt was carried forward. Credit is used as far
    as the invoice goes, a debt is collected whole, and a negative invoice becomes credit (as Stripe's invoice balance, which
    has the signs the other way round).
    """
    if gross.minor < 0:
        return gross
    return min(gross, balance)


def settle(gross: Money, balance: Money, prepaid: Money, settings: CollectionSettings | None = None) -> Settlement:
    """The customer's balance first, then the prepaid credit that was reserved for this invoice; ValueError where that is more
    than is still due."""
    from_balance = applied_balance(gross, balance)
    due = gross - from_balance - prepaid
    if prepaid.minor < 0 or due.minor < 0:
        raise ValueError(f"prepaid: must be zero to {gross - from_balance}, which is what is due before it, not {prepaid}")
    minimum = (settings or CollectionSettings()).minimum(gross.currency)
    nothing = Money.zero(gross.currency)
    carried, due = (due, nothing) if due < minimum else (nothing, due)
    return Settlement(balance_applied=from_balance, prepaid_applied=prepaid, carried_forward=carried, amount_due=due)


class OpenItem(Value):
    """A finalized invoice that is not settled yet."""

    invoice: str
    number: str
    due_date: date
    amount_due: Money


class CustomerBalance(Value):
    """`credit` is positive where the customer has credit, negative where a debt was carried forward."""

    customer: str
    currency: CurrencyCode
    credit: Money
    items: tuple[OpenItem, ...] = ()

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if self.credit.currency != self.currency:
            raise ValueError(f"credit: is in {self.credit.currency}, the balance in {self.currency}")
        for index, item in enumerate(self.items):
            if item.amount_due.currency != self.currency:
                raise ValueError(f"items[{index}].amount_due: is in {item.amount_due.currency}, the balance in {self.currency}")
        return self

    @property
    def owed(self) -> Money:
        """All that open invoices are due; credit is not set off against it."""
        return total([item.amount_due for item in self.items], self.currency)

    @property
    def net(self) -> Money:
        """What would be left to pay, or with a minus to give back, if everything were settled now."""
        return self.owed - self.credit


class Allocation(Value):
    invoice: str
    amount: Money


class Allocated(Value):
    """What of a payment went to which invoice; `over` becomes customer credit."""

    allocations: tuple[Allocation, ...]
    over: Money


def allocate(received: Money, items: Sequence[OpenItem], reference: str | None = None) -> Allocated:
    """Match a payment of one customer to open items: those whose number or id the reference names, then the oldest one that is
    due exactly what is left, then the oldest by due date. A part payment stays a part payment of the last one it reaches."""
    allocations, left = [], received
    pending = sorted((item for item in items if item.amount_due.minor > 0), key=lambda item: (item.due_date, item.invoice))
    named = [item for item in pending if reference is not None and reference in {item.number, item.invoice}]
    for item in _in_order(named, pending, received):
        paid = min(left, item.amount_due)
        if paid.minor > 0:
            allocations.append(Allocation(invoice=item.invoice, amount=paid))
            left = left - paid
    return Allocated(allocations=tuple(allocations), over=left)


def _in_order(named: list[OpenItem], pending: list[OpenItem], received: Money) -> list[OpenItem]:
    left = received - total([item.amount_due for item in named], received.currency)
    rest = [item for item in pending if item not in named]
    exact = [item for item in rest if item.amount_due == left][:1]
    return [*named, *exact, *(item for item in rest if item not in exact)]
