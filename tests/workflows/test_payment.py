"""An order's money: held before anything is built, taken once for what was fulfilled, and given back otherwise."""

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from domain.roles import Role
from tests.workflows.plans import access, build, by_hand
from tests.world import Json, Money, World, cash

MODES = ("timeout_before", "timeout_after", "error_500", "garbled", "not_attempted", "rate_limit", "slow")
"""Every way in which a call to the gateway may go wrong and yet be repeated."""

FAILS = {"on_failure": "compensate"}
REFUSED: Json = {"characteristics": {"sandbox": "refuse"}}
"""What makes a partner of the sandbox refuse to create it."""


async def one_item(world: World, *steps: Json, price: str = "10.00", **changes: Any) -> Json:
    product, plan = await world.product(*(steps or (build(), access())), price=price)
    return {"product": product, "plan": plan, **changes}


def states(order: Json) -> list[tuple[int, str]]:
    return [(payment["number"], payment["state"]) for payment in order["payments"]]


def failing(operations: list[str], mode: str, order: str, **count: int) -> list[Json]:
    return [{"operation": one, "mode": mode, "order": order, "delay_seconds": 0.05, **count} for one in operations]


async def run_each(world: World, orders: dict[str, str], operations: list[str], **more: Any) -> dict[str, Json]:
    """Submit each order with each operation failing once in its own way, and let all settle; by mode."""
    faults = [fault for mode, order in orders.items() for fault in failing(operations, mode, order, count=1)]
    extra = [{"order": order, **fault} for order in orders.values() for fault in more.get("also", [])]
    await world.sandbox.faults(*faults, *extra)
    await asyncio.gather(*(world.submit(order) for order in orders.values()))
    settled = await asyncio.gather(*(world.settled(order) for order in orders.values()))
    return dict(zip(orders, settled, strict=True))


async def drafts(world: World, item: Json) -> dict[str, str]:
    customer = await world.customer()
    return {mode: await world.draft(customer, item) for mode in MODES}


async def test_a_soft_decline_is_tried_again_under_a_new_payment_number(world: World) -> None:
    order = await world.draft(await world.customer(), await one_item(world))
    await world.sandbox.fault("authorize", "decline_soft", count=1, order=order)
    await world.submit(order)

    done = await world.settled(order)

    assert done["state"] == "completed"
    assert states(done) == [(1, "declined"), (2, "captured")]
    assert await world.money(order) == Money(captured=1000, refunded=0, open=0)


async def test_after_three_soft_declines_finance_is_asked_and_another_method_pays(world: World) -> None:
    order = await world.order(await world.customer(payment_method="tok_declined_soft"), await one_item(world))

    record = await world.stuck(order)

    assert (record["owner"], record["subject"], record["money_at_stake"]["minor"]) == ("finance", "payment", 1000)
    assert record["error"] == "declined 3 times, last as insufficient_funds"
    assert (await world.get(order))["state"] == "held"
    await world.resolve(record, "retry", data={"payment_method": "tok_visa"})
    done = await world.settled(order)
    assert done["state"] == "completed"
    assert states(done) == [(1, "declined"), (2, "declined"), (3, "declined"), (4, "captured")]
    assert await world.money(order) == Money(captured=1000, refunded=0, open=0)


async def test_a_payment_that_finance_gives_up_fails_the_order(world: World) -> None:
    order = await world.order(await world.customer(payment_method="tok_declined_soft"), await one_item(world))
    record = await world.stuck(order)

    await world.resolve(record, "compensate", reason="no money there")

    done = await world.settled(order)
    assert (done["state"], done["reason"]) == ("failed", "payment given up by admin: no money there")
    assert await world.happened(order, "authorized", "service_created") == []


async def test_a_declined_card_activates_nothing(world: World) -> None:
    order = await world.order(await world.customer(payment_method="tok_declined_hard"), await one_item(world))

    done = await world.settled(order)

    assert (done["state"], done["reason"]) == ("failed", "payment declined: stolen_card")
    assert await world.sandbox.kinds(order) == ["declined"]
    assert (done["entitlements"], done["ledger"], done["invoice"]) == ([], [], None)
    assert {step["state"] for step in done["steps"]} <= {"waiting", "cancelled"}


