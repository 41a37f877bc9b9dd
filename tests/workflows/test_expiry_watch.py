"""The job that watches payment methods, from the card as it was given to the expired one."""

import uuid
from datetime import UTC, datetime, timedelta

from activities.contracts.expiry_watch import Watching
from activities.contracts.queues import JOBS
from tests.world import World
from workflows.expiry_watch import ExpiryWatchWorkflow


async def test_a_card_is_expired_by_the_first_round_after_its_month(world: World) -> None:
    customer = await world.customer(payment_method=None)
    given = world.api.post("/v1/payment-methods", json={"customer": customer, "token": "tok_expiring"})
    method = await world.succeed(given)
    ends = datetime.fromisoformat(method["expires_at"])
    await round_of(world, ends - timedelta(minutes=1))
    assert (await world.succeed(world.api.get(f"/v1/payment-methods/{method['id']}")))["state"] == "active"
    assert await round_of(world, ends) >= 1
    after = await world.succeed(world.api.get(f"/v1/payment-methods/{method['id']}"))
    assert after["state"] == "expired"
    assert [event["type"].rpartition(".")[2] for event in after["events"]] == ["added", "expiring", "expired"]


async def round_of(world: World, began: datetime) -> int:
    watching, name = Watching(began=began.astimezone(UTC)), f"expiry-watch-{uuid.uuid4()}"
    expired: int = await world.temporal.client.execute_workflow(ExpiryWatchWorkflow.run, watching, id=name, task_queue=JOBS)
    return expired
