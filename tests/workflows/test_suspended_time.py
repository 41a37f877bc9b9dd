"""What is billed for time in which a subscription is suspended, for each policy and each reason, to the minor unit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from activities.store import life_policies, subscription_lines
from domain.subscriptions.policies import SuspendedTime, SuspensionPolicy
from tests.life import advance, clocked, events, invoices, live, monthly, plan, shown
from tests.workflows.test_dunning import blocked, day, pays_with
from tests.world import World

APRIL = datetime(2026, 4, 1, tzinfo=UTC)


async def set_policy(world: World, mode: SuspendedTime) -> None:
    body = {"billing": mode}
    await world.succeed(world.api.put("/v1/policies/suspension", json=body))


@asynccontextmanager
async def policy_as_it_was(world: World) -> AsyncIterator[None]:
    try:
        yield
    finally:
        async with world.database.transaction() as connection:
            await life_policies.put(connection, SuspensionPolicy())


async def lines(world: World, subscription: str) -> list[tuple[str, int]]:
    """What it was charged, by the day each begins."""
    async with world.database.transaction() as connection:
        found = await subscription_lines.beyond(connection, subscription, datetime(2020, 1, 1, tzinfo=UTC))
    spans = [(each.line.period.start, each.line.amount.minor) for each in found if each.line.period]
    return [(f"{start:%m-%d}", minor) for start, minor in sorted(spans)]


async def credited(world: World, customer: str) -> list[int]:
    answer = await world.succeed(world.api.get("/v1/credit-notes", params={"customer": customer}))
    return sorted(each["total"]["minor"] for each in answer["items"])


async def test_what_an_operator_suspends_is_billed_as_the_policy_said_then(world: World) -> None:
    """11 April to 16 May at 31.00 a month: 20 of April's 30 days are 20.67, 15 of May's 31 days 15.00 and 16 of them 16.00."""
    clock, customer = await clocked(world, APRIL)
    item = await plan(world, monthly("31.00"))
    afterwards = await plan(world, monthly("31.00", timing="arrears"))
    names = [await live(world, customer, item) for _ in range(3)] + [await live(world, customer, afterwards)]
    await advance(world, clock, datetime(2026, 4, 11, tzinfo=UTC))
    async with policy_as_it_was(world):
        for name, mode in zip(names, [*SuspendedTime, SuspendedTime.credit], strict=True):
            await set_policy(world, mode)
            await world.succeed(world.api.post(f"/v1/subscriptions/{name}/suspend", json={"reason": "request"}))
    await advance(world, clock, datetime(2026, 5, 16, tzinfo=UTC))
    for name in names:
        await world.succeed(world.api.post(f"/v1/subscriptions/{name}/unsuspend", json={"reason": "request"}))
    await advance(world, clock, datetime(2026, 6, 3, tzinfo=UTC))
    going_on, stopped, credit, arrears = [await lines(world, name) for name in names]
    assert going_on == credit == [("04-01", 3100), ("05-01", 3100), ("06-01", 3100)]
    assert stopped == [("04-01", 3100), ("05-16", 1600), ("06-01", 3100)]
    assert arrears == [("04-01", 1033), ("05-16", 1600)]
    assert await credited(world, customer) == [1500, 2067]
    kinds = [kind for kind, _ in await events(world, names[1])]
    assert [kind for kind in kinds if kind.startswith("billing")] == ["billing_stopped", "billing_goes_on"]
    assert (await shown(world, names[1]))["next_renewal"] == "2026-07-01T00:00:00Z"


async def test_what_is_suspended_while_it_is_paused_is_not_billed_when_the_pause_is_over(world: World) -> None:
    """Paused for all of 11 April to 1 May, suspended from 21 April to 16 May."""
    clock, customer = await clocked(world, APRIL)
    name = await live(world, customer, await plan(world, monthly("31.00")))
    asked = {"when": "2026-04-11T00:00:00Z", "until": "2026-05-01T00:00:00Z"}
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/pause", json=asked))
    await advance(world, clock, datetime(2026, 4, 21, tzinfo=UTC))
    async with policy_as_it_was(world):
        await set_policy(world, SuspendedTime.stop)
        await world.succeed(world.api.post(f"/v1/subscriptions/{name}/suspend", json={"reason": "request"}))
        await advance(world, clock, datetime(2026, 5, 16, tzinfo=UTC))
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/unsuspend", json={"reason": "request"}))
    await advance(world, clock, datetime(2026, 5, 17, tzinfo=UTC))
    assert await lines(world, name) == [("04-01", 3100), ("05-16", 1600)]
    assert await credited(world, customer) == [2067]


@pytest.mark.parametrize("mode", [SuspendedTime.stop, SuspendedTime.credit])
async def test_what_dunning_suspends_is_not_charged_for_that_time(world: World, mode: SuspendedTime) -> None:
    """From 28 March, 0:00, to 10 April. The period from 28 February to 31 March, 9:00, has 744 hours, of which 81 are 3.38; the
    one up to 30 April 720, of which 231 are 9.95, and the other 489 are 21.05."""
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly("31.00")))
    await pays_with(world, customer, "tok_declined_soft")
    async with policy_as_it_was(world):
        await set_policy(world, mode)
        await advance(world, clock, day(4, 10))
    assert await blocked(world, name) == ["non_payment"]
    await pays_with(world, customer, "tok_visa")
    overdue = next(each["id"] for each in await invoices(world, customer) if each["state"] == "overdue")
    await world.succeed(world.api.post(f"/v1/invoices/{overdue}/collect"))
    await advance(world, clock, day(5, 2))
    assert await blocked(world, name) == []
    before, after = [("01-31", 3100), ("02-28", 3100)], [("04-30", 3100)]
    found = await invoices(world, customer)
    assert {each["state"] for each in found} == {"paid"}
    if mode is SuspendedTime.stop:
        assert await lines(world, name) == [*before, ("04-10", 2105), *after]
        assert await credited(world, customer) == []
    else:
        assert await lines(world, name) == [*before, ("03-31", 3100), *after]
        assert await credited(world, customer) == [338, 995]
