"""The billing port: what an order asks of the billing engine."""

from typing import Protocol

from domain.billing.order_billing import Bill, Credit


class Billing(Protocol):
    """Every verb is idempotent on the order's ids."""

    async def bill(self, bill: Bill) -> None:
        """Issue the order's invoice over its fulfilled items, and book what was captured for it."""

    async def credit(self, credit: Credit) -> None:
        """Credit an item of the order's invoice, and book the money that went back."""
