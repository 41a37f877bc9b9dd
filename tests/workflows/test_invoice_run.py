"""The invoice run issues what is due once, whatever happens to it on its way, and says what became of it."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from activities.contracts.invoice_run import Progress, Stage
from activities.contracts.queues import JOBS
from activities.store import billables, invoices
from activities.store.invoices import StoredInvoice
from domain.billing.gathering import Billable
from domain.billing.invoice_states import InvoiceState
from tests.domain.billing.line_samples import line
from tests.world import World
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


async def started(world: World, began: datetime) -> WorkflowHandle[InvoiceRunWorkflow, Progress]:
    return await world.temporal.client.start_workflow(
        InvoiceRunWorkflow.run, Progress(began=began), id=f"invoice-run-{uuid.uuid4()}", task_queue=JOBS
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
