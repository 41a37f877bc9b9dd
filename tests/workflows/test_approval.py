"""Approvals: quorum, delegation, deadline, escalation, and one JSON for the API, Temporal's UI and its command line."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.roles import Role
from tests.workflows.plans import access, build, by_hand
from tests.world import World


async def waiting(world: World, **policy: Any) -> str:
    """An order of 10.00 that waits for an approval by this policy."""
    product, plan = await world.product(access())
    body = {"id": f"policy-{product}", "name": f"Orders of {product}", "products": [product], **policy}
    await world.succeed(world.api.put(f"/v1/approval-policies/{body['id']}", json=body))
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.state(order, "pending")
    return order


async def decide(world: World, order: str, name: str, decision: str, **more: Any) -> int:
    client = await world.client_for(name, Role.approver)
    return (await client.post(f"/v1/orders/{order}/approvals", json={"decision": decision, **more})).status_code


async def test_a_quorum_of_two_needs_two_people(world: World) -> None:
    order = await waiting(world, quorum=2)

    assert await decide(world, order, "ana", "approve") == 200
    assert (await world.get(order))["state"] == "pending"
    assert await decide(world, order, "ana", "approve") == 200
    assert (await world.get(order))["state"] == "pending"
    assert await decide(world, order, "ben", "approve") == 200

    await world.state(order, "completed")


async def test_one_rejection_rejects_the_order_with_its_reason(world: World) -> None:
    order = await waiting(world, quorum=2)

    await decide(world, order, "ana", "reject", reason="not in budget")

    done = await world.state(order, "rejected")
    assert done["reason"] == "rejected by ana: not in budget"
    assert (await world.sandbox.summary(order)).payments == []


async def test_nobody_decides_on_an_order_they_placed(world: World) -> None:
    order = await waiting(world)

    answer = await world.api.post(f"/v1/orders/{order}/approvals", json={"decision": "approve"})

    assert answer.status_code == 403
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.workflow(order).execute_update("approve", {"decision": "approve", "by": "admin"})
    assert "placed this order" in str(refused.value.cause)


async def test_only_the_named_approvers_and_their_delegates_decide(world: World) -> None:
    order = await waiting(world, approvers=["ana"])

    assert await decide(world, order, "ben", "approve") == 422
    assert await decide(world, order, "ana", "delegate", to="ben") == 200
    assert await decide(world, order, "ben", "approve") == 200

    await world.state(order, "completed")


async def test_an_approval_is_escalated_and_at_its_deadline_rejected(world: World) -> None:
    order = await waiting(world, deadline=7200, escalate_after=3600, escalate_to="cleo")

    await world.skip(order, timedelta(seconds=3700))
    escalated = await world.get(order)
    assert (escalated["state"], escalated["owner"]) == ("pending", "cleo")
    await world.skip(order, timedelta(seconds=3700))

    done = await world.state(order, "rejected")
    assert done["reason"] == "nobody approved it in time"


async def test_who_an_approval_is_escalated_to_may_decide(world: World) -> None:
    order = await waiting(world, approvers=["ana"], escalate_after=3600, escalate_to="cleo")
    assert await decide(world, order, "cleo", "approve") == 422

    await world.skip(order, timedelta(seconds=3700))

    assert await decide(world, order, "cleo", "approve") == 200
    await world.state(order, "completed")


@pytest.mark.parametrize(
    "said", [{"decision": "approve", "by": "ana"}, {"Decision": "Yes", "BY": "ana"}, '{"decision": "ok", "by": "ana"}']
)
async def test_temporals_update_takes_the_same_json_as_the_api(world: World, said: Any) -> None:
    order = await waiting(world)

    answer = await world.workflow(order).execute_update("approve", said)

    assert answer == "approve: 1 of 1 approvals"
    await world.state(order, "completed")


async def test_a_signal_from_temporals_ui_counts_as_well(world: World) -> None:
    order = await waiting(world)

    await world.workflow(order).signal("approval", {"decision": "approve", "by": "ana"})

    await world.state(order, "completed")


async def test_a_wrong_signal_becomes_an_event_and_changes_nothing(world: World) -> None:
    order = await waiting(world)

    await world.workflow(order).signal("approval", {"decision": "perhaps", "by": "ana"})

    async def ignored() -> bool:
        return any(event["type"] == "approval.ignored" for event in await world.events(order))

    await world.until(ignored, "the ignored signal in the timeline")
    assert (await world.get(order))["state"] == "pending"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"decision": "perhaps", "by": "ana"}, "decision"),
        ({"decision": "approve"}, "by"),
        ("perhaps", "decision"),
        (7, "body"),
        ({"decision": "approve", "by": "ana", "mood": "good"}, "mood"),
    ],
)
async def test_a_wrong_update_is_refused_in_one_line_that_names_the_field(world: World, said: Any, field: str) -> None:
    order = await waiting(world)

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.workflow(order).execute_update("approve", said)

    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    message = str(cause.message)
    assert message.startswith(f"{field}: ")
    assert "Example: " in message
    assert "\n" not in message
    assert not cause.failure or not cause.failure.stack_trace


async def test_an_approval_step_holds_up_its_item_alone(world: World) -> None:
    step = {"id": "sign-off", "name": "Sign off", "kind": "approval", "owner": "legal", "needs": ["build"]}
    product, plan = await world.product(build(), step, access(needs=["sign-off"]))
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    pending = await world.state(order, "pending")
    assert pending["owner"] == "legal"

    assert await decide(world, order, "ana", "approve", item="1", step="sign-off") == 200

    await world.state(order, "completed")


async def test_a_decision_that_comes_before_it_is_asked_for_counts(world: World) -> None:
    step = {"id": "sign-off", "name": "Sign off", "kind": "approval", "needs": ["by-hand"]}
    product, plan = await world.product(by_hand(), step)
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    hand = await world.fallout(order)

    assert await decide(world, order, "ana", "approve", item="1", step="sign-off") == 200
    await world.resolve(hand, "resolve", evidence="done")

    await world.state(order, "completed")


async def test_a_high_risk_customer_is_reviewed_and_a_blocked_one_rejected(world: World) -> None:
    product, plan = await world.product(access())
    risky = await world.order(await world.customer(risk="high"), {"product": product, "plan": plan})
    blocked = await world.order(await world.customer(risk="blocked"), {"product": product, "plan": plan})

    assert (await world.state(blocked, "rejected"))["reason"] == "the customer is blocked"
    assert (await world.state(risky, "pending"))["waiting_on"] == "approval: fraud review"
    assert await decide(world, risky, "ana", "approve") == 200
    await world.state(risky, "completed")


async def test_a_decision_after_the_end_is_answered_with_the_state(world: World) -> None:
    order = await waiting(world)
    await decide(world, order, "ana", "approve")
    await world.state(order, "completed")

    assert await decide(world, order, "ben", "approve") == 409
