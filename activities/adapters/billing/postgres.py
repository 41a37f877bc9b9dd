"""The billing port on our own database."""

from collections.abc import Sequence
from datetime import datetime

from activities.store import billing
from activities.store.billing import InvoiceLine
from activities.store.database import Database
from domain import keys
from domain.money import Money
from domain.pricing import PricedLine


class PostgresBilling:
    """Invoices and ledger in PostgreSQL; `gateway` names the cash account."""

    def __init__(self, database: Database, gateway: str) -> None:
        self._database = database
        self._gateway = gateway

    async def open_invoice(
        self, order: str, customer: str, lines: Sequence[tuple[str, PricedLine]], total: Money, at: datetime
    ) -> str:
        invoice = keys.invoice(order)
        shown = [InvoiceLine(item=item, name=line.name, quantity=line.quantity, amount=line.amount) for item, line in lines]
        async with self._database.transaction() as connection:
            await billing.issue(connection, invoice, order, customer, shown, total, at)
        return invoice

    async def mark_paid(self, invoice: str, payment: str, amount: Money, at: datetime) -> None:
        async with self._database.transaction() as connection:
            await billing.pay(connection, invoice, payment, self._gateway, amount, at)

    async def credit(self, order: str, item: str, amount: Money, reason: str, at: datetime) -> str:
        note = keys.credit_note(order, item)
        async with self._database.transaction() as connection:
            await billing.credit(connection, note, keys.invoice(order), self._gateway, amount, reason, at)
        return note
