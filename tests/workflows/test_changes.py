"""Changing and pausing a subscription: money and access together or not at all, on a test clock."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.adapters.tax.engines import TaxEngines
from activities.contracts.changes import Asked
from activities.runtime.changes import StoredChanges
from activities.store import access_blocks, balances, dunning_cases, entitlements, life_policies, services
from domain.errors import Conflict
from domain.money import Money
from domain.payments import Outcome, PaymentResult, RemotePayment
from domain.subscriptions.changes import ChangeCommand
from domain.subscriptions.making import Making, Paid
from domain.subscriptions.policies import PausedTime, PausePolicy
from tests.life import advance, clocked, events, invoices, live, monthly, plan, shown
from tests.workflows.plans import access, build
from tests.workflows.test_order_billing import SELLER
from tests.world import Json, World

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
MIDDLE = datetime(2026, 4, 16, tzinfo=UTC)


async def larger(world: World, item: Json, amount: str, *, partner: bool = False, **changes: Any) -> str:
    """Another plan of the item's product."""
    name = f"{item['plan']}-large"
    steps = [*([build()] if partner else []), access()]
    body = {"id": name, "product": item["product"], "name": name, "entitlements": {"seats": "quantity"}, "steps": steps}
    await world.succeed(world.api.post("/v1/plans", json=body))
    charges = [monthly(amount, **changes)]
    price = {"id": f"{name}-price", "plan": name, "currency": "EUR", "charges": charges}
    await world.succeed(world.api.post("/v1/prices", json=price))
    return name


async def change(world: World, name: str, **asked: Any) -> Json:
    return await world.succeed(world.api.post(f"/v1/subscriptions/{name}/changes", json=asked))


async def told(world: World, customer: str) -> list[str]:
    answer = await world.succeed(world.api.get("/v1/messages", params={"customer": customer}))
    return [each["kind"] for each in reversed(answer["items"])]


async def features(world: World, name: str) -> dict[str, str]:
    service = (await shown(world, name))["service"]
    async with world.database.transaction() as connection:
        found = await entitlements.of_source(connection, service)
    return {each.feature: each.value for each in found if each.revoked_at is None and not each.suspended}


