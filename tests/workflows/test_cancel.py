"""Cancelling in flight: all of it, part of it, what is too late, and from Temporal's own UI."""

import asyncio

from tests.workflows.plans import access, build, by_hand
from tests.world import World


async def test_a_cancelled_order_takes_down_what_was_built_and_charges_nothing(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.fallout(order)

    answer = await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "changed her mind"}))

    assert answer["accepted"]
    assert answer["preview"]["released"]["minor"] == 1000
    assert answer["preview"]["refunded"]["minor"] == 0
    done = await world.state(order, "cancelled")
    summary = await world.sandbox.summary(order)
    assert (summary.payments[0].captured.minor, summary.payments[0].voided.minor) == (0, 1000)
    assert [service.state for service in summary.services] == ["terminated"]
    assert done["reason"] == "changed her mind"
    assert done["ledger"] == []
    assert {record["verb"] for record in done["fallout"]} == {"compensate"}


async def test_a_preview_says_what_a_cancellation_comes_to_and_changes_nothing(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), price="12.50")
    order = await world.order(await world.customer(), {"product": product, "plan": plan, "quantity": 2})
    await world.fallout(order)

    answer = await world.succeed(world.api.post(f"/v1/orders/{order}/cancel?preview=true", json={}))

    # 2 × 12.50, authorized and not captured
    assert (answer["released"]["minor"], answer["refunded"]["minor"], answer["kept"]["minor"]) == (2500, 0, 0)
    assert (await world.get(order))["state"] == "held"


async def test_past_a_point_of_no_return_a_partial_cancellation_is_offered_with_its_price(world: World) -> None:
    final = build("dig", point_of_no_return=True, undo=None)
    first, first_plan = await world.product(final, by_hand("inspect", needs=["dig"]), access(), price="30.00")
    second, second_plan = await world.product(build("other"), by_hand(), access(), price="20.00")
    order = await world.order(
        await world.customer(), {"product": first, "plan": first_plan}, {"product": second, "plan": second_plan}
    )
    hand = await world.fallout(order)
    await world.resolve(hand, "resolve", evidence="done")

    async def dug() -> bool:
        return bool((await world.get(order))["items"][0]["point_of_no_return_passed"])

    await world.until(dug, "the point of no return to be passed")
    refused = await world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "too slow"})
    assert refused.status_code == 409
    offer = refused.json()["preview"]
    assert (offer["released"]["minor"], offer["kept"]["minor"], offer["complete"]) == (2000, 3000, False)

    accepted = await world.succeed(
        world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "too slow", "accept_partial": True})
    )
    assert accepted["accepted"]
    await world.resolve(await world.fallout(order), "resolve", evidence="inspected")
    done = await world.state(order, "partial")
    assert {item["item"]: item["state"] for item in done["items"]} == {"1": "completed", "2": "cancelled"}
    money = (await world.sandbox.summary(order)).payments[0]
    assert (money.captured.minor, money.refunded.minor) == (3000, 0)
    assert done["invoice"]["total"]["minor"] == 3000


async def test_single_items_can_be_cancelled(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    items = [{"product": product, "plan": plan}, {"product": product, "plan": plan}]
    order = await world.order(await world.customer(), *items)
    await world.fallout(order)

    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"items": ["2"]}))

    await world.resolve(await world.fallout(order), "resolve", evidence="done")
    done = await world.state(order, "partial")
    assert {item["item"]: item["state"] for item in done["items"]} == {"1": "completed", "2": "cancelled"}
    assert (await world.sandbox.summary(order)).payments[0].captured.minor == 1000


async def test_cancelling_twice_is_answered_and_undoes_once(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]))
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.fallout(order)

    answers = await asyncio.gather(*(world.api.post(f"/v1/orders/{order}/cancel", json={}) for _ in range(3)))

    assert {answer.status_code for answer in answers} <= {200, 202, 409}
    assert any(answer.is_success for answer in answers)
    await world.state(order, "cancelled")
    assert (await world.sandbox.kinds(order)).count("terminated") == 1
    late = await world.api.post(f"/v1/orders/{order}/cancel", json={})
    assert late.status_code == 409
    assert "cancelled" in late.json()["detail"]


async def test_the_cancellation_button_of_temporals_ui_undoes_everything(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]))
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.fallout(order)

    await world.workflow(order).cancel()

    await world.state(order, "cancelled")
    summary = await world.sandbox.summary(order)
    assert [service.state for service in summary.services] == ["terminated"]
    assert summary.payments[0].voided.minor == 1000


async def test_temporals_cancellation_during_an_undo_does_not_cut_it_short(world: World) -> None:
    product, plan = await world.product(build("a"), build("b", partner="fibreworks"), by_hand(needs=["a", "b"]))
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.fallout(order)
    await world.sandbox.of(order).fault("terminate", "error_500", count=2)

    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={}))
    await world.workflow(order).cancel()

    done = await world.settled(order)
    assert done["state"] == "cancelled"
    assert {service.state for service in (await world.sandbox.summary(order)).services} == {"terminated"}
    assert (await world.sandbox.summary(order)).payments[0].voided.minor == 1000


async def test_an_order_can_be_cancelled_after_the_capture_and_is_refunded(world: World) -> None:
    product, plan = await world.product(build(), by_hand("hand-over", stage="activate"), access(needs=["hand-over"]))
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.fallout(order)

    answer = await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no longer wanted"}))

    assert answer["preview"]["refunded"]["minor"] == 1000
    done = await world.state(order, "cancelled")
    money = (await world.sandbox.summary(order)).payments[0]
    assert (money.captured.minor, money.refunded.minor) == (1000, 1000)
    assert done["invoice"]["credited"]["minor"] == 1000
    balance: dict[str, int] = {}
    for entry in done["ledger"]:
        balance[entry["account"]] = balance.get(entry["account"], 0) + entry["amount"]["minor"]
    accounts = ("receivable", "deferred_revenue", "cash:sandbox", "customer_credit")
    assert balance == dict.fromkeys(accounts, 0)
    assert not [grant for grant in done["entitlements"] if grant["revoked_at"] is None]
