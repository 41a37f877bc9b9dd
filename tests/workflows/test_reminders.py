"""Customers are reminded of a year that is renewed and of a trial that ends, in time and once each."""

from datetime import datetime

from activities.store import life_policies
from domain.subscriptions.policies import PausedTime, PausePolicy
from tests.life import JANUARY, advance, clocked, live, monthly, plan
from tests.workflows.test_dunning import day
from tests.world import World


async def told(world: World, customer: str) -> list[tuple[str, str, str]]:
    """Kind, the day it was told, and the day it is about."""
    answer = await world.succeed(world.api.get("/v1/messages", params={"customer": customer}))
    return [(each["kind"], each["at"][:10], each["facts"].get("on") or "") for each in reversed(answer["items"])]


async def test_a_year_and_a_trial_are_told_of_before_and_follow_what_moves_them(world: World) -> None:
    """A pause of 10 days moves the renewal from 14 February 2027 to the 24th, and what is told of it too. One that is to end
    in June, and so is not renewed, is not told of."""
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly("120.00", interval="year", trial_days=14)))
    async with world.database.transaction() as connection:
        await life_policies.put(connection, PausePolicy(unused=PausedTime.extend))
    try:
        await advance(world, clock, day(6, 1, 9))
        await world.succeed(world.api.post(f"/v1/subscriptions/{name}/pause", json={"when": "now"}))
        await advance(world, clock, day(6, 11, 9))
        await world.succeed(world.api.post(f"/v1/subscriptions/{name}/resume"))
    finally:
        async with world.database.transaction() as connection:
            await life_policies.put(connection, PausePolicy())
    ends = await live(world, customer, await plan(world, monthly("60.00", interval="year")))
    await world.succeed(world.api.post(f"/v1/subscriptions/{ends}/cancel", json={"when": "period_end"}))
    await advance(world, clock, datetime(2027, 6, 12, tzinfo=JANUARY.tzinfo))
    assert await told(world, customer) == [
        ("trial_ending", "2026-02-07", "2026-02-14"),
        ("renewed", "2026-02-14", ""),
        ("paused", "2026-06-01", "2026-06-01"),
        ("resumed", "2026-06-11", "2026-06-11"),
        ("renewal_reminder", "2027-01-25", "2027-02-24"),
        ("renewed", "2027-02-24", ""),
        ("ended", "2027-06-11", "2027-06-11"),
    ]
