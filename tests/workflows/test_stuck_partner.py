"""A partner that stays down is asked on and on, and an operator sees it and may decide; nothing is billed meanwhile."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from activities.store import deprovisioning, due_rows, life_fallout, services, subscriptions, throttles
from activities.store.due_rows import Kind
from activities.store.life_fallout import Stuck
from domain import keys
from domain.fallout import Subject
from domain.messages import MessageFacts
from domain.states import ServiceState
from tests.life import advance, advance_past_waits, clocked, events, invoices, live, monthly, plan, shown
from tests.workflows.plans import build, built
from tests.world import Json, World

MAY = datetime(2026, 5, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OPEN = build("switch-on", verb="activate", undo=None, needs=["build"])


async def fallout(world: World, subscription: str, *, is_open: bool = True) -> list[Json]:
    query = {"order": (await shown(world, subscription))["order"], "open": str(is_open).lower()}
    return list((await world.succeed(world.api.get("/v1/fallout", params=query)))["items"])


async def state(world: World, subscription: str) -> ServiceState:
    async with world.database.transaction() as connection:
        return (await services.get(connection, (await shown(world, subscription))["service"])).state


async def ended(world: World, customer: str, *steps: Json) -> str:
    """One that has ended and whose service is to be taken down on 31 May, at a mailhub that refuses to."""
    name = await live(world, customer, await plan(world, monthly(), steps=steps or [build(), OPEN]))
    await refusing(world, name, "mailhub")
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/cancel", json={"when": "now"}))
    return name


async def refusing(world: World, subscription: str, *partners: str) -> None:
    order = (await shown(world, subscription))["order"]
    down = {"operation": "terminate", "mode": "decline_hard", "order": order}
    await world.sandbox.faults(*({**down, "partner": partner} for partner in partners))


async def test_a_service_that_a_partner_does_not_take_down_is_shown_after_two_days_and_never_forgotten(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await ended(world, customer)
    down = MAY + 30 * DAY
    await advance(world, clock, down + 2 * DAY - HOUR / 2)
    assert await fallout(world, name) == []

    await advance(world, clock, down + 2 * DAY + HOUR / 2)
    (stuck,) = await fallout(world, name)
    assert (stuck["subject"], stuck["owner"], stuck["system"]) == ("termination", "operations", "mailhub")
    assert stuck["title"] == f"{name} is not taken down at mailhub"
    assert ("declined_hard" in stuck["error"], stuck["attempts"]) == (True, 49)
    await advance(world, clock, down + 5 * DAY + HOUR / 2)
    (same,) = await fallout(world, name)
    assert same == {**stuck, "attempts": 49 + 3 * 24}
    assert len(await invoices(world, customer)) == 1

    await world.sandbox.faults()
    await advance(world, clock, down + 5 * DAY + 2 * HOUR)
    (closed,) = await fallout(world, name, is_open=False)
    assert (closed["verb"], closed["by"], await fallout(world, name)) == ("retry", "subscription", [])
    assert await state(world, name) is ServiceState.terminated
    assert [kind for kind, _ in await events(world, name)].count("service.terminated") == 1
    assert len(await invoices(world, customer)) == 1


async def test_an_operator_has_it_tried_at_once_and_sees_it_again_where_that_comes_to_nothing(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await ended(world, customer)
    shown_at = MAY + 32 * DAY + HOUR / 2
    await advance(world, clock, shown_at)
    (first,) = await fallout(world, name)
    skipped = await world.api.post(f"/v1/fallout/{first['id']}/skip", json={"reason": "why not"})
    await world.resolve(first, "retry")
    await advance(world, clock, shown_at)
    (second,) = await fallout(world, name)
    assert (skipped.status_code, second["id"] != first["id"], second["attempts"]) == (409, True, first["attempts"] + 1)

    await world.sandbox.faults()
    await world.resolve(second, "retry")
    await advance(world, clock, shown_at)
    assert (await state(world, name), await fallout(world, name)) == (ServiceState.terminated, [])


async def test_what_is_taken_down_by_hand_at_one_system_is_still_taken_down_at_the_others(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    steps = [build(), build("line", partner="fibreworks"), built("line")]
    name = await ended(world, customer, *steps)
    order = (await shown(world, name))["order"]
    await refusing(world, name, "mailhub", "fibreworks")
    shown_at = MAY + 32 * DAY + HOUR / 2
    await advance(world, clock, shown_at)
    (first,) = await fallout(world, name)
    silent = await world.api.post(f"/v1/fallout/{first['id']}/resolve", json={})
    await world.resolve(first, "resolve", evidence="ticket 4711")
    await advance(world, clock, shown_at)
    (second,) = await fallout(world, name)
    assert (silent.status_code, [first["system"], second["system"]]) == (422, ["fibreworks", "mailhub"])
    assert (await state(world, name), await world.happened(order, "terminated")) == (ServiceState.suspended, [])

    await refusing(world, name, "fibreworks")
    await advance(world, clock, shown_at + 2 * HOUR)
    assert (await state(world, name), await fallout(world, name)) == (ServiceState.terminated, [])
    assert await world.happened(order, "terminated") == ["terminated"]
    history = (await world.api.get(f"/v1/subscriptions/{name}/timeline", params={"limit": 100})).json()
    (said,) = [each["summary"] for each in history if each["type"] == "service.terminated"]
    assert said == "the service is taken down, and seen to be gone; at fibreworks by hand: ticket 4711 (admin)"
    await world.sandbox.faults()


async def test_a_decision_that_comes_while_it_is_done_or_tried_holds_or_is_refused(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    names = [await ended(world, customer) for _ in range(3)]
    await world.sandbox.fault("terminate", "decline_hard", partner="mailhub")
    await advance(world, clock, MAY + 32 * DAY + HOUR / 2)
    await world.sandbox.faults()

    for name in names:
        (stuck,) = await fallout(world, name)
        key, body = keys.termination(name), {"evidence": "ticket 4711"}

        async def done(key: str = key) -> str:
            async with world.database.transaction() as connection:
                return await deprovisioning.done(connection, key)

        decided, said = await asyncio.gather(world.api.post(f"/v1/fallout/{stuck['id']}/resolve", json=body), done())
        (closed,) = await fallout(world, name, is_open=False)
        by = {200: ("resolve", "admin"), 409: ("retry", "subscription")}[decided.status_code]
        assert (closed["verb"], closed["by"]) == by
        assert ("taken down" in said, await state(world, name)) == (True, ServiceState.terminated)
        async with world.database.transaction() as connection:
            assert await due_rows.get(connection, key) is None


async def test_what_is_done_by_hand_while_the_partner_is_asked_is_not_shown_again(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await ended(world, customer)
    await advance(world, clock, MAY + 32 * DAY + HOUR / 2)
    (stuck,) = await fallout(world, name)
    await world.resolve(stuck, "resolve", evidence="ticket 4711")
    async with world.database.transaction() as connection:
        said = await deprovisioning.try_again(connection, keys.termination(name), "no answer", ["mailhub"])
    assert (said, await fallout(world, name)) == ("mailhub: done by hand meanwhile", [])
    await advance(world, clock, MAY + 32 * DAY + HOUR / 2)
    await world.sandbox.faults()
    assert await state(world, name) is ServiceState.terminated


async def test_what_is_kept_by_a_legal_hold_is_not_shown_as_not_taken_down(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await ended(world, customer)
    await advance(world, clock, MAY + 32 * DAY + HOUR / 2)
    assert len(await fallout(world, name)) == 1
    await world.succeed(world.api.put(f"/v1/subscriptions/{name}/legal-hold", json={"reason": "lawsuit 4711"}))
    await advance(world, clock, MAY + 34 * DAY)
    (closed,) = await fallout(world, name, is_open=False)
    assert (await fallout(world, name), closed["reason"]) == ([], "kept by a legal hold: lawsuit 4711")

    await world.succeed(world.api.delete(f"/v1/subscriptions/{name}/legal-hold"))
    await advance(world, clock, MAY + 35 * DAY)
    assert (await fallout(world, name), await state(world, name)) == ([], ServiceState.suspended)
    await world.sandbox.faults()


async def test_a_service_that_is_not_closed_at_a_partner_is_shown_after_an_hour_until_it_is(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly(), steps=[build(), OPEN]))
    order, process = (await shown(world, name))["order"], keys.access_workflow((await shown(world, name))["service"])
    await world.sandbox.of(order).fault("suspend", "error_500")
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/suspend", json={"reason": "fraud", "words": "stolen card"}))
    await advance_past_waits(world, clock, MAY + HOUR / 2, process)
    assert await fallout(world, name) == []
    await advance_past_waits(world, clock, MAY + HOUR * 3 / 2, process)
    (stuck,) = await fallout(world, name)
    assert (stuck["subject"], stuck["title"], stuck["attempts"]) == ("access", f"{name} is not closed at mailhub", 2)
    assert "mailhub has not done it" in stuck["error"]
    resolved = await world.api.post(f"/v1/fallout/{stuck['id']}/resolve", json={"evidence": "ticket 4711"})
    assert resolved.status_code == 409

    await world.sandbox.faults()
    await world.resolve(stuck, "retry")
    await advance(world, clock, MAY + HOUR * 3 / 2)
    assert (await state(world, name), await fallout(world, name)) == (ServiceState.suspended, [])

    await world.sandbox.of(order).fault("resume", "error_500")
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/unsuspend", json={"reason": "fraud"}))
    await advance_past_waits(world, clock, MAY + 3 * HOUR, process)
    (stuck,) = await fallout(world, name)
    assert stuck["title"] == f"{name} is not opened again at mailhub"
    await world.sandbox.faults()
    await advance(world, clock, MAY + 4 * HOUR)
    assert (await state(world, name), await fallout(world, name)) == (ServiceState.active, [])
    assert sorted(each["by"] for each in await fallout(world, name, is_open=False)) == ["admin", "subscription"]


async def test_an_order_s_step_that_is_called_as_what_is_due_is_left_alone(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly(), steps=[build(), OPEN]))
    service = (await shown(world, name))["service"]
    async with world.database.transaction() as connection:
        await life_fallout.open_for(
            connection, name, f"{service}:access", Stuck(about=Subject.access, title="t", trouble="x"), MAY
        )
        (record,) = await life_fallout.opened(connection, f"{service}:access")
        step = record.model_copy(update={"id": f"{service}:access:fallout:2", "subject": Subject.step})
        await life_fallout.keep(connection, step, service.partition(":")[0])
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/suspend", json={"reason": "fraud"}))
    await advance(world, clock, MAY)
    assert [each["id"] for each in await fallout(world, name)] == [step.id]


async def test_a_service_that_a_partner_does_not_slow_down_is_shown_as_that(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly(), steps=[build(), OPEN]))
    service = (await shown(world, name))["service"]
    await world.sandbox.of(service.partition(":")[0]).fault("throttle", "error_500")
    async with world.database.transaction() as connection:
        found = (await subscriptions.get(connection, name, lock=True)).subscription
        await throttles.for_want_of_payment(connection, found, "I-1", 1, MessageFacts(plan="P", invoice="I-1"), MAY)
    await advance_past_waits(world, clock, MAY + 2 * HOUR, keys.access_workflow(service))
    (stuck,) = await fallout(world, name)
    assert (stuck["subject"], stuck["title"]) == ("access", f"{name} is not slowed down at mailhub")
    await world.sandbox.faults()
    await advance(world, clock, MAY + 3 * HOUR)
    assert (await fallout(world, name), await world.happened(service.partition(":")[0], "throttled")) == ([], ["throttled"])


async def test_what_cannot_be_read_is_shown_at_once_and_goes_on_once_it_is_mended(world: World) -> None:
    customer = await world.customer()
    name = await live(world, customer, await plan(world, monthly(), steps=[build(), OPEN]))
    service = (await shown(world, name))["service"]
    broken = text("UPDATE orders SET document = CAST(:document AS jsonb) WHERE id = :order")
    order = service.partition(":")[0]
    async with world.database.transaction() as connection:
        document = (await connection.execute(text("SELECT document FROM orders WHERE id = :id"), {"id": order})).scalar_one()
        await connection.execute(broken, {"document": '{"id": 4711}', "order": order})
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/suspend", json={"reason": "fraud", "words": "stolen card"}))

    async def stuck() -> Json | None:
        await world.due_sweep.sweep_page(datetime.now(UTC))
        query = {"order": order, "open": "true"}
        found = (await world.succeed(world.api.get("/v1/fallout", params=query)))["items"]
        return found[0] if found else None

    record = await world.until(stuck, "the fallout")
    assert (record["subject"], record["title"]) == ("due", f"access of {service}")
    async with world.database.transaction() as connection:
        await connection.execute(broken, {"document": json.dumps(document), "order": order})
        (row,) = await due_rows.of_subject(connection, service)
    assert row.kind is Kind.access
    await world.resolve(record, "retry")

    async def closed() -> bool:
        await world.due_sweep.sweep_page(datetime.now(UTC))
        return await state(world, name) is ServiceState.suspended

    await world.until(closed, "the service to be closed")
    assert await fallout(world, name) == []
