"""The end of a subscription: billing and access end at one instant, what was not used is given back, all is taken down."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from activities.runtime.subscriptions import StoredSubscriptions
from activities.store import access_blocks, due_rows, services
from activities.store.due_rows import Kind
from activities.store.tables.payments import collections
from domain.states import ServiceState
from tests.life import advance, clocked, events, invoices, live, monthly, plan, shown
from tests.workflows.plans import build
from tests.world import Json, World

MAY = datetime(2026, 5, 1, tzinfo=UTC)


async def cancel(world: World, subscription: str, **asked: object) -> Json:
    return await world.succeed(world.api.post(f"/v1/subscriptions/{subscription}/cancel", json=asked))


async def service_of(world: World, subscription: str) -> ServiceState:
    service = (await shown(world, subscription))["service"]
    async with world.database.transaction() as connection:
        return (await services.get(connection, service)).state


async def test_one_that_is_cancelled_at_its_period_end_is_used_till_then_and_billed_no_more(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(
        world,
        customer,
        await plan(world, monthly(), steps=[build(), build("switch-on", verb="activate", undo=None, needs=["build"])]),
    )
    made = await cancel(world, name, when="period_end", words="moves away")
    assert (made["at"], made["given_back"]["minor"], made["fee"]["minor"]) == ("2026-06-01T00:00:00Z", 0, 0)
    assert (await shown(world, name))["state"] == "cancel_scheduled"
    await advance(world, clock, datetime(2026, 5, 31, tzinfo=UTC))
    assert await service_of(world, name) is ServiceState.active

    await advance(world, clock, datetime(2026, 6, 15, tzinfo=UTC))
    found = await shown(world, name)
    assert (found["state"], found["ended_at"], found["next_renewal"]) == ("ended", "2026-06-01T00:00:00Z", None)
    assert await service_of(world, name) is ServiceState.suspended
    await advance(world, clock, datetime(2026, 8, 1, tzinfo=UTC))
    assert await service_of(world, name) is ServiceState.terminated
    assert len(await invoices(world, customer)) == 1
    happened = [(kind, day) for kind, day in await events(world, name) if kind != "started"]
    assert happened == [
        ("cancelled", "2026-05-01"),
        ("ended", "2026-06-01"),
        ("service.suspended", "2026-06-01"),
        ("service.exported", "2026-06-01"),
        ("service.terminated", "2026-07-01"),
    ]
    kinds = await world.sandbox.kinds(found["service"].partition(":")[0])
    assert [kind for kind in kinds if kind in {"suspended", "exported", "terminated"}] == [
        "suspended",
        "exported",
        "terminated",
    ]


async def test_one_that_is_cancelled_at_once_gives_back_what_was_not_used(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly("31.00")))
    await advance(world, clock, datetime(2026, 5, 11, tzinfo=UTC))
    preview = await world.succeed(world.api.post(f"/v1/subscriptions/{name}/cancel/preview", json={"when": "now"}))
    assert (await shown(world, name))["state"] == "active"
    token = {"Preview-Token": preview["token"]}
    made = await world.succeed(world.api.post(f"/v1/subscriptions/{name}/cancel", json={"when": "now"}, headers=token))
    assert made["given_back"] == preview["given_back"] == {"minor": 2100, "currency": "EUR"}
    await advance(world, clock, datetime(2026, 7, 1, tzinfo=UTC))
    (invoice,) = await invoices(world, customer)
    detail = await world.succeed(world.api.get(f"/v1/invoices/{invoice['id']}"))
    assert [note["total"]["minor"] for note in detail["credit_notes"]] == [2100]
    service = (await shown(world, name))["service"]
    async with world.database.transaction() as connection:
        (block,) = await access_blocks.of_service(connection, service)
    assert (block.reason, block.lifted_at) == ("ended", None)


@pytest.mark.money_case(30)
async def test_what_is_charged_afterwards_ends_with_access_to_the_second(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly("31.00", timing="arrears")))
    await advance(world, clock, datetime(2026, 5, 10, tzinfo=UTC))
    end = datetime(2026, 5, 21, tzinfo=UTC)
    await cancel(world, name, when=end.isoformat())
    await advance(world, clock, end + timedelta(days=1))
    last = (await invoices(world, customer))[-1]
    assert last["total"] == {"minor": 2000, "currency": "EUR"}
    detail = await world.succeed(world.api.get(f"/v1/invoices/{last['id']}"))
    assert [line["period"]["end"] for line in detail["lines"]] == ["2026-05-21T00:00:00Z"]
    assert (await shown(world, name))["ended_at"] == "2026-05-21T00:00:00Z"


async def test_a_cancellation_that_is_taken_back_leaves_no_trace_in_what_is_billed(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly()))
    await cancel(world, name)
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/uncancel"))
    await advance(world, clock, datetime(2026, 7, 15, tzinfo=UTC))
    assert [each["state"] for each in await invoices(world, customer)] == ["paid"] * 3
    refused = await world.api.post(f"/v1/subscriptions/{name}/cancel", json={"version": 1})
    assert refused.status_code == 409
    past = await world.api.post(f"/v1/subscriptions/{name}/cancel", json={"when": "2026-01-01T00:00:00Z"})
    assert (past.status_code, "which is past" in past.json()["detail"]) == (409, True)


async def test_a_cancellation_wins_over_the_renewal_of_the_same_instant(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly()))
    june = datetime(2026, 6, 1, tzinfo=UTC)
    await advance(world, clock, june)
    assert (await shown(world, name))["next_renewal"] == "2026-07-01T00:00:00Z"
    made = await cancel(world, name, when="period_end")
    assert made["at"] == "2026-06-01T00:00:00Z"
    await advance(world, clock, june + timedelta(days=40))
    assert (await shown(world, name))["ended_at"] == "2026-06-01T00:00:00Z"
    assert [(each["total"]["minor"], each["state"]) for each in await invoices(world, customer)] == [
        (1000, "paid"),
        (0, "voided"),
    ]


async def test_what_is_given_back_waits_for_a_payment_that_is_under_way_and_says_so(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly("31.00")))
    await advance(world, clock, datetime(2026, 5, 11, tzinfo=UTC))
    (invoice,) = await invoices(world, customer)
    payment = {"key": f"{invoice['id']}:payment:1", "invoice": invoice["id"], "number": 1, "customer": customer}
    asked = {"method": "tok_visa", "currency": "EUR", "amount": 1, "state": "asked", "reason": "asked", "begun_at": MAY}
    async with world.database.transaction() as connection:
        await connection.execute(insert(collections).values(**payment, **asked))
    await cancel(world, name, when="now")
    async with world.database.transaction() as connection:
        (row,) = [each for each in await due_rows.of_subject(connection, name) if each.kind is Kind.unused]

    said = await StoredSubscriptions(world.database).due(row.key)
    assert "is under way" in said
    (ahead,) = [each for each in (await shown(world, name))["ahead"] if each["kind"] == "unused"]
    assert "is under way" in ahead["trouble"]

    async with world.database.transaction() as connection:
        decided = update(collections).where(collections.c.key == payment["key"])
        await connection.execute(decided.values(state="declined", ended_at=MAY))
    await advance(world, clock, datetime(2026, 5, 12, tzinfo=UTC))
    detail = await world.succeed(world.api.get(f"/v1/invoices/{invoice['id']}"))
    assert [note["total"]["minor"] for note in detail["credit_notes"]] == [2100]


async def test_an_end_that_is_moved_costs_the_fee_of_the_last_one_alone(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly("30.00")))
    policy = await world.succeed(world.api.get("/v1/policies/ending"))
    try:
        terms = {"minimum_term": "P365D", "early_fee_percent": "50"}
        await world.succeed(world.api.put("/v1/policies/ending", json=policy | terms))
        dear = await cancel(world, name, when="2026-06-01T00:00:00Z")
        cheap = await cancel(world, name, when="2026-11-01T00:00:00Z")
        assert dear["fee"]["minor"] > cheap["fee"]["minor"] == 9000
        await advance(world, clock, datetime(2026, 11, 3, tzinfo=UTC))
    finally:
        await world.succeed(world.api.put("/v1/policies/ending", json=policy))
    last = (await invoices(world, customer))[-1]
    assert (last["issue_date"], last["total"]) == ("2026-11-01", cheap["fee"])
