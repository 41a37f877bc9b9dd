"""The invoice run: so many due items of as many customers become issued invoices, and each costs the same."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import text
from temporalio.client import Client

from activities.contracts.invoice_run import Progress
from activities.contracts.queues import JOBS
from activities.runtime.schedules import INVOICE_RUN
from activities.runtime.temporal import DATA_CONVERTER
from activities.store import legal_entities
from activities.store.database import Connection, Database
from domain.billing.calendar import Period
from domain.billing.entities import LegalEntity
from domain.billing.gathering import GatheringSettings
from domain.billing.lines import InvoiceLine
from domain.customers import Customer
from domain.money import Money
from tests.bench.growth import FLAT
from tests.bench.installation import Installation
from tests.bench.report import Figure, Section, figure
from tests.bench.usage import cpu
from workflows.invoice_run import InvoiceRunWorkflow

QUICK = (1_000, 10_000)
FULL = (1_000, 10_000, 100_000)
RATE = 300
"""Invoices a second aimed at, on two cores."""
WORKING = ("worker", "temporal", "postgres")
NUMBER = "NUMBER"
SELLER = LegalEntity.model_validate(
    {
        "id": "bench",
        "name": "Bench",
        "country": "DE",
        "registrations": [{"jurisdiction": {"country": "DE"}, "number": "DE136695976", "valid_from": "2020-01-01"}],
        "gathering": GatheringSettings(grace=timedelta(0)).model_dump(),
    }
)
_CUSTOMERS = text("""
    INSERT INTO customers (id, document, version, created_at, updated_at)
    SELECT replace(:id, :number, n::text), replace(:document, :number, n::text)::jsonb, 1, now(), now()
      FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
""")
_BILLABLES = text("""
    INSERT INTO billables (id, customer, legal_entity, currency, due_at, line)
    SELECT replace(:id, :number, n::text), replace(:customer, :number, n::text), :entity, 'EUR', :due_at,
           replace(:line, :number, n::text)::jsonb
      FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
""")


async def measure(installation: Installation, sizes: Sequence[int], say: Callable[[str], None]) -> Section:
    """One run after the other over more and more, on the tables that the runs before have filled."""
    database = Database(installation.running.database_url)
    client = await Client.connect(installation.running.temporal_address, data_converter=DATA_CONVERTER)
    await client.get_schedule_handle(INVOICE_RUN).pause()
    async with database.transaction() as connection:
        await legal_entities.put(connection, SELLER)
    first, samples = 1, {}
    for size in (sizes[0], *sizes):
        await seed(database, first, first + size - 1)
        samples[size] = await _run(installation, client, size)
        say(f"{size:,} invoices: " + ", ".join(f"{name} {value:.3g}" for name, value in samples[size].items()))
        first += size
    await database.close()
    title = "The invoice run, each item against one of the smallest run"
    return Section(title=title, figures=_figures(samples), samples={str(size): sample for size, sample in samples.items()})


def _figures(samples: dict[int, dict[str, float]]) -> list[Figure]:
    smallest = min(samples)
    figures = [figure(f"invoices a second, of {size:,}", each["rate"], "/s", at_least=RATE) for size, each in samples.items()]
    for size, each in samples.items():
        if size != smallest:
            reference = samples[smallest]["cpu"]
            figures.append(
                figure(f"CPU an invoice, of {size:,}", each["cpu"], "ms", reference=reference, against="smallest", at_most=FLAT)
            )
    return figures


async def _run(installation: Installation, client: Client, size: int) -> dict[str, float]:
    """Rate, and CPU milliseconds an invoice by process. The first size is run twice, the first time to warm up."""
    processes = {name: installation.processes[name] for name in WORKING}
    before, began = cpu(processes), time.monotonic()
    progress = Progress(began=datetime.now(UTC))
    done = await client.execute_workflow(InvoiceRunWorkflow.run, progress, id=f"bench-{began}", task_queue=JOBS)
    took = time.monotonic() - began
    if (done.issued, done.waiting, done.broken) != (size, 0, 0):
        raise RuntimeError(f"{size} invoices were to be issued: {done}")
    used = {name: seconds / size * 1000 for name, seconds in cpu(processes).since(before).items()}
    return {"rate": size / took, "cpu": sum(used.values()), **used}


async def seed(database: Database, first: int, last: int) -> None:
    """Customers with these numbers, each due one line; analyzed, as autovacuum would have."""
    async with database.transaction() as connection:
        await _seed(connection, first, last)
    async with database.transaction(statement=True) as connection:
        await connection.execute(text("VACUUM ANALYZE customers, billables, invoices, ledger_entries, ledger_transactions"))
    await asyncio.sleep(1)


async def _seed(connection: Connection, first: int, last: int) -> None:
    customer = Customer(id=f"I-{NUMBER}", name="Someone", country="DE", legal_entity=SELLER.id)
    march = Period(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 4, 1, tzinfo=UTC))
    line = InvoiceLine(
        id=f"S-I-{NUMBER}:1:seat:v1:period:1",
        subscription=f"S-I-{NUMBER}",
        item="1",
        plan="crm-team",
        product="crm",
        charge="seat",
        description="CRM Team: seats",
        period=march,
        amount=Money(minor=10_001, currency="EUR"),
    )
    numbers = {"number": NUMBER, "first": first, "last": last}
    document = orjson.dumps(customer.model_dump(mode="json")).decode()
    await connection.execute(_CUSTOMERS, {"id": customer.id, "document": document, **numbers})
    due = {"id": line.id, "customer": customer.id, "entity": SELLER.id, "due_at": march.start}
    document = orjson.dumps(line.model_dump(mode="json")).decode()
    await connection.execute(_BILLABLES, {**due, "line": document, **numbers})
