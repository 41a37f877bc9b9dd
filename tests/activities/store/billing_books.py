"""A seller with German VAT, its customers and what they are due: what invoices are issued from in the tests."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.adapters.tax.engines import TaxEngines
from activities.store import billables, catalogue, customers, invoices, legal_entities
from activities.store.billables import Debtor
from activities.store.database import Connection, Database
from activities.store.invoicing import gather_debtor
from domain.billing.entities import LegalEntity
from domain.billing.gathering import Billable
from domain.billing.invoices import Invoice
from domain.billing.lines import InvoiceLine
from domain.customers import Customer
from tests.domain.billing.line_samples import line
from tests.domain.samples import product

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
"""When a draft that was gathered at `NOW` is issued by itself."""
ENGINES = TaxEngines()
NUMBERS = itertools.count(1)


def seller(**changes: Any) -> LegalEntity:
    """Charges 19 % to customers in Germany and rounds per category; no grace, unless changed."""
    number = next(NUMBERS)
    registration = {"jurisdiction": {"country": "DE"}, "number": "DE136695976", "valid_from": "2020-01-01"}
    given = {"id": f"acme-{number}", "name": "Acme", "country": "DE", "registrations": [registration]}
    return LegalEntity.model_validate(given | changes)


class Books:
    """Of one seller. Each customer is a new one in Germany."""

    def __init__(self, database: Database, entity: LegalEntity) -> None:
        self.database = database
        self.entity = entity

    @classmethod
    async def of(cls, database: Database, **changes: Any) -> "Books":
        entity = seller(**changes)
        async with database.transaction() as connection:
            await legal_entities.put(connection, entity)
            await catalogue.publish(connection, product("crm"), NOW)
        return cls(database, entity)

    async def customer(self, **changes: Any) -> str:
        given = {"id": f"C-{next(NUMBERS)}", "name": "Someone", "country": "DE"} | changes
        async with self.database.transaction() as connection:
            await customers.put(connection, Customer.model_validate(given), NOW)
        return str(given["id"])

    def debtor(self, customer: str) -> Debtor:
        return Debtor(customer=customer, legal_entity=self.entity.id, currency="EUR")

    async def owe(self, customer: str, *nets: int, due_at: datetime = NOW, **changes: Any) -> list[InvoiceLine]:
        """Lines of these net amounts of a product, due at once."""
        lines = [line(net, subscription=f"S-{next(NUMBERS)}", **({"product": "crm"} | changes)) for net in nets]
        await self.add(customer, lines, due_at)
        return lines

    async def add(self, customer: str, lines: Sequence[InvoiceLine], due_at: datetime = NOW) -> None:
        async with self.database.transaction() as connection:
            await billables.add(connection, [self.billable(customer, each, due_at) for each in lines])

    def billable(self, customer: str, given: InvoiceLine, due_at: datetime) -> Billable:
        return Billable(line=given, customer=customer, legal_entity=self.entity.id, due_at=due_at)

    async def gather(self, customer: str, now: datetime = NOW) -> list[str]:
        async with self.database.transaction() as connection:
            return await gather_debtor(connection, self.debtor(customer), now)

    async def draft(self, *nets: int, customer: str | None = None, **changes: Any) -> str:
        """The id of a draft over lines of these net amounts."""
        customer = customer or await self.customer()
        await self.owe(customer, *nets, **changes)
        (draft,) = await self.gather(customer)
        return draft

    async def invoice(self, invoice: str) -> Invoice:
        async with self.database.transaction() as connection:
            return (await invoices.get(connection, invoice)).invoice


async def every_invoice(connection: Connection, customer: str) -> list[Invoice]:
    """The oldest first."""
    found = await invoices.page(connection, None, 500, customer=customer)
    return [(await invoices.get(connection, each.id)).invoice for each in reversed(found)]
