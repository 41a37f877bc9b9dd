"""Test clocks through the API: what happens is streamed, and what cannot be is refused in words."""

import json
from datetime import UTC, datetime

from tests.life import live, monthly, plan, shown
from tests.world import Json, World


async def clock(world: World, now: str = "2026-01-31T09:00:00Z") -> str:
    name = f"clock-{next(world.numbers)}"
    await world.succeed(world.api.post("/v1/test-clocks", json={"id": name, "now": now}))
    return name


async def advanced(world: World, name: str, **to: str) -> list[Json]:
    answer = await world.api.post(f"/v1/test-clocks/{name}/advance", json=to)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_two_years_of_a_subscription_pass_in_one_answer(world: World) -> None:
    name, customer = await clock(world), await world.customer()
    await world.succeed(world.api.post(f"/v1/test-clocks/{name}/customers", json={"customer": customer}))
    subscription = await live(world, customer, await plan(world, monthly()))
    lines = await advanced(world, name, by="P2Y")

    assert lines[-1] == {"now": "2028-01-31T09:00:00+00:00"}
    told = [line["event"] for line in lines[:-1]]
    kinds = [event["type"] for event in told]
    assert [kinds.count(kind) for kind in ("subscription.billed", "payment.paid", "subscription.renewed")] == [24, 23, 23]
    assert (await shown(world, subscription))["paid_until"] == "2028-01-31T09:00:00Z"
    page = await world.succeed(world.api.get(f"/v1/test-clocks/{name}/events", params={"limit": 200}))
    assert {event["id"] for event in told} == {event["id"] for event in page["items"]}


async def test_a_clock_goes_forward_only_and_not_too_far(world: World) -> None:
    name = await clock(world)
    for body, words in (
        ({"to": "2026-01-30T00:00:00Z"}, "lies before what the clock shows"),
        ({"by": "P9Y"}, "in steps"),
        ({"by": "a month"}, "is no duration"),
        ({}, "give either"),
    ):
        refused = await world.api.post(f"/v1/test-clocks/{name}/advance", json=body)
        assert (refused.status_code, words in refused.text) == (422, True), refused.text
    assert await advanced(world, name, by="PT6H") == [{"now": "2026-01-31T15:00:00+00:00"}]


async def test_a_customer_with_business_in_real_time_is_not_attached(world: World) -> None:
    name, customer = await clock(world), await world.customer()
    await world.order(customer, {"product": "crm", "plan": "crm-team"})
    refused = await world.api.post(f"/v1/test-clocks/{name}/customers", json={"customer": customer})
    assert (refused.status_code, "has business in real time" in refused.text) == (409, True)
    other = await world.customer()
    for _ in range(2):
        attached = await world.succeed(world.api.post(f"/v1/test-clocks/{name}/customers", json={"customer": other}))
    assert attached["customers"] == [other]
    assert datetime.fromisoformat(attached["now"]) == datetime(2026, 1, 31, 9, tzinfo=UTC)
