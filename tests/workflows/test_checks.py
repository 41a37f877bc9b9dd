"""Dependency checks: what blocks is named, has a deadline, and resumes by itself."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx

from activities.adapters.provisioning.partner import PartnerProvisioner
from activities.runtime.dispatcher import Dispatcher
from activities.runtime.processes import Processes
from activities.runtime.upstreams import UpstreamWatch
from activities.store.upstreams import FAILURES
from tests.workflows.plans import access, build, by_hand
from tests.world import World


async def test_an_order_waits_for_its_customer_to_be_verified_and_resumes(world: World) -> None:
    product, plan = await world.product(access(), verified_customers_only=True)
    customer = await world.customer(verified=False)
    order = await world.order(customer, {"product": product, "plan": plan})
    pending = await world.state(order, "pending")
    assert pending["blockers"] == [f"customer:{customer}"]
    assert pending["owner"] == "operations"
    assert pending["deadline"] is not None

    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"verified": True}))

    await world.state(order, "completed")


async def test_an_order_waits_for_a_prerequisite_service_and_resumes_when_it_goes_live(world: World) -> None:
    base, base_plan = await world.product(access())
    extra, extra_plan = await world.product(access(), prerequisites=[base])
    customer = await world.customer()
    order = await world.order(customer, {"product": extra, "plan": extra_plan})
    assert (await world.state(order, "pending"))["blockers"] == [f"service:{customer}:{base}"]

    await world.order(customer, {"product": base, "plan": base_plan})

    await world.state(order, "completed")


async def test_capacity_is_never_sold_twice_and_goes_to_who_waits_once_freed(world: World) -> None:
    product, plan = await world.product(by_hand(), capacity=2)
    customer = await world.customer()
    orders = await asyncio.gather(*(world.order(customer, {"product": product, "plan": plan}) for _ in range(4)))

    async def sorted_out() -> tuple[list[str], list[str]] | None:
        found = [await world.get(order) for order in orders]
        held = [one["id"] for one in found if one["state"] == "held"]
        pending = [one["id"] for one in found if one["state"] == "pending"]
        return (held, pending) if len(held) + len(pending) == len(orders) else None

    held, pending = await world.until(sorted_out, "each order to hold a unit or wait for one")
    assert (len(held), len(pending)) == (2, 2)

    await world.succeed(world.api.post(f"/v1/orders/{held[0]}/cancel", json={}))

    async def one_moved_up() -> bool:
        states = [(await world.get(order))["state"] for order in pending]
        return sorted(states) == ["held", "pending"]

    await world.until(one_moved_up, "one waiting order to take the freed unit")


async def test_more_capacity_wakes_who_waits(world: World) -> None:
    product, plan = await world.product(access(), capacity=0)
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.state(order, "pending")

    body = {"id": product, "name": product, "capacity": 1}
    await world.succeed(world.api.put(f"/v1/products/{product}", json=body))

    await world.state(order, "completed")


async def test_a_blocker_that_never_clears_fails_the_order_cleanly_at_the_deadline(world: World) -> None:
    product, plan = await world.product(access(), verified_customers_only=True)
    order = await world.order(await world.customer(verified=False), {"product": product, "plan": plan})
    await world.state(order, "pending")

    await world.skip(order, timedelta(days=3, minutes=10))

    done = await world.state(order, "failed")
    assert "verified" in done["reason"]
    assert (await world.sandbox.summary(order)).payments == []


async def test_what_an_order_depends_on_is_looked_at_again_before_it_is_paid(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access(), verified_customers_only=True)
    customer = await world.customer()
    order = await world.order(customer, {"product": product, "plan": plan})
    hand = await world.fallout(order)
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"verified": False}))
    await world.resolve(hand, "resolve", evidence="done")

    assert (await world.state(order, "pending"))["blockers"] == [f"customer:{customer}"]
    assert (await world.sandbox.summary(order)).payments[0].captured.minor == 0
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"verified": True}))

    await world.state(order, "completed")


async def test_an_order_waits_for_an_upstream_system_that_is_down_and_goes_on_when_it_serves(world: World) -> None:
    product, plan = await world.product(build(partner="fibreworks"), access())
    customer = await world.customer()
    async with httpx.AsyncClient(trust_env=False) as http:
        partner = PartnerProvisioner(world.sandbox.partner_url("fibreworks"), "fibreworks", http)
        watch = UpstreamWatch(world.database, {"fibreworks": partner})
        await world.sandbox.configure("fibreworks", available=False)
        for _ in range(FAILURES):
            await watch.look()
        order = await world.order(customer, {"product": product, "plan": plan})
        pending = await world.state(order, "pending")
        assert pending["waiting_on"] == "blocked: fibreworks does not serve at present"

        await world.sandbox.configure("fibreworks", available=True)
        await watch.look()

    await world.state(order, "completed")


async def test_an_order_begins_at_its_requested_start_and_not_before(world: World) -> None:
    product, plan = await world.product(access())
    start = datetime.now(UTC) + timedelta(days=30)
    order = await world.order(await world.customer(), {"product": product, "plan": plan}, requested_start=start.isoformat())
    dispatcher = Dispatcher(world.database, Processes(world.temporal.client))
    await dispatcher.send_page(start - timedelta(seconds=1))
    assert (await world.get(order))["state"] == "acknowledged"

    await dispatcher.send_page(start)

    await world.state(order, "completed")


async def test_an_order_that_waits_for_its_start_can_be_cancelled(world: World) -> None:
    product, plan = await world.product(access())
    start = datetime.now(UTC) + timedelta(days=30)
    order = await world.order(await world.customer(), {"product": product, "plan": plan}, requested_start=start.isoformat())

    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={}))

    await world.state(order, "cancelled")


async def test_an_order_in_danger_of_its_date_is_flagged_before_it_is_missed(world: World) -> None:
    product, plan = await world.product(by_hand(target=3600, timeout=86400), access())
    by = datetime.now(UTC) + timedelta(hours=4)
    order = await world.order(await world.customer(), {"product": product, "plan": plan}, requested_completion=by.isoformat())
    await world.fallout(order)
    assert (await world.get(order))["jeopardy"] == "normal"

    # After 2.9 h the hour's step has overrun; with nothing moving the expected end is now, and the slack of the last hour
    # shrinks below a fifth only when the date itself comes near: at 4 h it is missed.
    await world.skip(order, timedelta(hours=4, minutes=1))

    flagged = await world.get(order)
    assert flagged["jeopardy"] == "critical"
    assert flagged["jeopardy_step"] == "item 1: Do by-hand"
