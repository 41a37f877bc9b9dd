"""Orders that change or end subscriptions: approved and placed as any order, made once by the subscription's own process."""

import asyncio
from datetime import UTC, datetime

import pytest

from activities.contracts.live_items import Carried
from activities.runtime.live_items import HandedOn
from activities.runtime.processes import Processes
from domain.errors import Conflict
from domain.live_items import instruction
from domain.orders import Order
from domain.roles import Role
from tests.life import advance, clocked, events, invoices, live, monthly, plan, shown
from tests.workflows.plans import build
from tests.workflows.test_changes import larger
from tests.world import Json, World

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
MIDDLE = datetime(2026, 4, 16, tzinfo=UTC)


def modify(subscription: str, **asked: object) -> Json:
    return {"action": "modify", "subscription": subscription, **asked}


async def preview(world: World, customer: str, *items: Json) -> Json:
    numbered = [{"id": str(index), **item} for index, item in enumerate(items, start=1)]
    body = {"customer": customer, "currency": "EUR", "items": numbered}
    return await world.succeed(world.api.post("/v1/orders/preview", json=body))


async def approve(world: World, order: str) -> None:
    ana = await world.client_for("ana", Role.approver)
    await world.succeed(ana.post(f"/v1/orders/{order}/approvals", json={"decision": "approve"}))


async def carried_out_again(world: World, order: str) -> list[Carried]:
    """What the order's changes are answered when they are asked for once more, long after."""
    document = Order.model_validate((await world.get(order))["order"])
    again = HandedOn(world.database, Processes(world.temporal.client))
    return [await again.carry_out(instruction(document, item, None)) for item in document.items if item.change]


