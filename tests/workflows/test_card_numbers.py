"""A card number that somebody types into Temporal's UI is in no history."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from tests.workflows.plans import access, by_hand
from tests.world import World

NUMBER = "4242 4242 4242 4242"


async def test_typed_into_a_command_it_is_refused_and_in_no_history(world: World) -> None:
    product, plan = await world.product(by_hand(), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.fallout(order)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.workflow(order).execute_update("cancel", {"reason": f"the customer gave {NUMBER}", "by": "olga"})
    assert "reason: looks like a card number" in str(refused.value.cause)
    assert NUMBER not in str(refused.value.cause)
    answer = await world.api.post(f"/v1/orders/{order}/cancel", json={"reason": f"on {NUMBER}"})
    assert answer.status_code == 422
    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no more"}))
    await world.settled(order)

    history = await world.workflow(order).fetch_history()
    kept = b"".join(event.SerializeToString() for event in history.events)
    assert b"no more" in kept
    assert not any(mark.encode() in kept for mark in (NUMBER, NUMBER.replace(" ", "")))
