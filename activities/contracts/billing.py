"""Invoices and credit notes for an order. Local activities: the engine is our own database."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.money import Money
from domain.pricing import PricedLine
from domain.values import Instant, Value


class BilledItem(Value):
    item: str
    lines: list[PricedLine]


class Bill(Value):
    """The captured items of an order, and the payment that paid for them."""

    order: str
    customer: str
    payment: str
    items: list[BilledItem]
    total: Money
    at: Instant


class Credit(Value):
    """One item's money given back."""

    order: str
    item: str
    amount: Money
    reason: str
    at: Instant


class Billing(ABC):
    @abstractmethod
    @activity.defn(name="bill")
    async def bill(self, bill: Bill) -> None:
        """Open the order's invoice and mark it paid; again changes nothing."""

    @abstractmethod
    @activity.defn(name="credit")
    async def credit(self, credit: Credit) -> None:
        """Credit one item of the order's invoice; again changes nothing."""
