"""An order that had ended before its workflow came to its end says so to Temporal as well."""

from temporalio.client import WorkflowExecutionStatus

from activities.contracts.attributes import ORDER_STATE, WAITING_ON
from tests.properties.page import own_page
from tests.workflows.plans import access, build, by_hand
from tests.workflows.test_faults import reset
from tests.world import World


async def test_a_reset_order_that_has_ended_shows_its_end_in_temporal(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.resolve(await world.stuck(order), "resolve", evidence="done")
    await world.state(order, "completed")
    await world.workflow(order).result()

    await reset(world, order, before="authorize")

    assert await world.workflow(order).result() == "completed"
    description = await world.workflow(order).describe()
    assert description.status is WorkflowExecutionStatus.COMPLETED
    shown = description.typed_search_attributes
    assert (shown.get(ORDER_STATE), shown.get(WAITING_ON)) == ("completed", None)
    page = await own_page(world.workflow(order))
    assert f"## Order {order} is completed" in page
    assert "▶" not in page