async def test_nothing_is_built_until_a_pending_payment_is_confirmed(world: World) -> None:
    order = await world.order(await world.customer(payment_method="tok_pending"), await one_item(world))

    done = await world.settled(order)

    assert done["state"] == "completed"
    facts = await world.happened(order, "authorized", "service_created", "captured", "activated")
    assert facts == ["authorized", "service_created", "captured"]


async def test_a_payment_that_is_never_confirmed_fails_the_order_and_is_withdrawn(world: World) -> None:
    order = await world.order(await world.customer(payment_method="tok_never_confirmed"), await one_item(world))

    done = await world.settled(order, step=timedelta(hours=12))

    assert (done["state"], done["reason"]) == ("failed", "the payment was never confirmed")
    assert states(done) == [(1, "voided")]
    assert await world.happened(order, "authorized", "service_created") == []
    # 30 s doubling to an hour for 3 days is 7 + 71 questions; a question costs about ten events
    assert (await world.workflow(order).describe()).history_length < 1200


@pytest.mark.parametrize("operation", ["authorize", "capture", "status"])
async def test_an_answer_that_goes_wrong_takes_the_money_once(world: World, operation: str) -> None:
    orders = await drafts(world, await one_item(world))
    # the status is asked for only where an authorization was in doubt
    also = [{"operation": "authorize", "mode": "timeout_after", "count": 1}] if operation == "status" else []

    done = await run_each(world, orders, [operation], also=also)

    for mode, order in orders.items():
        assert done[mode]["state"] == "completed", mode
        assert await world.money(order) == Money(captured=1000, refunded=0, open=0), mode
        assert await world.happened(order, "authorized", "captured", "voided") == ["authorized", "captured"], mode
        assert states(done[mode]) == [(1, "captured")], mode
        assert cash(done[mode]) == 1000, mode


async def test_an_answer_that_goes_wrong_voids_what_was_held_once(world: World) -> None:
    orders = await drafts(world, await one_item(world, build(**FAILS), access(), **REFUSED))

    done = await run_each(world, orders, ["void", "status"])

    for mode, order in orders.items():
        assert done[mode]["state"] == "failed", mode
        assert await world.money(order) == Money(captured=0, refunded=0, open=0), mode
        assert await world.happened(order, "authorized", "voided") == ["authorized", "voided"], mode
        assert states(done[mode]) == [(1, "voided")], mode


async def test_an_answer_that_goes_wrong_refunds_once(world: World) -> None:
    opening = build("open", verb="activate", stage="activate", undo=None, **FAILS)
    orders = await drafts(world, await one_item(world, build(), opening))

    done = await run_each(world, orders, ["refund"], also=[{"operation": "activate", "mode": "decline_hard"}])

    for mode, order in orders.items():
        assert done[mode]["state"] == "failed", mode
        assert await world.money(order) == Money(captured=1000, refunded=1000, open=0), mode
        assert await world.happened(order, "refunded") == ["refunded"], mode
        assert states(done[mode]) == [(1, "refunded")], mode
        assert cash(done[mode]) == 0, mode


@pytest.mark.parametrize("mode", ["decline_soft", "decline_hard"])
async def test_a_void_that_is_declined_is_not_taken_for_done(world: World, mode: str) -> None:
    order = await world.draft(await world.customer(), await one_item(world, build(**FAILS), access(), **REFUSED))
    await world.sandbox.fault("void", mode, count=2, order=order)
    await world.submit(order)

    if mode == "decline_hard":
        for number in (1, 2):
            record = await world.stuck(order)
            assert (record["id"], record["owner"]) == (f"{order}:payment:1:undo:fallout:{number}", "finance")
            await world.resolve(record, "retry")
            await world.until(partial(closed, world, record), "the retry to be taken")
    done = await world.settled(order)

    assert done["state"] == "failed"
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)


async def closed(world: World, record: Json) -> bool:
    found = await world.get(record["order"])
    return any(one["id"] == record["id"] and one["verb"] for one in found["fallout"])


async def test_a_refund_that_is_declined_is_not_taken_for_done(world: World) -> None:
    opening = build("open", verb="activate", stage="activate", undo=None, **FAILS)
    order = await world.draft(await world.customer(), await one_item(world, build(), opening))
    await world.sandbox.faults(
        {"operation": "activate", "mode": "decline_hard", "order": order},
        {"operation": "refund", "mode": "decline_hard", "order": order, "count": 1},
    )
    await world.submit(order)

    record = await world.stuck(order)

    assert (record["id"], record["owner"]) == (f"{order}:1:refund:fallout:1", "finance")
    assert cash(await world.get(order)) == 1000
    await world.resolve(record, "retry")
    done = await world.settled(order)
    assert (done["state"], cash(done)) == ("failed", 0)
    assert await world.money(order) == Money(captured=1000, refunded=1000, open=0)


