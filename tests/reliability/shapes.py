"""Orders of different shapes, each brought to its end: what histories are made of."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from temporalio.service import RPCError

from domain import keys
from domain.roles import Role
from tests.life import JANUARY, advance, clocked, live, monthly, plan
from tests.workflows.plans import access, build, built, by_hand
from tests.workflows.test_disputes import dispute, standing
from tests.workflows.test_refunds import ask, paid_order, refund
from tests.world import World

Shape = Callable[[World], Awaitable[str]]
"""Runs one order to its end; returns its id."""


async def sample(world: World) -> str:
    """The order of the demonstration: two items, an approval, a partner that calls back."""
    crm = {"product": "crm", "plan": "crm-team", "quantity": 5}
    fibre = {"product": "fibre", "plan": "fibre-500", "characteristics": {"address": "Elm Street 1, Ulm"}}
    order = await world.order("C-100", crm, fibre)
    await world.state(order, "pending")
    ana = await world.client_for("ana", Role.approver)
    await world.succeed(ana.post(f"/v1/orders/{order}/approvals", json={"decision": "approve"}))
    await world.settled(order)
    return order


async def cancelled(world: World) -> str:
    """Cancelled with one item built and one in a person's hands."""
    first, first_plan = await world.product(build(), access())
    second, second_plan = await world.product(build(), by_hand(needs=["build"]), access())
    order = await world.order(
        await world.customer(), {"product": first, "plan": first_plan}, {"product": second, "plan": second_plan}
    )
    await world.stuck(order)
    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "changed her mind"}))
    await world.settled(order)
    return order


async def fallout(world: World) -> str:
    """A payment that is declined softly, a step that is corrected, and one that is given up after the capture."""
    opening = build("open", verb="activate", stage="activate")
    good, good_plan = await world.product(build(), access())
    bad, bad_plan = await world.product(build(), opening)
    refused = {"characteristics": {"sandbox": "refuse"}}
    order = await world.draft(
        await world.customer(),
        {"product": good, "plan": good_plan},
        {"product": bad, "plan": bad_plan, **refused, "depends_on": ["1"]},
    )
    await world.sandbox.faults(
        {"operation": "authorize", "mode": "decline_soft", "order": order, "count": 1},
        {"operation": "activate", "mode": "decline_hard", "order": order},
    )
    await world.submit(order)
    await world.resolve(await world.stuck(order), "retry", data={"sandbox": ""})
    await world.until(lambda: reached(world, order, "open"), "the activation to be stuck")
    await world.resolve(await world.stuck(order), "compensate", reason="the customer left")
    await world.settled(order)
    return order


async def reached(world: World, order: str, step: str) -> bool:
    """Whether fallout of this step is open."""
    return any(one["step"] == step and one["verb"] is None for one in (await world.get(order))["fallout"])


async def amended(world: World) -> str:
    """A larger quantity while the partner is at work."""
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.stuck(order)
    items = [{"id": "1", "product": product, "plan": plan, "quantity": 3}]
    await world.succeed(world.api.patch(f"/v1/orders/{order}", json={"version": 1, "items": items}))
    await world.resolve(await world.stuck(order), "resolve", evidence="done")
    await world.settled(order)
    return order


async def declined(world: World) -> str:
    """A card that is declined for good."""
    product, plan = await world.product(build(), access())
    order = await world.order(await world.customer(payment_method="tok_declined_hard"), {"product": product, "plan": plan})
    await world.settled(order)
    return order


async def silent(world: World) -> str:
    """A partner that never calls back and is asked, and calls that go wrong on the way."""
    line = build("line", "fibreworks")
    product, plan = await world.product(line, built("line", poll_every=30), access())
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.faults(
        {"operation": "create", "mode": "no_callback", "order": order},
        {"operation": "verify", "mode": "error_500", "order": order, "count": 1},
        {"operation": "capture", "mode": "timeout_after", "order": order, "count": 1},
    )
    await world.submit(order)
    await world.settled(order)
    return order


async def refunded(world: World) -> str:
    """A refund on request, whose process it names."""
    order, payment = await paid_order(world)
    asked = (await ask(world, payment, 500, id=f"R-{order}", access="revoke")).json()
    await refund(world, asked["id"], "succeeded")
    return keys.refund_workflow(asked["id"])


