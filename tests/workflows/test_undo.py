"""Undoing: last begun first undone, only what was begun, and dependants before what they depend on."""

import pytest

from tests.workflows.plans import QUICK, access, build
from tests.world import Json, Money, World

FAILS: Json = {"on_failure": "compensate"}
CHAIN = ("one", "two", "three", "four")
"""Steps that each need the one before."""


def partner_of(step: str) -> str:
    """A partner of its own for each step, so that the journal tells the steps' undos apart."""
    return "mailhub" if step in {"one", "three"} else "fibreworks"


def a_chain() -> list[Json]:
    """Four steps in a row: at mailhub create (one) and activate (three), the same at fibreworks (two, four)."""
    steps = []
    for index, step in enumerate(CHAIN):
        verb = "create" if index < 2 else "activate"
        needs = list(CHAIN[index - 1 : index]) if index else []
        steps.append(build(step, partner_of(step), verb=verb, needs=needs, **FAILS))
    return steps


@pytest.mark.parametrize(
    ("failing", "undone"),
    [
        ("one", []),
        ("two", ["mailhub"]),
        ("three", ["mailhub", "fibreworks"]),
        ("four", ["fibreworks", "mailhub"]),
        ("after", ["fibreworks", "mailhub"]),
    ],
)
async def test_an_item_that_fails_is_undone_backwards_as_far_as_it_was_begun(
    world: World, failing: str, undone: list[str]
) -> None:
    # begun at `three` were one, two, three: three is mailhub's, so its terminate comes first; at `four` and later fibreworks'
    last = {"id": "after", "name": "Call nobody", "adapter": "nowhere", "verb": "activate", "needs": ["four"], **FAILS}
    product, plan = await world.product(*a_chain(), last, access(needs=[]))
    await world.sandbox.configure("fibreworks", asynchronous=False)
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    try:
        if failing != "after":
            verb = "create" if failing in {"one", "two"} else "activate"
            await world.sandbox.fault(verb, "decline_hard", order=order, partner=partner_of(failing))
        await world.submit(order)
        done = await world.settled(order)
    finally:
        await world.sandbox.configure("fibreworks")

    assert done["state"] == "failed"
    facts = await world.sandbox.journal(order)
    assert [fact.partner for fact in facts if fact.kind == "terminated"] == undone
    begun = [*CHAIN, "after"][: [*CHAIN, "after"].index(failing) + 1]
    # a step without an undo of its own stays failed; those that never ran are cancelled, and nothing is undone for them
    expected = {step: "undone" if step in begun else "cancelled" for step in CHAIN}
    expected |= {"after": "failed" if failing == "after" else "cancelled", "access": "cancelled"}
    assert {step["step"]: step["state"] for step in done["steps"]} == expected
    assert await undo_order(world, order) == [step for step in reversed(begun) if step in CHAIN]
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)


async def undo_order(world: World, order: str) -> list[str]:
    """The steps undone, in order, by the order's own history."""
    events = await world.events(order)
    return [event["key"].split(":")[2] for event in events if event["type"] == "step.undone"]


async def test_an_activation_that_fails_undoes_it_and_all_before_it(world: World) -> None:
    grant = access(needs=["open"])
    opening = build("open", verb="activate", stage="activate", needs=[])
    ship = build("ship", verb="suspend", stage="activate", needs=["access"], **FAILS)
    product, plan = await world.product(build(), opening, grant, ship)
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    # the partner never declines to suspend, so it is made unable to
    await world.sandbox.fault("suspend", "error_500", order=order)
    await world.submit(order)

    done = await world.settled(order)

    assert done["state"] == "failed"
    assert await undo_order(world, order) == ["ship", "access", "open", "build"]
    assert all(entitlement["revoked_at"] for entitlement in done["entitlements"])
    assert await world.money(order) == Money(captured=1000, refunded=1000, open=0)


@pytest.mark.parametrize("stage", ["provision", "activate"])
async def test_dependants_are_dropped_before_what_they_depend_on(world: World, stage: str) -> None:
    failing = {"id": "fail", "name": "Call nobody", "adapter": "nowhere", "verb": "activate", "stage": stage, **FAILS}
    base, base_plan = await world.product(build(), {**failing, "retry": QUICK}, price="10.00")
    middle, middle_plan = await world.product(build(), access(), price="20.00")
    top, top_plan = await world.product(build(), price="30.00")
    order = await world.order(
        await world.customer(),
        {"product": base, "plan": base_plan},
        {"product": middle, "plan": middle_plan, "depends_on": ["1"]},
        {"product": top, "plan": top_plan, "depends_on": ["2"]},
        {"product": top, "plan": top_plan},
    )

    done = await world.settled(order)

    assert done["state"] == "partial"
    assert [item["state"] for item in done["items"]] == ["failed", "cancelled", "cancelled", "completed"]
    facts = [fact.reference for fact in await world.sandbox.journal(order) if fact.kind == "terminated"]
    if stage == "provision":
        # items 2 and 3 had not begun
        assert facts == [f"{order}:1"]
        assert await world.money(order) == Money(captured=3000, refunded=0, open=0)
    else:
        assert facts == [f"{order}:3", f"{order}:2", f"{order}:1"]
        # 10 + 20 + 30 + 30 taken, all but item 4's 30 given back
        assert await world.money(order) == Money(captured=9000, refunded=6000, open=0)
        refunds = [fact.detail for fact in await world.sandbox.journal(order) if fact.kind == "refunded"]
        assert [detail.rpartition(":")[2] for detail in refunds] == ["3", "2", "1"]


async def test_a_cancelled_order_drops_dependants_first(world: World) -> None:
    hand = {"id": "hand", "name": "Do it", "kind": "manual", "timeout": 3600, "needs": ["build"]}
    base, base_plan = await world.product(build())
    top, top_plan = await world.product(build(), hand)
    order = await world.order(
        await world.customer(),
        {"product": base, "plan": base_plan},
        {"product": top, "plan": top_plan, "depends_on": ["1"]},
    )
    await world.stuck(order)

    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no"}))

    await world.state(order, "cancelled")
    facts = [fact.reference for fact in await world.sandbox.journal(order) if fact.kind == "terminated"]
    assert facts == [f"{order}:2", f"{order}:1"]
