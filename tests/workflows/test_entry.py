"""Orders of every shape: drafts, items that change nothing, add-ons, and dates that steps wait for."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.runtime.dispatcher import Dispatcher
from activities.runtime.processes import Processes
from tests.workflows.plans import access, build
from tests.world import World


async def test_a_draft_does_nothing_until_it_is_submitted(world: World) -> None:
    order = await world.order(await world.customer(), {"product": "crm", "plan": "crm-team"}, submit=False)
    assert (await world.get(order))["state"] == "draft"

    await world.succeed(world.api.post(f"/v1/orders/{order}/submit"))

    await world.state(order, "completed")


async def test_an_add_on_is_opened_after_what_it_requires(world: World) -> None:
    order = await world.order(
        await world.customer(),
        {"product": "crm-analytics", "plan": "crm-analytics-plus"},
        {"product": "crm", "plan": "crm-team"},
    )

    done = await world.state(order, "completed")

    opened = [event["summary"] for event in await world.events(order) if event["type"] == "item.completed"]
    assert opened == ["Item 2 is completed", "Item 1 is completed"]
    # 49.00 for the add-on and 19.00 for one seat
    assert done["total"]["minor"] == 6800


async def test_an_item_that_changes_nothing_costs_nothing_and_builds_nothing(world: World) -> None:
    customer = await world.customer()
    await world.state(await world.order(customer, {"product": "crm", "plan": "crm-team"}), "completed")
    order = await world.order(
        customer,
        {"product": "crm", "plan": "crm-team", "action": "no_change"},
        {"product": "crm-analytics", "plan": "crm-analytics-plus"},
    )

    done = await world.state(order, "completed")

    assert done["total"]["minor"] == 4900
    assert (await world.sandbox.summary(order)).services == []
    assert [one["item"] for one in done["subscriptions"]] == ["2"]


async def test_a_step_waits_until_the_date_that_its_item_names(world: World) -> None:
    step = {"id": "moved-in", "name": "Customer has moved in", "kind": "wait_until", "date_from": "moving_day"}
    product, plan = await world.product(step, build(needs=["moved-in"]), access())
    day = datetime.now(UTC) + timedelta(days=60)
    customer = await world.customer()
    order = await world.order(customer, {"product": product, "plan": plan, "characteristics": {"moving_day": day.isoformat()}})

    async def waits() -> bool:
        return bool((await world.get(order))["waiting_on"] == "date: Customer has moved in")

    await world.until(waits, "the order to wait for the moving day")
    dispatcher = Dispatcher(world.database, Processes(world.temporal.client))
    await dispatcher.send_page(day - timedelta(seconds=1))
    assert (await world.sandbox.summary(order)).services == []

    await dispatcher.send_page(day + timedelta(seconds=1))

    await world.state(order, "completed")


@pytest.mark.parametrize("given", [{}, {"moving_day": "soon"}, {"moving_day": "2026-12-01"}])
async def test_an_item_without_the_date_that_its_plan_needs_is_refused(world: World, given: dict[str, str]) -> None:
    step = {"id": "moved-in", "name": "Customer has moved in", "kind": "wait_until", "date_from": "moving_day"}
    product, plan = await world.product(step)
    items = [{"id": "1", "product": product, "plan": plan, "characteristics": given}]
    body = {"customer": await world.customer(), "currency": "EUR", "items": items}

    answer = await world.api.post("/v1/orders", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "items[0].characteristics.moving_day"