async def disputed(world: World) -> str:
    """A dispute that is contested, whose process it names."""
    _, payment = await paid_order(world)
    name = await dispute(world, payment)
    await standing(world, name, "open")
    await world.succeed(world.api.post(f"/v1/disputes/sandbox:{name}/evidence", json={"explanation": "used every day"}))
    return keys.dispute_workflow(keys.dispute("sandbox", name))


async def returned(world: World) -> str:
    """A debit that comes back, and the process that books it."""
    _, payment = await paid_order(world)
    await world.succeed(world.sandbox.client.post(f"/gateway/payments/{payment}/return", json={"reason": "R01"}))
    process = keys.return_workflow(payment)

    async def begun() -> bool:
        with suppress(RPCError):
            await world.temporal.client.get_workflow_handle(process).describe()
            return True
        return False

    await world.until(begun, f"{process} to begin")
    return process


async def changed(world: World) -> str:
    """A subscription that is changed at once, at a partner and for money."""
    name = await live(world, await world.customer(), await plan(world, monthly("30.00"), steps=[build()]))
    asked = {"quantity": 2, "when": "now"}
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/changes", json=asked))
    return keys.subscription_workflow(name)


async def suspended(world: World) -> str:
    """A subscription that is suspended and opened again by one process, and the partner with it."""
    name = await live(world, await world.customer(), await plan(world, monthly("30.00"), steps=[build()]))
    for what in ("suspend", "unsuspend"):
        await world.succeed(world.api.post(f"/v1/subscriptions/{name}/{what}", json={"reason": "request"}))
    return keys.subscription_workflow(name)


async def followed(world: World) -> str:
    """The process that has a partner close a service."""
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly("30.00"), steps=[build()]))
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/suspend", json={"reason": "request"}))
    await advance(world, clock, JANUARY + timedelta(days=1))
    return keys.access_workflow(f"{_order_of(name)}:1")


async def taken_down(world: World) -> str:
    """A subscription that was cancelled, and the process that takes its service down thirty days later."""
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly("30.00"), steps=[build()]))
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/cancel", json={"when": "now"}))
    await advance(world, clock, JANUARY + timedelta(days=31))
    return keys.deprovision_workflow(name)


async def given_out(world: World) -> str:
    """A subscription that was cancelled, and the process that has a partner give out what is in its service."""
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly("30.00"), steps=[build()]))
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/cancel", json={"when": "now"}))
    await advance(world, clock, JANUARY + timedelta(days=1))
    return keys.deprovision_workflow(name)


async def clock_advanced(world: World) -> str:
    """A test clock that two months go by on, each renewed and paid."""
    clock, customer = await clocked(world)
    await live(world, customer, await plan(world, monthly("30.00")))
    to = JANUARY + timedelta(days=65)
    (await world.api.post(f"/v1/test-clocks/{clock}/advance", json={"to": to.isoformat()})).raise_for_status()
    return keys.clock_workflow(clock)


def _order_of(subscription: str) -> str:
    return f"O-{subscription.split('-')[1]}"


async def upgraded(world: World) -> str:
    """An order that adds something and changes a subscription."""
    customer = await world.customer()
    name = await live(world, customer, await plan(world, monthly("30.00")))
    change = {"action": "modify", "subscription": name, "quantity": 2, "when": "now"}
    order = await world.order(customer, await plan(world, monthly("5.00")), change)
    await world.state(order, "completed")
    return order


SHAPES: dict[str, Shape] = {
    "sample": sample,
    "cancelled": cancelled,
    "fallout": fallout,
    "amended": amended,
    "declined": declined,
    "silent": silent,
    "upgraded": upgraded,
}
AFTERWARDS: dict[str, Shape] = {
    "refunded": refunded,
    "disputed": disputed,
    "returned": returned,
    "changed": changed,
    "suspended": suspended,
    "followed": followed,
    "taken_down": taken_down,
    "given_out": given_out,
    "clock_advanced": clock_advanced,
}
"""What comes after a payment, and in the life of a subscription; each names the process that its history is of."""

STORED = ("sample", "cancelled", "fallout", "upgraded", *AFTERWARDS)
"""The shapes of which each release keeps a history."""
