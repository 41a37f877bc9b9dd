"""The billing port: what an order asks of the billing engine."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.money import Money
from domain.pricing import PricedLine


class Billing(Protocol):
    """Every verb is idempotent on the order's ids. Raises Conflict where a credit would exceed the invoice."""

    async def open_invoice(
        self, order: str, customer: str, lines: Sequence[tuple[str, PricedLine]], total: Money, at: datetime
    ) -> str:
        """Issue the order's invoice over (item, line) pairs; returns its id."""

    async def mark_paid(self, invoice: str, payment: str, amount: Money, at: datetime) -> None:
        """Book the captured payment against the invoice."""

    async def credit(self, order: str, item: str, amount: Money, reason: str, at: datetime) -> str:
        """Credit an item of the order's invoice and book its refund; returns the credit note's id."""
