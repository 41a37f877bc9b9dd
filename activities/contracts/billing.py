"""Invoices and credit notes for an order. Local activities: the engine is our own database."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.billing.order_billing import Bill, Credit


class Billing(ABC):
    @abstractmethod
    @activity.defn(name="bill")
    async def bill(self, bill: Bill) -> None:
        """Issue the order's invoice and mark it paid; again changes nothing."""

    @abstractmethod
    @activity.defn(name="credit")
    async def credit(self, credit: Credit) -> None:
        """Credit one item of the order's invoice; again changes nothing."""
