"""What cannot go on by itself: held, in somebody's queue, until it is decided, and who decided it is kept."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.roles import Role
from tests.workflows.plans import access, build, by_hand
from tests.world import Json, Money, World, cash

REFUSED: Json = {"characteristics": {"sandbox": "refuse", "address": "Elm Street 1"}}
THREE_DAYS = timedelta(days=3, minutes=1)


async def stuck_order(world: World, *steps: Json, **item: Any) -> tuple[str, Json]:
    """An order over 10.00 whose partner refuses to build, and its open fallout."""
    product, plan = await world.product(*(steps or (build(), access(needs=[]))))
    order = await world.order(await world.customer(), {"product": product, "plan": plan, **(item or REFUSED)})
    return order, await world.stuck(order)


async def with_refused_undo(world: World, *steps: Json) -> str:
    """An order, not yet submitted, whose partner will refuse to terminate what it builds."""
    product, plan = await world.product(*steps)
    return await world.draft(await world.customer(), {"product": product, "plan": plan})


def the(order: Json, record: Json) -> Json:
    """The record as the order shows it now."""
    return next(dict(one) for one in order["fallout"] if one["id"] == record["id"])


async def in_state(world: World, order: str, state: str) -> bool:
    return bool((await world.get(order))["state"] == state)


async def test_an_order_with_something_stuck_is_held_and_says_whose_turn_it_is(world: World) -> None:
    order, record = await stuck_order(world)

    assert record["id"] == f"{order}:1:build:fallout:1"
    assert record["title"] == "stuck: Build build (item 1)"
    assert "not_serviceable" in record["error"]
    assert (record["owner"], record["attempts"], record["subject"]) == ("operations", 1, "step")
    assert record["money_at_stake"] == {"minor": 1000, "currency": "EUR"}
    held = await world.get(order)
    assert (held["state"], held["owner"]) == ("held", "operations")
    assert held["waiting_on"] == "fallout: stuck: Build build (item 1)"
    assert [item["state"] for item in held["items"]] == ["held"]
    await world.resolve(record, "compensate", reason="enough seen")
    await world.state(order, "failed")


async def test_a_step_that_is_tried_again_goes_on(world: World) -> None:
    product, plan = await world.product(build(), access())
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.fault("create", "error_500", order=order)
    await world.submit(order)
    record = await world.stuck(order)
    assert record["attempts"] == 2
    await world.sandbox.faults()

    await world.resolve(record, "retry", reason="they are back")

    done = await world.settled(order)
    assert done["state"] == "completed"
    decided = the(done, record)
    assert (decided["verb"], decided["by"], decided["reason"]) == ("retry", "admin", "they are back")
    assert decided["resolved_at"] is not None
    events = [event for event in await world.events(order) if event["type"].startswith("fallout.")]
    assert [(event["type"], event["actor"]) for event in events] == [
        ("fallout.opened", "turnup"),
        ("fallout.resolved", "admin"),
    ]


async def test_corrected_data_is_kept_in_the_order_and_sent_to_the_partner(world: World) -> None:
    order, record = await stuck_order(world)

    await world.resolve(record, "retry", data={"sandbox": "", "address": "Elm Street 2"})

    done = await world.settled(order)
    assert done["state"] == "completed"
    corrected = {"sandbox": "", "address": "Elm Street 2"}
    assert done["order"]["items"][0]["characteristics"] == corrected
    sent = (await world.sandbox.client.get(f"/partners/mailhub/services/{order}:1")).json()
    assert sent["characteristics"] == corrected


async def test_what_was_done_by_hand_is_done_with_its_evidence(world: World) -> None:
    order, record = await stuck_order(world)

    await world.resolve(record, "resolve", evidence="ticket 4711")

    done = await world.settled(order)
    assert done["state"] == "completed"
    assert the(done, record)["evidence"] == "ticket 4711"
    assert done["steps"][0]["state"] == "done"
    assert cash(done) == 1000


async def test_a_step_that_is_skipped_lets_what_needs_it_run(world: World) -> None:
    order, record = await stuck_order(world, build(), by_hand("after", needs=["build"]), access())

    await world.resolve(record, "skip", reason="not needed here")

    after = await world.until(partial(other_than, world, order, record), "the next step to be reached")
    assert after["step"] == "after"
    await world.resolve(after, "resolve", evidence="done")
    done = await world.settled(order)
    assert done["state"] == "completed"
    assert {step["step"]: step["state"] for step in done["steps"]} == {"build": "skipped", "after": "done", "access": "done"}


async def other_than(world: World, order: str, record: Json) -> Json | None:
    answer = await world.succeed(world.api.get("/v1/fallout", params={"order": order, "open": "true"}))
    return next((one for one in answer["items"] if one["id"] != record["id"]), None)


async def test_an_item_that_is_given_up_is_undone_and_not_charged(world: World) -> None:
    order, record = await stuck_order(world, build("first", "fibreworks"), build(), access())

    await world.resolve(record, "compensate", reason="no cable there")

    done = await world.settled(order)
    assert done["state"] == "failed"
    assert done["items"][0]["reason"].endswith("(given up by admin: no cable there)")
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)


async def test_what_nobody_decides_is_given_up_at_its_deadline(world: World) -> None:
    order, record = await stuck_order(world)

    await world.skip(order, THREE_DAYS)

    done = await world.state(order, "failed")
    decided = the(done, record)
    assert (decided["verb"], decided["by"]) == ("compensate", "turnup")
    assert decided["reason"] == "nobody decided before the deadline"
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)


async def test_the_same_decision_twice_is_taken_once_and_another_one_is_refused(world: World) -> None:
    order, record = await stuck_order(world)
    path = f"/v1/fallout/{record['id']}"

    first = await world.api.post(f"{path}/resolve", json={"evidence": "ticket 1"})
    again = await world.api.post(f"{path}/resolve", json={"evidence": "ticket 1"})
    other = await world.api.post(f"{path}/compensate", json={"reason": "too late"})

    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 409)
    done = await world.settled(order)
    assert done["state"] == "completed"
    assert [event["type"] for event in await world.events(order)].count("fallout.resolved") == 1
    late = [await world.api.post(f"{path}/{verb}", json={"evidence": "x", "reason": "x"}) for verb in ("resolve", "skip")]
    assert [answer.status_code for answer in late] == [200, 409]


async def test_a_decision_without_what_it_needs_is_refused_and_changes_nothing(world: World) -> None:
    order, record = await stuck_order(world)
    path = f"/v1/fallout/{record['id']}"

    answers = {verb: await world.api.post(f"{path}/{verb}", json={}) for verb in ("resolve", "skip", "compensate", "forget")}

    assert {verb: answer.status_code for verb, answer in answers.items()} == {
        "resolve": 422,
        "skip": 422,
        "compensate": 422,
        "forget": 422,
    }
    assert "evidence" in answers["resolve"].text
    unknown = await world.api.post(f"/v1/fallout/{order}:1:build:fallout:9/retry", json={})
    assert unknown.status_code == 404
    assert (await world.get(order))["state"] == "held"
    assert (await world.fallout(order))["id"] == record["id"]
    await world.resolve(record, "compensate", reason="enough seen")
    await world.state(order, "failed")


async def test_only_operators_and_finance_decide(world: World) -> None:
    order, record = await stuck_order(world)
    path = f"/v1/fallout/{record['id']}/compensate"
    for role in (Role.viewer, Role.approver, Role.partner):
        client = await world.client_for(f"no-{role}", role)
        assert (await client.post(path, json={"reason": "please"})).status_code == 403

    olga = await world.client_for("olga", Role.operator)
    await world.succeed(olga.post(path, json={"reason": "the customer agreed"}))

    assert the(await world.settled(order), record)["by"] == "olga"


async def test_it_can_be_decided_from_temporals_own_page(world: World) -> None:
    order, record = await stuck_order(world)
    handle = world.workflow(order)

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("resolve_fallout", {"fallout": f"{order}:nothing", "verb": "retry", "by": "ben"})
    assert f"open are: {record['id']}" in str(refused.value.cause)
    text = f'{{"fallout": "{record["id"]}", "verb": "resolve", "by": "ben", "evidence": "seen"}}'
    await handle.execute_update("resolve_fallout", text)

    assert the(await world.settled(order), record)["by"] == "ben"


async def test_a_persons_task_waits_in_its_queue_and_is_given_up_at_its_own_deadline(world: World) -> None:
    hand = by_hand(owner="engineers", needs=["build"], timeout=3600, on_failure="compensate")
    done_order, task = await stuck_order(world, build(), hand, access(), quantity=1)
    late_order, _ = await stuck_order(world, build(), hand, access(), quantity=1)
    assert (task["owner"], task["title"], task["attempts"]) == ("engineers", "to do: Do by-hand (item 1)", 0)

    await world.resolve(task, "resolve", evidence="photo 12")
    await world.skip(late_order, timedelta(hours=1, minutes=1))

    assert (await world.settled(done_order))["state"] == "completed"
    assert (await world.state(late_order, "failed"))["items"][0]["reason"].startswith("Do by-hand: ")
    assert await world.money(late_order) == Money(captured=0, refunded=0, open=0)


async def test_a_step_whose_plan_says_so_is_given_up_without_asking(world: World) -> None:
    product, plan = await world.product(build(on_failure="compensate"), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan, **REFUSED})

    done = await world.settled(order)

    assert (done["state"], done["fallout"]) == ("failed", [])


@pytest.mark.parametrize("how", ["given-up", "declined", "cancelled"])
async def test_an_undo_that_is_refused_holds_the_order_until_it_is_settled(world: World, how: str) -> None:
    """Nothing is left behind, whichever way the order ends."""
    fails = {"id": "fail", "name": "Call nobody", "adapter": "nowhere", "verb": "activate", "needs": ["build"]}
    gives_up = {**fails, "on_failure": "compensate"}
    more = {"given-up": gives_up, "declined": access(), "cancelled": by_hand(needs=["build"])}[how]
    order = await with_refused_undo(world, build(), more)
    await world.sandbox.faults(
        {"operation": "capture", "mode": "decline_hard", "order": order},
        {"operation": "terminate", "mode": "decline_hard", "order": order},
    )
    await world.submit(order)
    if how == "declined":
        await world.resolve(await world.stuck(order), "compensate", reason="no money there")
    if how == "cancelled":
        await world.stuck(order)
        await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no"}))

    record = await world.until(partial(stuck_undo, world, order), "the undo to be stuck")

    assert (record["id"], record["subject"]) == (f"{order}:1:build:undo:fallout:1", "undo")
    assert (await world.get(order))["state"] == "held"
    skipped = await world.api.post(f"/v1/fallout/{record['id']}/skip", json={"reason": "never mind"})
    assert skipped.status_code == 409
    await world.skip(order, THREE_DAYS)
    await world.until(partial(escalated, world, order), "it to go to the next owner")
    assert (await world.get(order))["state"] == "held"
    await world.resolve(record, "resolve", evidence="taken down by hand")
    done = await world.settled(order)
    assert done["state"] == ("cancelled" if how == "cancelled" else "failed")
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)
    assert done["waiting_on"] is None


async def escalated(world: World, order: str) -> bool:
    return [one["owner"] for one in (await world.get(order))["fallout"] if one["subject"] == "undo"] == ["operations-lead"]


async def stuck_undo(world: World, order: str) -> Json | None:
    answer = await world.succeed(world.api.get("/v1/fallout", params={"order": order, "open": "true"}))
    return next((one for one in answer["items"] if one["subject"] == "undo"), None)


async def test_an_undo_that_was_refused_can_be_tried_again(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]))
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.fault("terminate", "decline_hard", count=1, order=order)
    await world.submit(order)
    await world.stuck(order)
    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no"}))
    record = await world.until(partial(stuck_undo, world, order), "the undo to be stuck")

    await world.resolve(record, "retry")

    done = await world.settled(order)
    assert done["state"] == "cancelled"
    assert [service.state for service in (await world.sandbox.summary(order)).services] == ["terminated"]


async def test_a_point_of_no_return_of_unknown_outcome_is_settled_by_hand_before_its_item_is_given_up(world: World) -> None:
    final = build("dig", point_of_no_return=True, undo=None)
    product, plan = await world.product(final, access())
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.fault("*", "timeout_after", order=order, partner="mailhub")
    await world.submit(order)
    record = await world.stuck(order)
    await world.sandbox.faults()

    await world.resolve(record, "compensate", reason="the customer left")

    left = await world.until(partial(stuck_undo, world, order), "the partner's side to be settled by hand")
    assert left["error"] == "past its point of no return: settle it with the partner by hand"
    await world.resolve(left, "resolve", evidence="their ticket 17")
    done = await world.settled(order)
    assert done["state"] == "failed"
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)
