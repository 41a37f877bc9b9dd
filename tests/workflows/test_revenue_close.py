"""The revenue close earns what was invoiced, once the days are over, and is the same the second time."""

import uuid
from datetime import UTC, datetime, timedelta

from activities.contracts.queues import JOBS
from activities.contracts.revenue_close import Closing
from activities.store import invoices, ledger
from tests.workflows.plans import access, build
from tests.world import World
from workflows.revenue_close import RevenueCloseWorkflow


async def closed(world: World, began: datetime) -> Closing:
    return await world.temporal.client.execute_workflow(
        RevenueCloseWorkflow.run, Closing(began=began), id=f"revenue-close-{uuid.uuid4()}", task_queue=JOBS
    )


async def test_what_an_order_paid_for_once_is_earned_when_its_day_is_over(world: World) -> None:
    product, plan = await world.product(build(), access(), price="10.00")
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.state(order, "completed")
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    first = await closed(world, tomorrow)
    again = await closed(world, tomorrow)

    async with world.database.transaction() as connection:
        (billed,) = await invoices.of_order(connection, order)
        earned = await ledger.page(connection, 0, 100, account="revenue", subject=billed.invoice.lines[0].id)
    assert first.lines >= 1
    assert again.lines == 0
    assert [entry.amount.minor for entry in earned] == [-1000]
