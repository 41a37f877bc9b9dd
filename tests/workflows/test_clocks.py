"""Test clocks through the API: what happens is streamed, and what cannot be is refused in words."""

import json
from datetime import UTC, datetime

import pytest

from activities.adapters.tax.engines import TaxEngines
from activities.runtime.clocks import StoredClocks
from activities.runtime.processes import Processes
from activities.store import due_rows, views
from activities.store.due_rows import DueRow, Kind
from domain.errors import Conflict
from tests.life import invoices, live, monthly, plan, shown
from tests.world import Json, World


async def clock(world: World, now: str = "2026-01-31T09:00:00Z") -> str:
    name = f"clock-{next(world.numbers)}"
    await world.succeed(world.api.post("/v1/test-clocks", json={"id": name, "now": now}))
    return name


async def advanced(world: World, name: str, **to: str) -> list[Json]:
    answer = await world.api.post(f"/v1/test-clocks/{name}/advance", json=to)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_two_years_of_a_subscription_pass_in_one_answer(world: World) -> None:
    name, customer = await clock(world), await world.customer()
    await world.succeed(world.api.post(f"/v1/test-clocks/{name}/customers", json={"customer": customer}))
    subscription = await live(world, customer, await plan(world, monthly()))
    lines = await advanced(world, name, by="P2Y")

    assert lines[-1] == {"now": "2028-01-31T09:00:00+00:00"}
    told = [line["event"] for line in lines[:-1]]
    kinds = [event["type"] for event in told]
    assert [kinds.count(kind) for kind in ("subscription.billed", "payment.paid", "subscription.renewed")] == [24, 23, 23]
    assert (await shown(world, subscription))["paid_until"] == "2028-01-31T09:00:00Z"
    page = await world.succeed(world.api.get(f"/v1/test-clocks/{name}/events", params={"limit": 200}))
    assert {event["id"] for event in told} == {event["id"] for event in page["items"]}


async def test_a_clock_goes_forward_only_and_not_too_far(world: World) -> None:
    name = await clock(world)
    for body, words in (
        ({"to": "2026-01-30T00:00:00Z"}, "lies before what the clock shows"),
        ({"by": "P9Y"}, "in steps"),
        ({"by": "a month"}, "is no duration"),
        ({}, "give either"),
    ):
        refused = await world.api.post(f"/v1/test-clocks/{name}/advance", json=body)
        assert (refused.status_code, words in refused.text) == (422, True), refused.text
    assert await advanced(world, name, by="PT6H") == [{"now": "2026-01-31T15:00:00+00:00"}]


async def test_a_customer_with_business_in_real_time_is_not_attached(world: World) -> None:
    name, customer = await clock(world), await world.customer()
    await world.order(customer, {"product": "crm", "plan": "crm-team"})
    refused = await world.api.post(f"/v1/test-clocks/{name}/customers", json={"customer": customer})
    assert (refused.status_code, "has business in real time" in refused.text) == (409, True)
    other = await world.customer()
    for _ in range(2):
        attached = await world.succeed(world.api.post(f"/v1/test-clocks/{name}/customers", json={"customer": other}))
    assert attached["customers"] == [other]
    assert datetime.fromisoformat(attached["now"]) == datetime(2026, 1, 31, 9, tzinfo=UTC)


async def test_coupons_credit_and_documents_by_hand_go_by_the_clock(world: World) -> None:
    name, customer = await clock(world), await world.customer()
    await world.succeed(world.api.post(f"/v1/test-clocks/{name}/customers", json={"customer": customer}))
    coupon = {"id": f"winter-{name}", "name": "Winter", "off": {"kind": "percent", "percent": "25"}}
    until = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-02-15T00:00:00Z"}
    await world.succeed(world.api.put(f"/v1/coupons/{coupon['id']}", json=coupon | until))
    item = await plan(world, monthly("10.00"))
    wish: Json = {"customer": customer, "currency": "EUR", "payment_method": "tok_visa", "coupons": [coupon["id"]]}
    wish["items"] = [{"id": "1", **item, "quantity": 1}]
    shown_ = await world.succeed(world.api.post("/v1/orders/preview", json=wish))
    ahead = await world.api.post("/v1/orders", json=wish | {"requested_start": "2026-02-01T00:00:00Z"})
    assert (ahead.status_code, ahead.json()["errors"][0]["field"]) == (422, "requested_start")
    accepted = await world.api.post("/v1/orders", json=wish, headers={"Preview-Token": shown_["token"]})
    assert (accepted.status_code, accepted.json()["total"]["minor"]) == (202, 750)
    await world.state(accepted.json()["id"], "completed")

    await advanced(world, name, to="2026-03-01T00:00:00Z")
    late = await world.api.post("/v1/orders/preview", json=wish)
    assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "coupons[0]")
    for key, minor, expiry in (("short", 400, {"expires_at": "2026-03-15T00:00:00Z"}), ("long", 150, {})):
        grant = {
            "customer": customer,
            "amount": {"minor": minor, "currency": "EUR"},
            "source": "promotional",
            "reason": "outage",
        }
        await world.succeed(world.api.post("/v1/credits", json=grant | expiry, headers={"Idempotency-Key": key}))
    charge = {"customer": customer, "description": "Training", "amount": {"minor": 300, "currency": "EUR"}, "product": "crm"}
    await world.succeed(world.api.post("/v1/invoice-items", json=charge, headers={"Idempotency-Key": name}))
    debtor = {"customer": customer, "currency": "EUR"}
    seen: list[Json] = (await world.api.post("/v1/invoices/preview", json=debtor)).json()
    drafts: list[Json] = (await world.api.post("/v1/invoices", json=debtor)).json()
    by_hand = await world.succeed(
        world.api.post(f"/v1/invoices/{drafts[0]['id']}/finalize", headers={"Preview-Token": seen[0]["token"]})
    )
    assert (by_hand["issue_date"], by_hand["state"], by_hand["amount_due"]["minor"]) == ("2026-03-01", "paid", 0)

    await advanced(world, name, to="2026-04-01T00:00:00Z")
    account = await world.succeed(world.api.get("/v1/credits", params={"customer": customer}))
    assert [wallet["available"]["minor"] for wallet in account["wallets"]] == [0]
    assert [grant["expired"]["minor"] for wallet in account["wallets"] for grant in wallet["grants"] if grant["expired"]] == [
        100
    ]
    assert [(each["issue_date"], each["state"]) for each in await invoices(world, customer)][-1] == ("2026-03-31", "paid")


async def test_a_clock_halts_at_once_at_what_waits_for_an_operator_and_says_what_it_is(world: World) -> None:
    name, customer = await clock(world), await world.customer()
    await world.succeed(world.api.post(f"/v1/test-clocks/{name}/customers", json={"customer": customer}))
    subscription = await live(world, customer, await plan(world, monthly()))
    key, now = f"{subscription}:invoice:none", datetime(2026, 1, 31, 9, tzinfo=UTC)
    row = DueRow(key=key, kind=Kind.invoice, subject=subscription, customer=customer, due_at=now, payload={"invoice": "none"})
    async with world.database.transaction() as connection:
        await due_rows.put(connection, [row])

    carried_out = StoredClocks(world.database, TaxEngines(), Processes(world.temporal.client))
    with pytest.raises(Conflict, match=f"{key} is still due: .*there is no invoice none"):  # which is not tried again
        await carried_out.hand_out(key)
    async with world.database.transaction() as connection:
        [record] = await views.halting(connection, name, 5)
    assert (record.id, record.order) == (f"{key}:fallout:1", f"O-{subscription.split('-')[1]}")
