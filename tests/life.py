"""Subscriptions on test clocks: what tests of their life share."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.service import RPCError

from activities.contracts import queues
from activities.store import clocks, subscriptions
from domain.clocks import Advance, Clock
from tests.workflows.plans import access
from tests.world import Json, World

JANUARY = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


async def clocked(world: World, now: datetime = JANUARY, **customer: Any) -> tuple[str, str]:
    """A clock that shows `now`, and a customer attached to it."""
    clock, who = f"clock-{next(world.numbers)}", await world.customer(**customer)
    async with world.database.transaction() as connection:
        made = Clock(id=clock, name=clock, now=now, created_at=datetime.now(UTC), created_by="test")
        await clocks.add(connection, made)
        await clocks.attach(connection, clock, who)
    return clock, who


async def advance(world: World, clock: str, to: datetime) -> None:
    await world.temporal.client.execute_workflow(
        "clock", Advance(clock=clock, to=to), id=f"clock-{clock}-{to:%Y%m%d%H%M}", task_queue=queues.JOBS
    )


async def advance_past_waits(world: World, clock: str, to: datetime, workflow: str) -> None:
    """As `advance`, with the waits between the tries of this process passed over."""
    under_way = asyncio.create_task(advance(world, clock, to))
    while not under_way.done():
        try:
            await world.temporal.fast_forward(world.temporal.client.get_workflow_handle(workflow), timedelta(seconds=40))
        except RPCError:  # it is not open at this moment
            await asyncio.sleep(0.05)
    await under_way


async def plan(world: World, *charges: Json, steps: Sequence[Json] = ()) -> Json:
    """An item of a new product with these charges."""
    product, plan_ = await world.product(*steps, access())
    price = {"id": plan_.replace("plan", "price"), "plan": plan_, "currency": "EUR", "charges": list(charges)}
    await world.succeed(world.api.put(f"/v1/prices/{price['id']}", json=price))
    return {"product": product, "plan": plan_}


def monthly(amount: str = "10.00", **changes: Any) -> Json:
    return {"kind": "recurring", "name": "Fee", "unit_amount": amount, "interval": "month", **changes}


async def live(world: World, customer: str, item: Json, **changes: Any) -> str:
    """The subscription of an order that has gone live."""
    order = await world.order(customer, item, **changes)
    await world.state(order, "completed")
    name = f"S-{order.removeprefix('O-')}-1"

    async def taken_over() -> bool:
        async with world.database.transaction() as connection:
            return bool(await subscriptions.events(connection, name, 0, 1))

    await world.until(taken_over, f"{name} to be taken over")
    return name


async def events(world: World, subscription: str) -> list[tuple[str, str]]:
    async with world.database.transaction() as connection:
        found = await subscriptions.events(connection, subscription, 0, 100)
    return [(each.type.removeprefix("subscription."), f"{each.at:%Y-%m-%d}") for each in found]


async def invoices(world: World, customer: str) -> list[Json]:
    answer = await world.succeed(world.api.get("/v1/invoices", params={"customer": customer, "limit": 100}))
    return sorted(answer["items"], key=lambda each: (each["issue_date"], each["id"]))


async def shown(world: World, subscription: str) -> Json:
    return await world.succeed(world.api.get(f"/v1/subscriptions/{subscription}"))