async def test_a_capture_that_stays_stuck_goes_to_finance_and_is_taken_once_when_tried_again(world: World) -> None:
    order = await world.draft(await world.customer(), await one_item(world))
    await world.sandbox.fault("capture", "error_500", order=order)
    await world.submit(order)
    record = await world.stuck(order)
    assert (record["owner"], record["subject"], record["attempts"]) == ("finance", "payment", 8)
    assert states(await world.get(order)) == [(1, "held")]
    await world.sandbox.faults()

    finance = await world.client_for("fay", Role.finance)
    await world.succeed(finance.post(f"/v1/fallout/{record['id']}/retry", json={}))

    done = await world.settled(order)
    assert done["state"] == "completed"
    assert await world.money(order) == Money(captured=1000, refunded=0, open=0)
    assert cash(done) == 1000


def accounts(order: Json) -> Counter[str]:
    """What the ledger has of the order in each account, in minor units."""
    sums: Counter[str] = Counter()
    for entry in order["ledger"]:
        sums[entry["account"]] += entry["amount"]["minor"]
    return sums


async def test_a_capture_that_is_given_up_gives_back_what_it_turns_out_to_have_taken(world: World) -> None:
    item = await one_item(world)
    happened, not_happened = [await world.draft(await world.customer(), item) for _ in range(2)]
    await world.sandbox.faults(
        {"operation": "status", "mode": "error_500", "order": happened},
        {"operation": "status", "mode": "error_500", "order": not_happened},
        {"operation": "capture", "mode": "timeout_after", "order": happened},
        {"operation": "capture", "mode": "timeout_before", "order": not_happened},
    )
    for order in (happened, not_happened):
        await world.submit(order)
    records = [await world.stuck(order) for order in (happened, not_happened)]
    await world.sandbox.faults()

    for record in records:
        await world.resolve(record, "compensate", reason="the customer paid in cash elsewhere")

    for order, state in ((happened, "refunded"), (not_happened, "voided")):
        done = await world.settled(order)
        assert done["state"] == "failed"
        assert states(done) == [(1, state)]
        assert {service.state.value for service in (await world.sandbox.summary(order)).services} == {"terminated"}
        assert done["entitlements"] == []
        assert {account: minor for account, minor in accounts(done).items() if minor} == {}
        assert bool(done["ledger"]) is (order == happened)
    assert await world.money(happened) == Money(captured=1000, refunded=1000, open=0)
    assert await world.money(not_happened) == Money(captured=0, refunded=0, open=0)


async def test_what_another_amount_was_captured_of_is_given_back_and_the_right_amount_is_taken(world: World) -> None:
    customer = await world.customer()
    items = [await one_item(world, price=price) for price in ("10.00", "20.00")]
    order = await world.draft(customer, *items)
    await world.sandbox.faults(
        {"operation": "capture", "mode": "timeout_after", "order": order},
        {"operation": "status", "mode": "error_500", "order": order},
    )
    await world.submit(order)
    await world.stuck(order)
    await world.sandbox.faults()

    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"items": ["2"], "accept_partial": True}))

    done = await world.settled(order)
    assert done["state"] == "partial"
    # 30.00 was taken and its answer lost; item 2 was cancelled then: 30.00 back, and 10.00 for item 1
    assert await world.money(order) == Money(captured=4000, refunded=3000, open=0)
    assert cash(done) == 1000
    assert states(done) == [(1, "refunded"), (2, "captured")]


async def test_an_order_that_costs_nothing_is_activated_without_a_payment(world: World) -> None:
    order = await world.order(await world.customer(payment_method=None), await one_item(world, price="0.00"))

    done = await world.settled(order)

    assert done["state"] == "completed"
    assert (done["payments"], done["ledger"]) == ([], [])
    assert (await world.sandbox.summary(order)).payments == []
    assert [grant["feature"] for grant in done["entitlements"]] == ["feature"]


