"""The invoice run issues what is due once, whatever happens to it on its way, and says what became of it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowHandle
from temporalio.worker import Replayer, Worker

from activities.adapters.tax.engines import TaxEngines
from activities.contracts.invoice_run import Progress, Stage
from activities.contracts.queues import JOBS
from activities.runtime import invoice_run
from activities.runtime.failures import FailureTranslation
from activities.runtime.heartbeats import Heartbeats
from activities.runtime.invoice_run import StoredInvoiceRun
from activities.runtime.processes import Processes
from activities.runtime.temporal import DATA_CONVERTER
from activities.store import billables, invoices
from activities.store.invoices import StoredInvoice
from domain.billing.gathering import Billable
from domain.billing.invoice_states import InvoiceState
from tests.domain.billing.line_samples import line
from tests.world import World
from workers.worker import sandbox_runner
from workflows.invoice_run import InvoiceRunWorkflow

NOW = datetime.now(UTC)


async def owe(world: World, minor: int = 10000, **changes: Any) -> str:
    """A new customer who is due a line since two hours ago."""
    customer = await world.customer()
    given = line(minor, subscription=f"S-{customer}", product="crm", **changes)
    due = Billable(line=given, customer=customer, legal_entity="main", due_at=NOW - timedelta(hours=2))
    async with world.database.transaction() as connection:
        await billables.add(connection, [due])
    return customer


async def started(world: World, began: datetime, queue: str = JOBS) -> WorkflowHandle[InvoiceRunWorkflow, Progress]:
    return await world.temporal.client.start_workflow(
        InvoiceRunWorkflow.run, Progress(began=began), id=f"invoice-run-{uuid.uuid4()}", task_queue=queue
    )


async def ran(world: World, began: datetime) -> Progress:
    return await (await started(world, began)).result()


async def of(world: World, customer: str) -> list[StoredInvoice]:
    async with world.database.transaction() as connection:
        found = await invoices.page(connection, None, 10, customer=customer)
        return [await invoices.get(connection, each.id) for each in found]


async def test_what_is_due_is_issued_once_its_grace_is_over(world: World) -> None:
    customer = await owe(world)
    first = await ran(world, datetime.now(UTC))
    (draft,) = await of(world, customer)
    second = await ran(world, datetime.now(UTC) + timedelta(hours=1))
    (issued,) = await of(world, customer)
    again = await ran(world, datetime.now(UTC) + timedelta(hours=1))

    assert (first.debtors >= 1, first.drafts >= 1, first.stage) == (True, True, Stage.done)
    assert draft.invoice.state is InvoiceState.draft
    assert second.issued >= 1
    assert issued.invoice.state is InvoiceState.finalized
    assert (again.debtors, again.drafts, again.issued) == (0, 0, 0)
    assert await of(world, customer) == [issued]


class Stopping(StoredInvoiceRun):
    """Issues one page, and never gets to the end of the next."""

    def __init__(self, world: World) -> None:
        super().__init__(world.database, TaxEngines(), Processes(world.temporal.client))
        self.at_work = asyncio.Event()

    async def _issue(self, drafts: Sequence[str]) -> tuple[int, int]:
        if self.at_work.is_set():
            await asyncio.Event().wait()
        self.at_work.set()
        return await super()._issue(drafts)


@asynccontextmanager
async def working(world: World, queue: str, does: StoredInvoiceRun) -> AsyncIterator[None]:
    """A worker that dies at the end without an answer to anything."""
    worker = Worker(
        world.temporal.client,
        task_queue=queue,
        workflows=[InvoiceRunWorkflow],
        activities=[does.gather, does.issue, does.age],
        workflow_runner=sandbox_runner(),
        interceptors=[FailureTranslation(), Heartbeats()],
        graceful_shutdown_timeout=timedelta(0),
    )
    async with worker:
        yield


async def test_a_run_goes_on_after_its_worker_died_in_the_middle_of_a_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoice_run, "PAGE", 1)
    customers = [await owe(world) for _ in range(3)]
    await ran(world, datetime.now(UTC))
    queue, stopping = f"dies-{uuid.uuid4()}", Stopping(world)
    async with working(world, queue, stopping):
        run = await started(world, datetime.now(UTC) + timedelta(hours=1), queue)
        await stopping.at_work.wait()
        await world.until(lambda: some_issued(world, customers), "the first page to be issued")
    async with working(world, queue, StoredInvoiceRun(world.database, TaxEngines(), Processes(world.temporal.client))):
        done = await run.result()

    documents = [document for customer in customers for document in await of(world, customer)]
    assert done.stage is Stage.done
    assert [document.invoice.state for document in documents] == [InvoiceState.finalized] * 3
    assert len({document.invoice.number for document in documents}) == 3


async def some_issued(world: World, customers: Sequence[str]) -> bool:
    documents = [document for customer in customers for document in await of(world, customer)]
    return any(document.invoice.number for document in documents)


async def test_what_is_broken_waits_and_keeps_nobody_else(world: World) -> None:
    """A line that cannot be read stops neither the page nor the next run, which does not try it again at once."""
    broken, good = await owe(world), await owe(world)
    await ran(world, datetime.now(UTC))
    (draft,) = await of(world, broken)
    async with world.database.transaction() as connection:
        wrong = {"invoice": draft.invoice.id}
        await connection.execute(text("UPDATE billables SET line = line - 'charge' WHERE invoice = :invoice"), wrong)
    first = await ran(world, datetime.now(UTC) + timedelta(hours=1))
    (issued,) = await of(world, good)
    async with world.database.transaction() as connection:
        waits = text("SELECT waiting_for FROM invoices WHERE id = :invoice")
        said = (await connection.execute(waits, wrong)).scalar_one()
        await connection.execute(text("DELETE FROM billables WHERE invoice = :invoice"), wrong)
        await connection.execute(text("DELETE FROM invoices WHERE id = :invoice"), wrong)

    assert first.waiting == 1
    assert issued.invoice.state is InvoiceState.finalized
    assert said == invoice_run.BROKEN


async def test_what_happened_replays_and_is_said_in_words(world: World) -> None:
    await owe(world)
    run = await started(world, datetime.now(UTC) + timedelta(hours=2))
    await run.result()
    history = await run.fetch_history()
    replayer = Replayer(workflows=[InvoiceRunWorkflow], workflow_runner=sandbox_runner(), data_converter=DATA_CONVERTER)

    await replayer.replay_workflow(history)
    assert "customers with something due looked at" in str(await run.query("__temporal_workflow_metadata"))
