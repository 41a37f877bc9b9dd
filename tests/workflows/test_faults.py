"""Partners that misbehave in every way they can, and the faults of Temporal's own order example."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from tests.workflows.plans import access, build, built, by_hand
from tests.world import Json, Money, World, cash

MODES = ("timeout_before", "timeout_after", "error_500", "garbled", "not_attempted", "rate_limit", "slow")
CALLBACK_MODES = ("duplicate_callback", "early_callback", "late_callback", "no_callback", "bad_signature")
PARTNERS = ("mailhub", "fibreworks")
FAILS: Json = {"on_failure": "compensate"}
NOWHERE = {"id": "nowhere", "name": "Call nobody", "adapter": "nowhere", "verb": "activate", **FAILS}
"""A step that is always refused: there is no such adapter."""


def line(partner: str, *more: Json) -> list[Json]:
    """Build at a partner, wait where it takes time, verify, activate after the capture."""
    waits = [built(poll_every=30)] if partner == "fibreworks" else []
    last = "built" if waits else "build"
    check = build("check", partner, verb="verify", undo=None, needs=[last])
    return [build(partner=partner), *waits, check, *more, build("open", partner, verb="activate", stage="activate")]


async def run_each(world: World, steps: list[Json], operation: str, modes: tuple[str, ...]) -> dict[str, Json]:
    """One order a mode, in which `operation` fails once that way; all settled, by mode."""
    product, plan = await world.product(*steps)
    customer = await world.customer()
    orders = [await world.draft(customer, {"product": product, "plan": plan}) for _ in modes]
    once: Json = {"operation": operation, "count": 1, "delay_seconds": 0.05}
    await world.sandbox.faults(*({**once, "mode": mode, "order": order} for mode, order in zip(modes, orders, strict=True)))
    await asyncio.gather(*(world.submit(order) for order in orders))
    settled = await asyncio.gather(*(world.settled(order) for order in orders))
    return dict(zip(modes, settled, strict=True))


@pytest.mark.parametrize("partner", PARTNERS)
@pytest.mark.parametrize("operation", ["create", "verify", "activate"])
async def test_a_lost_or_spoilt_answer_is_not_a_failure(world: World, partner: str, operation: str) -> None:
    for mode, order in (await run_each(world, line(partner), operation, MODES)).items():
        assert (order["state"], order["fallout"]) == ("completed", []), mode
        assert await world.struck(order["id"]), mode
        [service] = (await world.sandbox.summary(order["id"])).services
        assert (service.state, service.accounts) == ("active", 1), mode
        assert await world.money(order["id"]) == Money(captured=1000, refunded=0, open=0), mode


@pytest.mark.parametrize("partner", PARTNERS)
async def test_a_lost_or_spoilt_answer_to_an_undo_leaves_nothing_behind(world: World, partner: str) -> None:
    after = {**NOWHERE, "needs": ["check"]}
    for mode, order in (await run_each(world, line(partner, after), "terminate", MODES)).items():
        assert order["state"] == "failed", mode
        assert await world.struck(order["id"]), mode
        [service] = (await world.sandbox.summary(order["id"])).services
        assert (service.state, service.accounts) == ("terminated", 1), mode
        assert await world.happened(order["id"], "terminated") == ["terminated"], mode
        assert await world.money(order["id"]) == Money(captured=0, refunded=0, open=0), mode


async def test_a_callback_that_goes_astray_is_made_up_for(world: World) -> None:
    for mode, order in (await run_each(world, line("fibreworks"), "create", CALLBACK_MODES)).items():
        assert order["state"] == "completed", mode
        [service] = (await world.sandbox.summary(order["id"])).services
        assert (service.state, service.accounts) == ("active", 1), mode


@pytest.mark.parametrize("partner", PARTNERS)
@pytest.mark.parametrize("operation", ["create", "activate"])
async def test_a_partners_no_is_asked_about_at_once(world: World, partner: str, operation: str) -> None:
    product, plan = await world.product(*line(partner))
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.fault(operation, "decline_hard", order=order)
    await world.submit(order)

    record = await world.stuck(order)

    assert (record["attempts"], record["owner"]) == (1, "operations")
    assert "declined_hard" in record["error"]
    assert len((await world.sandbox.client.get("/faults")).json()) == 1
    await world.sandbox.faults()
    await world.resolve(record, "retry")
    assert (await world.settled(order))["state"] == "completed"


async def test_work_that_a_partner_failed_at_is_ordered_again(world: World) -> None:
    product, plan = await world.product(*line("fibreworks"))
    failing = {"product": product, "plan": plan, "characteristics": {"sandbox": "fail", "address": "Elm Street 1"}}
    order = await world.order(await world.customer(), failing)
    record = await world.stuck(order)
    assert record["step"] == "built"

    await world.resolve(record, "retry", data={"sandbox": ""})

    done = await world.settled(order)
    assert done["state"] == "completed"
    facts = await world.happened(order, "service_created", "service_failed", "service_restarted", "service_ready", "activated")
    assert facts == ["service_created", "service_failed", "service_restarted", "service_ready", "activated"]


async def test_a_partner_that_stays_silent_for_weeks_is_asked_ever_less_often(world: World) -> None:
    # asked after 30 s and so on doubling to an hour: in 14 days 7 + 335 times
    patient = built(poll_every=30, timeout=14 * 86400)
    product, plan = await world.product(build(partner="fibreworks"), patient, access())
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.configure("fibreworks", hold=True)
    try:
        await world.submit(order)
        await world.until(lambda: waiting(world, order, "partner fibreworks"), "the order to wait for its partner")
        await world.skip(order, timedelta(days=1))
    finally:
        await world.sandbox.configure("fibreworks", hold=False)

    # in one day 7 + 23 questions of about ten events each
    assert (await world.workflow(order).describe()).history_length < 450
    assert (await world.settled(order))["state"] == "completed"


async def waiting(world: World, order: str, on: str) -> bool:
    return str((await world.get(order))["waiting_on"]).startswith(on)


async def test_a_shipment_that_fails_after_the_charge_is_refunded(world: World) -> None:
    good, good_plan = await world.product(build(), access(), price="20.00")
    ships = build("ship", verb="activate", stage="activate", undo=None, **FAILS)
    bad, bad_plan = await world.product(build(), ships, access(), price="10.00", entitlements={"shipped": "1"})
    order = await world.draft(await world.customer(), {"product": good, "plan": good_plan}, {"product": bad, "plan": bad_plan})
    await world.sandbox.fault("activate", "decline_hard", order=order)
    await world.submit(order)

    done = await world.settled(order)

    assert done["state"] == "partial"
    # 20.00 + 10.00 taken, 10.00 given back
    assert await world.money(order) == Money(captured=3000, refunded=1000, open=0)
    assert cash(done) == 2000
    assert sum(entry["amount"]["minor"] for entry in done["ledger"]) == 0
    assert [(note["id"], note["amount"]["minor"]) for note in done["invoice"]["credit_notes"]] == [(f"{order}:credit:2", 1000)]
    assert [grant["feature"] for grant in done["entitlements"] if not grant["revoked_at"]] == ["feature"]
    assert [(item["state"], item["refunded"]) for item in done["items"]] == [("completed", False), ("failed", True)]
    states = {service.reference: service.state for service in (await world.sandbox.summary(order)).services}
    assert states == {f"{order}:1": "inactive", f"{order}:2": "terminated"}


async def test_reservations_are_released_on_failure_and_on_cancellation(world: World) -> None:
    product, plan = await world.product(build(**FAILS), by_hand(needs=["build"]), access(), capacity=1)
    customer = await world.customer()
    item = {"product": product, "plan": plan}

    failed = await world.order(customer, {**item, "characteristics": {"sandbox": "refuse"}})
    assert (await world.settled(failed))["state"] == "failed"
    cancelled = await world.order(customer, item)
    await world.stuck(cancelled)
    await world.succeed(world.api.post(f"/v1/orders/{cancelled}/cancel", json={"reason": "no"}))
    await world.state(cancelled, "cancelled")

    # the one unit there is can be had, twice over
    last = await world.order(customer, item)
    await world.resolve(await world.stuck(last), "resolve", evidence="done")
    assert (await world.settled(last))["state"] == "completed"


async def test_a_lost_reply_is_not_a_decline(world: World) -> None:
    product, plan = await world.product(build(), access())
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.fault("authorize", "timeout_after", count=2, order=order)
    await world.submit(order)

    done = await world.settled(order)

    assert done["state"] == "completed"
    assert [(payment["number"], payment["state"]) for payment in done["payments"]] == [(1, "captured")]
    assert await world.happened(order, "authorized", "declined") == ["authorized"]


async def reset(world: World, order: str, before: str, after: str | None = None) -> None:
    """Reset the order's workflow to the workflow task that came before the first activity of this name, or the first one after
    another."""
    handle = world.workflow(order)
    history = await handle.fetch_history()
    point = 0
    for event in history.events:
        scheduled = event.activity_task_scheduled_event_attributes.activity_type.name
        if scheduled == before and after is None:
            break
        after = None if scheduled == after else after
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            point = event.event_id
    await world.temporal.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=world.temporal.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            reason="test",
            workflow_task_finish_event_id=point,
            request_id=f"{order}:reset",
        )
    )


async def test_a_reset_of_a_running_order_charges_once(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    record = await world.stuck(order)

    await reset(world, order, before="authorize")

    await world.until(lambda: accepted(world, record), "the reset order to ask again")
    done = await world.settled(order)
    assert done["state"] == "completed"
    assert await world.happened(order, "authorized", "captured", "voided") == ["authorized", "captured"]
    [service] = (await world.sandbox.summary(order)).services
    assert service.accounts == 1
    assert [(payment["number"], payment["state"]) for payment in done["payments"]] == [(1, "captured")]


async def accepted(world: World, record: Json) -> bool:
    answer = await world.api.post(f"/v1/fallout/{record['id']}/resolve", json={"evidence": "done"})
    return answer.is_success


@pytest.mark.parametrize("shape", ["completed", "cancelled"])
async def test_a_reset_of_an_order_that_has_ended_changes_nothing(world: World, shape: str) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    record = await world.stuck(order)
    if shape == "completed":
        await world.resolve(record, "resolve", evidence="done")
    else:
        await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no"}))
    await world.state(order, shape)
    await world.workflow(order).result()
    before, events, facts = await world.get(order), await world.events(order), await world.sandbox.journal(order)

    await reset(world, order, before="authorize")

    assert await asyncio.wait_for(world.workflow(order).result(), 10) == shape
    assert await world.get(order) == before
    assert await world.events(order) == events
    assert await world.sandbox.journal(order) == facts


async def test_a_reset_of_an_order_that_was_refunded_gives_no_access(world: World) -> None:
    after_access = {**NOWHERE, "stage": "activate", "needs": ["access"]}
    product, plan = await world.product(build(), access(), after_access)
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.state(order, "failed")
    await world.workflow(order).result()
    before = await world.get(order)
    assert await world.money(order) == Money(captured=1000, refunded=1000, open=0)

    await reset(world, order, before="provision", after="capture")

    assert await asyncio.wait_for(world.workflow(order).result(), 10) == "failed"
    assert await world.get(order) == before
    assert [grant for grant in before["entitlements"] if grant["revoked_at"] is None] == []


async def test_one_failed_of_several_items_makes_the_order_partial(world: World) -> None:
    product, plan = await world.product(build(**FAILS), access())
    item: dict[str, Any] = {"product": product, "plan": plan}
    order = await world.order(await world.customer(), item, {**item, "characteristics": {"sandbox": "refuse"}}, item)

    done = await world.settled(order)

    assert done["state"] == "partial"
    assert [one["state"] for one in done["items"]] == ["completed", "failed", "completed"]
    # 3 × 10.00 held, 2 × 10.00 taken
    assert await world.money(order) == Money(captured=2000, refunded=0, open=0)
    assert len(done["subscriptions"]) == 2


async def test_a_change_that_a_partner_refuses_is_asked_about_and_the_order_goes_on(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.stuck(order)
    await world.sandbox.fault("change", "decline_hard", order=order)

    items = [{"id": "1", "product": product, "plan": plan, "quantity": 3}]
    await world.succeed(world.api.patch(f"/v1/orders/{order}", json={"version": 1, "items": items}))

    refused = await world.until(lambda: about(world, order, "build"), "the refused change to be asked about")
    assert "declined_hard" in refused["error"]
    await world.sandbox.faults()
    await world.resolve(refused, "retry")
    by_person = await world.until(lambda: about(world, order, "by-hand"), "the task to be asked for again")
    await world.resolve(by_person, "resolve", evidence="done")
    done = await world.settled(order)
    assert done["state"] == "completed"
    [service] = (await world.sandbox.summary(order)).services
    assert (service.quantity, service.accounts) == (3, 1)
    # 3 × 10.00, held anew for the larger quantity; the first 10.00 went back
    assert await world.money(order) == Money(captured=3000, refunded=0, open=0)


async def about(world: World, order: str, step: str) -> Json | None:
    answer = await world.succeed(world.api.get("/v1/fallout", params={"order": order, "open": "true"}))
    return next((record for record in answer["items"] if record["step"] == step), None)


@pytest.mark.parametrize("mode", ["error_500", "slow"])
async def test_a_cancellation_while_a_call_is_out_takes_down_what_it_built(world: World, mode: str) -> None:
    tries = {"attempts": 100, "first_wait": 1}
    product, plan = await world.product(build(retry=tries), by_hand(needs=["build"]), access())
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.fault("create", mode, order=order, delay_seconds=0.5)
    await world.submit(order)
    await world.until(lambda: world.struck(order), "the call to be out")

    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no"}))

    done = await world.settled(order)
    assert (done["state"], done["fallout"]) == ("cancelled", [])
    assert {service.state for service in (await world.sandbox.summary(order)).services} <= {"terminated"}
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)


async def test_a_step_that_is_given_up_while_others_are_out_waits_for_no_one(world: World) -> None:
    tries = {"attempts": 100, "first_wait": 1}
    product, plan = await world.product(build(retry=tries), NOWHERE, access())
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.fault("create", "error_500", order=order)
    await world.submit(order)

    done = await world.settled(order)

    assert (done["state"], done["fallout"]) == ("failed", [])