async def test_only_what_was_fulfilled_is_captured_and_billed(world: World) -> None:
    good = await one_item(world, price="20.00")
    bad = await one_item(world, build(**FAILS), access(), price="10.00", **REFUSED)
    order = await world.order(await world.customer(), good, bad)

    done = await world.settled(order)

    assert done["state"] == "partial"
    # 20.00 + 10.00 held, 20.00 taken
    assert (await world.sandbox.summary(order)).payments[0].authorized.minor == 3000
    assert await world.money(order) == Money(captured=2000, refunded=0, open=0)
    assert (done["invoice"]["total"]["minor"], cash(done)) == (2000, 2000)
    assert [item["captured"] for item in done["items"]] == [True, False]


@pytest.mark.parametrize(
    ("mode", "facts"), [("timeout_after", ["authorized", "voided"]), ("timeout_before", [])], ids=["it-was", "it-was-not"]
)
async def test_an_authorization_nobody_knows_of_is_found_out_and_released(world: World, mode: str, facts: list[str]) -> None:
    order = await world.draft(await world.customer(), await one_item(world))
    await world.sandbox.faults(
        {"operation": "authorize", "mode": mode, "order": order}, {"operation": "status", "mode": "error_500", "order": order}
    )
    await world.submit(order)
    record = await world.stuck(order)
    assert "not known to be authorized" in record["title"]
    await world.sandbox.faults()

    await world.resolve(record, "compensate", reason="the gateway is down")

    done = await world.settled(order)
    assert done["state"] == "failed"
    assert await world.sandbox.kinds(order) == facts
    assert states(done) == [(1, "voided")]


async def test_another_method_takes_the_place_of_an_authorization_nobody_knows_of(world: World) -> None:
    order = await world.draft(await world.customer(), await one_item(world))
    other = await another_card(world, order)
    await world.sandbox.faults(
        {"operation": "authorize", "mode": "timeout_after", "order": order},
        {"operation": "status", "mode": "error_500", "order": order},
    )
    await world.submit(order)
    record = await world.stuck(order)
    await world.sandbox.faults()

    await world.resolve(record, "retry", data={"payment_method": other})

    done = await world.settled(order)
    assert done["state"] == "completed"
    assert states(done) == [(1, "voided"), (2, "captured")]
    assert await world.money(order) == Money(captured=1000, refunded=0, open=0)


async def another_card(world: World, order: str) -> str:
    body = {"customer": "someone", "nonce": "nonce_visa"}
    headers = {"Idempotency-Key": f"{order}:card"}
    return str((await world.sandbox.client.post("/gateway/tokens", json=body, headers=headers)).json()["token"])


async def test_items_that_are_refunded_side_by_side_add_up(world: World) -> None:
    opening = build("open", verb="activate", stage="activate", undo=None, **FAILS)
    items = [await one_item(world, build(), opening, price=price) for price in ("10.00", "20.00", "12.34")]
    order = await world.draft(await world.customer(), *items)
    await world.sandbox.faults({"operation": "activate", "mode": "decline_hard", "order": order})
    await world.submit(order)

    done = await world.settled(order)

    # 10.00 + 20.00 + 12.34 = 42.34
    payment = done["payments"][0]
    assert (payment["state"], payment["captured"]["minor"], payment["refunded"]["minor"]) == ("refunded", 4234, 4234)
    assert await world.money(order) == Money(captured=4234, refunded=4234, open=0)
    assert sorted(note["amount"]["minor"] for note in done["invoice"]["credit_notes"]) == [1000, 1234, 2000]
    assert cash(done) == 0


async def test_a_cancellation_while_a_capture_is_being_retried_takes_nothing(world: World) -> None:
    order = await world.draft(await world.customer(), await one_item(world))
    await world.sandbox.fault("capture", "error_500", order=order)
    await world.submit(order)
    await world.until(lambda: world.struck(order), "the capture to fail")

    cancelling = asyncio.create_task(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no"}))
    done = await world.settled(order)

    assert (await cancelling).is_success
    assert done["state"] == "cancelled"
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)


async def test_a_cancellation_while_an_authorization_is_being_retried_holds_nothing(world: World) -> None:
    order = await world.draft(await world.customer(), await one_item(world))
    await world.sandbox.fault("authorize", "timeout_after", order=order)
    await world.submit(order)
    await world.until(lambda: world.struck(order), "the payment to fail")

    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no"}))

    done = await world.settled(order)
    assert done["state"] == "cancelled"
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)


