"""The daily comparison waits for the gateway's report, says where it stands, and may be run again."""

from datetime import UTC, date, datetime, timedelta

from temporalio.client import ScheduleActionExecutionStartWorkflow, WorkflowHandle

from activities.adapters.gateway.sandbox import SandboxGateway
from activities.contracts.queues import JOBS
from activities.contracts.reconciliation import Requested
from activities.runtime.schedules import INVOICE_RUN, PATROL, REVENUE_CLOSE, VAT_CHECKS, ensure_schedules
from activities.store import reconciliation
from activities.store.reconciliation import WorkItem
from domain.money import Money
from domain.payments import PaymentRequest
from tests.world import World
from workflows.reconciliation import ReconciliationWorkflow


async def started(world: World, day: date) -> WorkflowHandle[ReconciliationWorkflow, int]:
    number = next(world.numbers)
    requested = Requested(gateway="sandbox", date=day)
    return await world.temporal.client.start_workflow(
        ReconciliationWorkflow.run, requested, id=f"reconciliation-sandbox-{number}", task_queue=JOBS
    )


async def taken_behind_our_back(world: World) -> tuple[str, date]:
    """The key of money that the gateway took and nobody has booked, and the day it was taken."""
    key = f"O-{next(world.numbers)}-foreign:payment:1"
    gateway = SandboxGateway(world.sandbox.gateway_url, world.sandbox.client)
    await gateway.purchase(PaymentRequest(key=key, amount=Money(minor=5000, currency="EUR"), method="tok_visa"))
    return key, datetime.now(UTC).date()


async def about(world: World, key: str) -> list[WorkItem]:
    async with world.database.transaction() as connection:
        return [item for item in await reconciliation.work_items(connection, None, 500, is_open=True) if item.subject == key]


async def test_money_that_nobody_has_booked_is_a_work_item_however_often_it_is_compared(world: World) -> None:
    key, day = await taken_behind_our_back(world)
    first = await (await started(world, day)).result()
    [item] = await about(world, key)
    again = await (await started(world, day)).result()

    assert (item.kind, item.found, item.owner) == ("missing_in_ledger", "50.00 EUR", "finance")
    assert again == first
    assert await about(world, key) == [item]


async def test_while_the_gateway_is_down_nothing_is_compared(world: World) -> None:
    key, day = await taken_behind_our_back(world)
    await world.sandbox.fault("report", "error_500")
    run = await started(world, day)

    async def struck() -> bool:
        return any(state["struck"] for state in (await world.sandbox.client.get("/faults")).json())

    await world.until(struck, "the report to be asked for")
    assert await about(world, key) == []
    await world.sandbox.faults()
    await world.temporal.fast_forward(run, timedelta(minutes=2))

    assert await run.result() >= 1
    assert len(await about(world, key)) == 1


async def test_it_says_where_it_stands_in_words(world: World) -> None:
    run = await started(world, date(2026, 1, 1))
    await run.result()
    metadata = await run.query("__temporal_workflow_metadata")

    assert "2026-01-01" in str(metadata)
    assert "0 differences are open" in str(metadata)


async def test_each_day_is_compared_after_it_has_ended(world: World) -> None:
    client = world.temporal.client
    await ensure_schedules(client, ["sandbox"])
    handle = client.get_schedule_handle("reconciliation-sandbox")
    await handle.trigger()

    async def ran() -> str | None:
        actions = [each.action for each in (await handle.describe()).info.recent_actions]
        return next((each.workflow_id for each in actions if isinstance(each, ScheduleActionExecutionStartWorkflow)), None)

    started_as = await world.until(ran, "the schedule to start it")
    await client.get_workflow_handle(started_as).result()
    async with world.database.transaction() as connection:
        days = [run.day for run in await reconciliation.runs(connection, 100)]

    assert started_as.startswith("reconciliation-sandbox-")
    assert datetime.now(UTC).date() - timedelta(days=1) in days
    await handle.delete()
    for other in (PATROL, VAT_CHECKS, INVOICE_RUN, REVENUE_CLOSE):
        await client.get_schedule_handle(other).delete()
