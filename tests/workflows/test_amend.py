"""Amending in flight: the difference from what has really been done, the new price, and what is refused."""

import asyncio
from typing import Any

import httpx

from tests.workflows.plans import access, build, by_hand
from tests.world import World


async def standing(world: World, **changes: Any) -> tuple[str, str, str, str]:
    """(order, product, plan, fallout) of an order of 2 units that stands at a person's task after its build."""
    product, plan = await world.product(build(), by_hand(needs=["build"]), access(), **changes)
    order = await world.order(await world.customer(), {"product": product, "plan": plan, "quantity": 2})
    return order, product, plan, (await world.fallout(order))["id"]


def item(product: str, plan: str, quantity: int, item_id: str = "1", **changes: Any) -> dict[str, Any]:
    return {"id": item_id, "product": product, "plan": plan, "quantity": quantity, **changes}


async def amend(world: World, order: str, *items: dict[str, Any], version: int = 1, **changes: Any) -> httpx.Response:
    return await world.api.patch(f"/v1/orders/{order}", json={"version": version, "items": list(items), **changes})


async def test_a_larger_quantity_is_held_built_and_captured_at_the_frozen_price(world: World) -> None:
    order, product, plan, _ = await standing(world)

    answer = await amend(world, order, item(product, plan, 5))

    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == 2
    await world.resolve(await world.fallout(order), "resolve", evidence="done")
    done = await world.state(order, "completed")
    # 5 × 10.00
    assert done["total"]["minor"] == 5000
    summary = await world.sandbox.summary(order)
    assert sum(payment.captured.minor for payment in summary.payments) == 5000
    assert [payment.voided.minor for payment in summary.payments] == [2000, 0]
    assert [(service.quantity, service.accounts) for service in summary.services] == [(5, 1)]


async def test_a_smaller_quantity_captures_less(world: World) -> None:
    order, product, plan, _ = await standing(world)

    assert (await amend(world, order, item(product, plan, 1))).status_code == 200

    await world.resolve(await world.fallout(order), "resolve", evidence="done")
    await world.state(order, "completed")
    assert (await world.sandbox.summary(order)).payments[0].captured.minor == 1000


async def test_a_removed_item_is_taken_down_and_an_added_one_is_built(world: World) -> None:
    order, product, plan, _ = await standing(world)

    answer = await amend(world, order, item(product, plan, 1, "new"))

    assert answer.status_code == 200, answer.text
    await world.resolve(await world.fallout(order), "resolve", evidence="done")
    done = await world.state(order, "completed")
    states = {service.reference: service.state for service in (await world.sandbox.summary(order)).services}
    assert states[f"{order}:1"] == "terminated"
    assert states[f"{order}:new"] == "inactive"
    assert {one["item"]: one["state"] for one in done["items"]} == {"1": "cancelled", "new": "completed"}
    assert done["invoice"]["total"]["minor"] == 1000


async def test_an_amendment_that_cannot_be_paid_leaves_the_order_as_it_was(world: World) -> None:
    order, product, plan, _ = await standing(world)
    await world.sandbox.of(order).fault("authorize", "decline_hard", count=1)

    answer = await amend(world, order, item(product, plan, 9))

    assert answer.status_code == 409
    assert "declined" in answer.json()["detail"]
    unchanged = await world.get(order)
    assert (unchanged["version"], unchanged["total"]["minor"]) == (1, 2000)
    await world.resolve(await world.fallout(order), "resolve", evidence="done")
    await world.state(order, "completed")
    assert sum(payment.captured.minor for payment in (await world.sandbox.summary(order)).payments) == 2000


async def test_a_stale_version_is_refused(world: World) -> None:
    order, product, plan, _ = await standing(world)
    await amend(world, order, item(product, plan, 3))

    stale = await amend(world, order, item(product, plan, 4), version=1)

    assert stale.status_code == 409
    assert (await world.get(order))["version"] == 2


async def test_of_two_amendments_at_once_one_is_stale(world: World) -> None:
    order, product, plan, _ = await standing(world)

    answers = await asyncio.gather(*(amend(world, order, item(product, plan, quantity)) for quantity in (3, 4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    winner = next(index for index, answer in enumerate(answers) if answer.status_code == 200)
    assert (await world.get(order))["total"]["minor"] == (3000, 4000)[winner]


async def test_an_item_past_its_point_of_no_return_is_not_amended(world: World) -> None:
    product, plan = await world.product(build(point_of_no_return=True, undo=None), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.fallout(order)

    answer = await amend(world, order, item(product, plan, 2))

    assert answer.status_code == 409
    assert "point of no return" in answer.json()["detail"]
    await world.resolve(await world.fallout(order), "resolve", evidence="done")
    await world.state(order, "completed")


async def test_an_order_that_has_been_paid_is_not_amended(world: World) -> None:
    product, plan = await world.product(build(), by_hand("hand-over", stage="activate"))
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.fallout(order)

    answer = await amend(world, order, item(product, plan, 2))

    assert answer.status_code == 409
    assert "paid" in answer.json()["detail"]