async def test_an_upgrade_by_order_waits_for_approval_and_charges_what_its_preview_showed_once(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    item = await plan(world, monthly("100.00"), steps=[build()])
    large = await larger(world, item, "600.00", partner=True)
    name = await live(world, customer, item)
    await advance(world, clock, MIDDLE)
    version = (await shown(world, name))["version"]
    asked = modify(name, product=item["product"], plan=large, version=version, when="now")
    seen = await preview(world, customer, asked)
    direct = await world.succeed(world.api.post(f"/v1/subscriptions/{name}/changes/preview", json={"plan": large}))
    assert {**seen["items"][0]["change"], "token": direct["token"]} == direct
    # half of April: 300.00 - 50.00
    assert (seen["changes"]["minor"], seen["total"]["minor"], seen["items"][0]["steps"]) == (25000, 0, [])
    order = await world.order(customer, asked)
    waiting = await world.state(order, "pending")
    assert waiting["waiting_on"].startswith("approval")
    assert (await shown(world, name))["plan"] == item["plan"]
    await approve(world, order)
    done = await world.state(order, "completed")
    assert "2026-04-16" in done["items"][0]["reason"]
    bills = [(each["total"]["minor"], each["state"]) for each in await invoices(world, customer)]
    assert bills == [(10000, "paid"), (25000, "paid")]
    assert (await world.money(order)).captured == 0
    before = await shown(world, name)
    assert before["plan"] == large
    assert [again.total.minor for again in await carried_out_again(world, order)] == [25000]
    assert await shown(world, name) == before
    told = (await world.api.get(f"/v1/subscriptions/{name}/timeline")).json()
    assert told[-1]["data"] == {"order": order, "item": "1"}


async def test_a_change_that_is_declined_ends_the_order_with_all_undone_and_is_made_by_no_late_try(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    name = await live(world, customer, await plan(world, monthly("30.00")))
    await advance(world, clock, MIDDLE)
    before = await shown(world, name)
    stale = {"customer": customer, "currency": "EUR", "items": [{"id": "1", **modify(name, quantity=2, version=7)}]}
    refused = await world.api.post("/v1/orders", json=stale)
    assert (refused.status_code, "items[0].version" in refused.json()["detail"]) == (409, True)
    other = await world.api.post("/v1/orders", json={**stale, "customer": await world.customer()})
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "items[0].subscription")
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": "tok_declined_hard"}))
    extra = await plan(world, monthly("5.00"), steps=[build()])
    order = await world.order(customer, extra, modify(name, quantity=2, when="now"), payment_method="tok_visa")
    failed = await world.state(order, "failed")
    assert "item 2" in failed["reason"]
    assert "stolen_card" in failed["reason"]
    assert [item["state"] for item in failed["items"]] == ["failed", "failed"]
    assert await world.happened(order, "terminated") == ["terminated"]
    money = await world.money(order)
    assert (money.captured, money.open) == (0, 0)
    assert {**await shown(world, name), "ahead": []} == {**before, "ahead": []}
    assert [each["total"]["minor"] for each in await invoices(world, customer)] == [3000]
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": "tok_visa"}))
    with pytest.raises(Conflict, match="stolen_card"):
        await carried_out_again(world, order)
    assert (await shown(world, name))["quantity"] == 1


async def test_an_add_on_a_change_and_an_end_are_one_order_and_each_is_charged_where_it_belongs(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    base = await plan(world, monthly("30.00"))
    name, gone = await live(world, customer, base), await live(world, customer, await plan(world, monthly("7.00")))
    extra = await plan(world, monthly("5.00"))
    product = {"id": extra["product"], "name": "extra", "requires": [base["product"]]}
    await world.succeed(world.api.put(f"/v1/products/{extra['product']}", json=product))
    await advance(world, clock, MIDDLE)
    items = [
        {**modify(name, quantity=3, when="now"), "depends_on": ["2"]},
        extra,
        {"action": "delete", "subscription": gone},
        modify(gone, quantity=2),
    ]
    numbered = [{"id": str(index), **item} for index, item in enumerate(items, start=1)]
    twice = await world.api.post("/v1/orders", json={"customer": customer, "currency": "EUR", "items": numbered})
    assert (twice.status_code, twice.json()["errors"][0]["field"]) == (422, "items[3].subscription")
    order = await world.order(customer, *items[:3])
    done = await world.state(order, "completed")
    completed = [each["summary"] for each in await world.events(order) if each["type"] == "item.completed"]
    assert [summary[:6] for summary in completed] == ["Item 1", "Item 3", "Item 2"]
    assert done["items"][2]["reason"] == f"{gone} ends on 2026-05-01 00:00 UTC"
    assert (done["total"]["minor"], (await world.money(order)).captured) == (500, 500)
    # the change: half of April for two more, 2 × 15.00
    assert sorted(each["total"]["minor"] for each in await invoices(world, customer)) == [500, 700, 3000, 3000]
    assert ((await shown(world, name))["quantity"], (await shown(world, gone))["state"]) == (3, "cancel_scheduled")
    await advance(world, clock, datetime(2026, 5, 1, tzinfo=UTC))
    assert (await shown(world, gone))["ended_at"] == "2026-05-01T00:00:00Z"
    assert [kind for kind, _ in await events(world, gone)][:3] == ["started", "cancelled", "ended"]


async def test_what_became_something_else_meanwhile_is_not_changed_and_what_was_made_stays(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    item = await plan(world, monthly("100.00"))
    first, second = await live(world, customer, item), await live(world, customer, item)
    await advance(world, clock, MIDDLE)
    order = await world.order(customer, modify(first, quantity=6), modify(second, quantity=4))
    await world.state(order, "pending")
    await world.succeed(world.api.post(f"/v1/subscriptions/{second}/changes", json={"quantity": 2, "when": "now"}))
    document = Order.model_validate((await world.get(order))["order"])
    asked = instruction(document, document.items[0], None)
    tries = [HandedOn(world.database, Processes(world.temporal.client)).carry_out(asked) for _ in range(3)]
    assert [made.total.minor for made in await asyncio.gather(*tries)] == [25000, 25000, 25000]
    await approve(world, order)
    done = await world.state(order, "partial")
    assert [each["state"] for each in done["items"]] == ["completed", "failed"]
    assert f"subscription {second} is for {item['plan']} × 2 now" in done["items"][1]["reason"]
    assert [(await shown(world, name))["quantity"] for name in (first, second)] == [6, 2]
    # 10000 for each, half of April for one more and for five more
    assert sorted(each["total"]["minor"] for each in await invoices(world, customer)) == [5000, 10000, 10000, 25000]