async def test_several_items_totals_add_up(world: World) -> None:
    items = [await one_item(world, price=price, quantity=count) for price, count in (("10.00", 3), ("0.35", 7), ("19.99", 1))]
    order = await world.order(await world.customer(), *items)

    done = await world.settled(order)

    # 3 × 10.00 + 7 × 0.35 + 1 × 19.99 = 30.00 + 2.45 + 19.99 = 52.44
    assert (done["state"], done["total"]["minor"]) == ("completed", 5244)
    assert await world.money(order) == Money(captured=5244, refunded=0, open=0)
    assert (done["invoice"]["total"]["minor"], done["invoice"]["paid"]["minor"], cash(done)) == (5244, 5244, 5244)
    assert [line["amount"]["minor"] for line in done["invoice"]["lines"]] == [3000, 245, 1999]


async def test_a_stuck_payment_is_decided_only_by_whom_it_is_given_to(world: World) -> None:
    order = await world.order(
        await world.customer(payment_method="tok_declined_soft"), await one_item(world, build(), by_hand(), access())
    )
    record = await world.stuck(order)

    for role in (Role.viewer, Role.approver, Role.partner):
        client = await world.client_for(f"only-{role}", role)
        assert (await client.post(f"/v1/fallout/{record['id']}/retry", json={})).status_code == 403

    await world.resolve(record, "compensate", reason="done here")
    assert (await world.settled(order))["state"] == "failed"


@pytest.mark.parametrize("trouble", ["pending", "unknown"])
async def test_an_amendment_that_is_not_paid_at_once_leaves_the_order_as_it_was(world: World, trouble: str) -> None:
    item = await one_item(world, build(), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), item)
    await world.stuck(order)
    change: Json = {"version": 1, "items": [{"id": "1", **item, "quantity": 2}]}
    if trouble == "pending":
        change["payment_method"] = "tok_never_confirmed"
    else:
        await world.sandbox.faults(
            {"operation": "authorize", "mode": "timeout_after", "order": order},
            {"operation": "status", "mode": "error_500", "order": order},
        )

    amending = asyncio.create_task(world.api.patch(f"/v1/orders/{order}", json=change))
    while not amending.done():
        await world.skip(order, timedelta(seconds=20))

    assert (await amending).status_code == 409
    await world.sandbox.faults()
    await world.resolve(await world.stuck(order), "resolve", evidence="done")
    done = await world.settled(order)
    assert (done["state"], done["total"]["minor"]) == ("completed", 1000)
    assert states(done) == [(1, "captured"), (2, "voided")]
    assert await world.money(order) == Money(captured=1000, refunded=0, open=0)


@pytest.mark.money_case(19)
async def test_a_hold_that_lapses_while_it_is_provisioned_is_made_anew_and_taken_once(world: World) -> None:
    """The sandbox holds an amount for seven days; the work takes eight."""
    order = await world.order(
        await world.customer(), await one_item(world, by_hand("dig", timeout=10 * 86400), access(needs=["dig"]))
    )
    record = await world.fallout(order)
    await world.skip(order, timedelta(days=8))

    await world.resolve(record, "resolve", evidence="dug")
    done = await world.settled(order)

    assert done["state"] == "completed"
    assert states(done) == [(1, "voided"), (2, "captured")]
    assert await world.money(order) == Money(captured=1000, refunded=0, open=0)


@pytest.mark.money_case(18)
async def test_a_workflow_that_is_reset_pays_with_the_same_keys(world: World) -> None:
    """Reset to its first task, it asks for everything again, and nothing happens twice."""
    order = await world.order(await world.customer(), await one_item(world))
    assert (await world.settled(order))["state"] == "completed"
    client = world.temporal.client

    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=f"order-{order}"),
            workflow_task_finish_event_id=await _first_task(world, order),
            reason="to see what happens",
            request_id=f"reset-{order}",
        )
    )
    await world.workflow(order).result()

    assert await world.money(order) == Money(captured=1000, refunded=0, open=0)
    assert await world.happened(order, "authorized", "captured") == ["authorized", "captured"]
    assert states(await world.get(order)) == [(1, "captured")]
    assert cash(await world.get(order)) == 1000


async def _first_task(world: World, order: str) -> int:
    async for event in world.workflow(order).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return int(event.event_id)
    raise AssertionError(f"order {order} has done nothing yet")
