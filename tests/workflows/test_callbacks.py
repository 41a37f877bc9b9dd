"""Partners' callbacks: early, late, repeated, out of order, forged and never."""

import json
from datetime import UTC, datetime, timedelta

import httpx
from standardwebhooks import Webhook

from tests.sandbox_server import SECRET
from tests.workflows.plans import access, build, built
from tests.world import World

LINE = (build("line", partner="fibreworks"), built("line"), access())


async def tell(world: World, message: str, order: str, status: str, sequence: int) -> httpx.Response:
    """A callback as the partner signs it."""
    body = json.dumps({"reference": f"{order}:1", "status": status, "sequence": sequence, "remote_id": "remote-1"})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(message, now, body),
        "content-type": "application/json",
    }
    return await world.api.post("/v1/callbacks/fibreworks", content=body, headers=headers)


async def silent_order(world: World) -> str:
    """An order whose partner builds and never calls back by itself."""
    product, plan = await world.product(*LINE)
    customer = await world.customer()
    await world.sandbox.fault("callback", "no_callback")
    order = await world.order(customer, {"product": product, "plan": plan})

    async def waits() -> bool:
        return str((await world.get(order))["waiting_on"]).startswith("partner fibreworks")

    await world.until(waits, "the order to wait for its partner")
    await world.sandbox.client.delete("/faults")
    return order


async def test_a_partner_that_calls_back_completes_the_wait(world: World) -> None:
    product, plan = await world.product(*LINE)
    order = await world.order(await world.customer(), {"product": product, "plan": plan})

    await world.state(order, "completed")


async def test_repeated_and_outdated_callbacks_change_nothing(world: World) -> None:
    order = await silent_order(world)

    assert (await tell(world, f"m2-{order}", order, "in_progress", 2)).status_code == 202
    assert (await tell(world, f"m1-{order}", order, "failed", 1)).status_code == 202
    assert (await tell(world, f"m3-{order}", order, "completed", 3)).status_code == 202
    repeated = await tell(world, f"m3-{order}", order, "completed", 3)

    assert (repeated.status_code, repeated.json()["status"]) == (200, "duplicate")
    await world.state(order, "completed")
    told = [event["type"] for event in await world.events(order) if event["type"].startswith("callback.")]
    assert told == ["callback.in_progress", "callback.completed"]


async def test_a_callback_that_comes_before_the_order_of_the_line_is_answered_is_kept(world: World) -> None:
    product, plan = await world.product(*LINE)
    customer = await world.customer()
    await world.sandbox.fault("callback", "early_callback", count=1)

    order = await world.order(customer, {"product": product, "plan": plan})

    await world.state(order, "completed")


async def test_a_reported_failure_lands_in_fallout_with_the_partners_words(world: World) -> None:
    order = await silent_order(world)

    await tell(world, f"f1-{order}", order, "failed", 5)

    stuck = await world.fallout(order)
    assert "fibreworks reports that it failed" in stuck["error"]
    await world.resolve(stuck, "compensate", reason="the customer gives up")
    await world.state(order, "failed")
    assert (await world.sandbox.summary(order)).payments[0].voided.minor == 1000


async def test_a_silent_partner_is_asked_and_its_answer_counts(world: World) -> None:
    order = await silent_order(world)

    await world.skip(order, timedelta(seconds=700))

    await world.state(order, "completed")


async def test_a_partner_that_stays_silent_is_escalated_at_the_deadline(world: World) -> None:
    product, plan = await world.product(*LINE)
    await world.sandbox.configure("fibreworks", hold=True)
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    try:
        await world.state(order, "in_progress")
        await world.skip(order, timedelta(seconds=3700))
        stuck = await world.fallout(order)
    finally:
        await world.sandbox.configure("fibreworks", hold=False)
    assert "silent" in stuck["error"]


async def test_a_callback_after_the_end_is_kept_as_late_and_changes_nothing(world: World) -> None:
    order = await silent_order(world)
    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={}))
    await world.state(order, "cancelled")

    assert (await tell(world, f"late-{order}", order, "completed", 9)).status_code == 202

    async def noted() -> bool:
        return any(event["type"] == "callback.late" for event in await world.events(order))

    await world.until(noted, "the late callback in the timeline")
    assert (await world.get(order))["state"] == "cancelled"


async def test_a_forged_callback_is_refused_and_changes_nothing(world: World) -> None:
    order = await silent_order(world)
    body = json.dumps({"reference": f"{order}:1", "status": "completed", "sequence": 9})
    now = datetime.now(UTC)
    headers = {"webhook-id": "x", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": "v1,AAAA"}

    answer = await world.api.post("/v1/callbacks/fibreworks", content=body, headers=headers)

    assert answer.status_code == 401
    assert not (await world.get(order))["inbox"]