@pytest.mark.money_case(6)
async def test_an_upgrade_at_once_is_what_its_preview_showed_and_moves_money_access_and_renewal(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    item = await plan(world, monthly("30.00"), steps=[build()])
    large = await larger(world, item, "60.00", partner=True)
    name = await live(world, customer, item)
    await advance(world, clock, MIDDLE)
    seen = await world.succeed(world.api.post(f"/v1/subscriptions/{name}/changes/preview", json={"plan": large, "version": 2}))
    assert [line["amount"]["minor"] for line in seen["lines"]] == [-1500, 3000]
    assert (seen["due"]["minor"], await features(world, name)) == (1500, {"feature": "1"})
    begun = await shown(world, name)
    before = begun["version"]
    made = await world.succeed(
        world.api.post(
            f"/v1/subscriptions/{name}/changes",
            json={"plan": large, "version": before},
            headers={"Preview-Token": seen["token"]},
        )
    )
    assert {key: made[key] for key in ("lines", "due", "total", "at")} == {
        key: seen[key] for key in ("lines", "due", "total", "at")
    }
    stale = await world.api.post(f"/v1/subscriptions/{name}/changes", json={"quantity": 2, "version": before})
    assert stale.status_code == 409
    await world.sandbox.of(str(begun["order"])).fault("change", "garbled", count=1)
    again = await change(world, name, quantity=2, when="now")
    assert [line["amount"]["minor"] for line in again["lines"]] == [-3000, 6000]
    found = await invoices(world, customer)
    assert [(each["total"]["minor"], each["state"]) for each in found] == [(3000, "paid"), (1500, "paid"), (3000, "paid")]
    assert await features(world, name) == {"seats": "2"}
    after = await shown(world, name)
    assert (after["plan"], after["quantity"], after["next_renewal"]) == (large, 2, "2026-05-01T00:00:00Z")
    await advance(world, clock, datetime(2026, 5, 3, tzinfo=UTC))
    assert [each["total"]["minor"] for each in await invoices(world, customer)][-1] == 12000
    assert [kind for kind, _ in await events(world, name)] == ["started", "changed", "changed", "billed", "renewed"]
    kinds = await world.sandbox.kinds(after["service"].partition(":")[0])
    assert kinds.count("changed") == 2
    async with world.database.transaction() as connection:
        stored = await services.get(connection, after["service"])
    assert (stored.plan, stored.quantity) == (large, 2)


async def test_what_a_change_gives_back_is_taxed_as_it_was_and_is_what_was_charged_for_those_days(world: World) -> None:
    """Germany taxed 19 % up to 30 June 2020, and 16 % from 1 July on. From 16 June to the end of July 31.00 a month is 15 of 30
    days, 15.50, and 31.00: with tax 55.34. On 17 July 15 of 31 days are left, 15.00, and 30.00 for two."""
    await world.succeed(world.api.put("/v1/legal-entities/hamburg", json=SELLER))
    clock, customer = await clocked(world, datetime(2020, 6, 16, tzinfo=UTC), legal_entity="hamburg")
    name = await live(world, customer, await plan(world, monthly("31.00", alignment={"day_of_month": 1}, stub="long")))
    await advance(world, clock, datetime(2020, 7, 17, tzinfo=UTC))
    made = await change(world, name, quantity=2, when="now")
    assert [line["amount"]["minor"] for line in made["lines"]] == [-1500, 3000]
    first, second = await invoices(world, customer)
    assert (first["total"]["minor"], second["total"]["minor"]) == (5534, 1695)
    lines = (await world.succeed(world.api.get(f"/v1/invoices/{second['id']}")))["taxed"]["lines"]
    assert [(line["net"]["minor"], line["tax"]["minor"]) for line in lines] == [(-1500, -285), (3000, 480)]
    again = {"reason": "goodwill"}
    refused = await world.api.post(f"/v1/invoices/{first['id']}/credit-notes", json=again)
    assert (refused.status_code, "given back by a change" in refused.text) == (409, True), refused.text


async def test_a_change_whose_payment_or_partner_fails_leaves_all_as_it_was(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    item = await plan(world, monthly("30.00"), steps=[build()])
    large = await larger(world, item, "60.00", partner=True)
    name = await live(world, customer, item)
    await advance(world, clock, MIDDLE)
    before = await shown(world, name)
    order = before["order"]
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": "tok_declined_hard"}))
    declined = await world.api.post(f"/v1/subscriptions/{name}/changes", json={"plan": large})
    assert (declined.status_code, "stolen_card" in declined.text) == (409, True)
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": "tok_visa"}))
    await world.sandbox.of(order).fault("change", "decline_hard", count=1)
    refused = await world.api.post(f"/v1/subscriptions/{name}/changes", json={"plan": large})
    assert (refused.status_code, "mailhub has not done it" in refused.text) == (409, True)
    after = await shown(world, name)
    assert {**after, "ahead": []} == {**before, "ahead": []}
    assert await features(world, name) == {"feature": "1"}
    assert [each["total"]["minor"] for each in await invoices(world, customer)] == [3000]
    assert [kind for kind, _ in await events(world, name)] == ["started", "not_changed", "not_changed"]
    held = await world.sandbox.journal()
    mine = [fact.kind for fact in held if str(fact.key).startswith(f"{name}:change:")]
    assert mine == ["declined", "authorized", "voided"]
    async with world.database.transaction() as connection:
        assert await dunning_cases.get(connection, f"{name}:change:1") is None
    made = await change(world, name, plan=large)
    assert await told(world, customer) == ["change_refused", "change_refused", "changed"]
    assert (made["due"]["minor"], (await shown(world, name))["plan"]) == (1500, large)


async def test_a_change_that_comes_to_less_than_was_held_for_it_is_not_made(world: World) -> None:
    """What it gives back was paid, or credit came, after it was planned: 15.00 are held, and 10.00 would be due."""
    clock, customer = await clocked(world, APRIL)
    item = await plan(world, monthly("30.00"))
    large = await larger(world, item, "60.00")
    name = await live(world, customer, item)
    await advance(world, clock, MIDDLE)
    changes, command = StoredChanges(world.database, TaxEngines(), "sandbox"), ChangeCommand(plan=large, by="ana")
    planned = await changes.plan(Asked(subscription=name, command=command))
    assert planned.payment is not None
    async with world.database.transaction() as connection:
        await balances.change(connection, customer, Money(minor=500, currency="EUR"))
    taken = PaymentResult(outcome=Outcome.succeeded, state=RemotePayment.captured, captured=planned.payment.amount)
    making = Making(plan=planned, command=command, paid=Paid(request=planned.payment, result=taken))

    with pytest.raises(Conflict, match=r"comes to 10\.00 EUR by now, and 15\.00 EUR were held for it"):
        await changes.make(making)

    assert (await shown(world, name))["plan"] == item["plan"]
    assert [each["state"] for each in await invoices(world, customer)] == ["paid"]


async def test_add_ons_that_do_not_go_with_another_base_end_with_the_change(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    item = await plan(world, monthly("30.00"))
    name = await live(world, customer, item)
    extras = []
    for _ in range(2):
        extra = await plan(world, monthly("3.00"))
        await world.succeed(
            world.api.put(
                f"/v1/products/{extra['product']}",
                json={"id": extra["product"], "name": "extra", "requires": [item["product"]]},
            )
        )
        extras.append((extra, await live(world, customer, extra)))
    (included, gone), (other, stays) = extras
    base = await plan(world, monthly("60.00"))
    body = {"id": base["product"], "name": "all in one", "excludes": [included["product"]]}
    await world.succeed(world.api.put(f"/v1/products/{base['product']}", json=body))
    keeps = {"id": other["product"], "name": "extra", "requires": [base["product"]]}
    await world.succeed(world.api.put(f"/v1/products/{other['product']}", json=keeps))
    await advance(world, clock, MIDDLE)
    made = await change(world, name, plan=base["plan"])
    assert (made["dropped"], (await shown(world, name))["product"]) == ([gone], base["product"])
    await advance(world, clock, datetime(2026, 4, 17, tzinfo=UTC))
    assert [(await shown(world, each))["state"] for each in (gone, stays)] == ["ended", "active"]
    assert (await shown(world, gone))["ended_at"] == "2026-04-16T00:00:00Z"


@pytest.mark.money_case(15)
async def test_changes_that_are_decided_are_made_in_order_at_their_dates_and_may_be_dropped(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    item = await plan(world, monthly("30.00"))
    large = await larger(world, item, "60.00", interval="year")
    name = await live(world, customer, item)
    first = await change(world, name, quantity=3, when="period_end")
    assert (first["at"], first["due"]["minor"]) == ("2026-05-01T00:00:00Z", 0)
    assert (await change(world, name, quantity=3, when="period_end"))["number"] == first["number"]
    second = await change(world, name, plan=large, when="2026-05-11T00:00:00Z")
    third = await change(world, name, quantity=9, when="2026-06-01T00:00:00Z")
    assert [each["number"] for each in (await shown(world, name))["changes"]] == [
        each["number"] for each in (first, second, third)
    ]
    await world.succeed(world.api.delete(f"/v1/subscriptions/{name}/changes/{third['number']}"))
    await advance(world, clock, datetime(2026, 6, 3, tzinfo=UTC))
    found = await shown(world, name)
    assert (found["plan"], found["quantity"], found["next_renewal"]) == (large, 3, "2027-05-11T00:00:00Z")
    totals = [each["total"]["minor"] for each in await invoices(world, customer)]
    assert totals == [3000, 9000, 18000 - 6097]
    scheduled = [kind for kind in await told(world, customer) if kind.startswith("change")]
    assert scheduled == [*["change_scheduled"] * 3, "changed", "changed"]
    kinds = [kind for kind, _ in await events(world, name)]
    assert [kind for kind in kinds if kind.startswith("change")] == [
        *["change_decided"] * 3,
        "change_dropped",
        "changed",
        "changed",
    ]


async def test_what_a_change_gives_back_stays_given_back_where_it_ends_before_its_invoice_is_issued(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    name = await live(world, customer, await plan(world, monthly("30.00")))
    await change(world, name, quantity=3, when=f"{MIDDLE:%Y-%m-%dT%H:%M:%SZ}")
    await advance(world, clock, MIDDLE)
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/cancel", json={"when": "now"}))
    await advance(world, clock, datetime(2026, 4, 17, tzinfo=UTC))
    assert [each["total"]["minor"] for each in await invoices(world, customer)] == [3000, -1500]
    account = await world.succeed(world.api.get("/v1/credits", params={"customer": customer}))
    assert account["balances"] == [{"minor": 1500, "currency": "EUR"}]


async def test_a_pause_stops_access_and_billing_gives_the_rest_back_and_ends_by_itself(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    item = await plan(world, monthly("30.00"), steps=[build(), build("on", verb="activate", undo=None, needs=["build"])])
    name = await live(world, customer, item)
    await advance(world, clock, MIDDLE)
    asked = {"when": "now", "until": "2026-06-16T00:00:00Z"}
    paused = await world.succeed(world.api.post(f"/v1/subscriptions/{name}/pause", json=asked))
    assert (paused["state"], paused["next_renewal"]) == ("paused", None)
    assert await features(world, name) == {}
    async with world.database.transaction() as connection:
        blocks = await access_blocks.of_service(connection, paused["service"])
    assert [block.reason for block in blocks if block.lifted_at is None] == ["paused"]
    refused = await world.api.post(f"/v1/subscriptions/{name}/changes", json={"quantity": 2})
    assert (refused.status_code, "resume it first" in refused.text) == (409, True)
    await advance(world, clock, datetime(2026, 6, 10, tzinfo=UTC))
    assert len(await invoices(world, customer)) == 1
    await advance(world, clock, datetime(2026, 6, 20, tzinfo=UTC))
    found = await shown(world, name)
    assert (found["state"], found["next_renewal"]) == ("active", "2026-07-01T00:00:00Z")
    assert await features(world, name) == {"feature": "1"}
    again = (await invoices(world, customer))[-1]
    assert (again["total"]["minor"], again["amount_due"]["minor"], again["state"]) == (1500, 0, "paid")
    kinds = await world.sandbox.kinds(found["order"])
    assert [kind for kind in kinds if kind in {"suspended", "resumed", "captured"}] == ["captured", "suspended", "resumed"]
    assert [kind for kind, _ in await events(world, name)] == [
        "started",
        "pause_decided",
        "paused",
        "resumed",
        "billed",
        "renewed",
    ]


async def test_where_the_policy_says_so_a_pause_moves_the_periods_that_follow(world: World) -> None:
    clock, customer = await clocked(world, APRIL)
    name = await live(world, customer, await plan(world, monthly("30.00")))
    async with world.database.transaction() as connection:
        await life_policies.put(connection, PausePolicy(unused=PausedTime.extend))
    try:
        await world.succeed(world.api.post(f"/v1/subscriptions/{name}/pause", json={"when": "2026-04-11T00:00:00Z"}))
        assert (await shown(world, name))["state"] == "active"
        await advance(world, clock, datetime(2026, 6, 1, tzinfo=UTC))
        await world.succeed(world.api.post(f"/v1/subscriptions/{name}/resume"))
        assert (await shown(world, name))["next_renewal"] == "2026-06-21T00:00:00Z"
        await advance(world, clock, datetime(2026, 6, 30, tzinfo=UTC))
        assert [each["issue_date"] for each in await invoices(world, customer)] == ["2026-04-01", "2026-06-21"]
    finally:
        async with world.database.transaction() as connection:
            await life_policies.put(connection, PausePolicy())
