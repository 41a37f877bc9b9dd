"""The life of a subscription on a test clock: what falls due happens with the production code, in order, once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from activities.contracts.due_sweep import Swept
from activities.runtime import due_sweep
from activities.runtime.collector import Collector
from activities.runtime.due_sweep import StoredDueSweep
from activities.runtime.payments import PaymentActivities
from activities.runtime.processes import Processes
from activities.runtime.schedules import DUE_SWEEP
from activities.runtime.subscriptions import StoredSubscriptions
from activities.store import billables, subscriptions
from activities.store.due_rows import DueRow, Kind, next_at
from activities.store.due_rows import of_subject as rows_of
from activities.store.due_rows import put as put_rows
from activities.store.due_rows import remove as remove_rows
from activities.store.tables.customers import customers
from activities.store.tables.life import due_rows, test_clocks
from activities.store.tables.services import subscriptions as table
from domain import keys
from tests.life import advance, clocked, events, invoices, live, monthly, plan, shown
from tests.world import World


async def test_a_subscription_renews_month_after_month_from_its_anchor(world: World) -> None:
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly()))
    await advance(world, clock, datetime(2026, 4, 15, tzinfo=UTC))
    found = await invoices(world, customer)
    assert [each["issue_date"] for each in found] == ["2026-01-31", "2026-02-28", "2026-03-31"]
    assert [each["state"] for each in found] == ["paid"] * 3
    assert [kind for kind, _ in await events(world, name)] == ["started", *["billed", "renewed"] * 2]
    async with world.database.transaction() as connection:
        stored = await subscriptions.get(connection, name)
    assert stored.subscription.paid_until == stored.next_renewal == datetime(2026, 4, 30, 9, tzinfo=UTC)


async def test_a_trial_costs_nothing_and_is_followed_by_the_first_period(world: World) -> None:
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly(trial_days=14)))
    assert (await shown(world, name))["state"] == "trialing"
    await advance(world, clock, datetime(2026, 3, 20, tzinfo=UTC))
    found = await invoices(world, customer)
    assert [(each["issue_date"], each["total"]["minor"]) for each in found] == [
        ("2026-01-31", 0),
        ("2026-02-14", 1000),
        ("2026-03-14", 1000),
    ]
    assert (await shown(world, name))["state"] == "active"


async def test_what_is_charged_afterwards_is_billed_at_the_end_of_each_period(world: World) -> None:
    clock, customer = await clocked(world)
    charges = [monthly("10.00"), monthly("3.00", timing="arrears", name="Support")]
    name = await live(world, customer, await plan(world, *charges))
    await advance(world, clock, datetime(2026, 3, 1, tzinfo=UTC))
    found = await invoices(world, customer)
    assert [each["total"]["minor"] for each in found] == [1000, 1300]
    lines = (await world.succeed(world.api.get(f"/v1/invoices/{found[-1]['id']}")))["lines"]
    assert [line["period"]["start"][:10] for line in lines] == ["2026-01-31", "2026-02-28"]
    assert (await shown(world, name))["next_charge"] == {"minor": 1300, "currency": "EUR"}


@pytest.mark.money_case(25)
async def test_of_cycles_that_were_missed_only_the_last_is_billed(world: World) -> None:
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly()))
    async with world.database.transaction() as connection:
        await connection.execute(
            update(test_clocks).where(test_clocks.c.id == clock).values(now=datetime(2026, 6, 10, tzinfo=UTC))
        )
    await advance(world, clock, datetime(2026, 6, 11, tzinfo=UTC))
    assert [each["total"]["minor"] for each in await invoices(world, customer)] == [1000, 1000]
    assert [kind for kind, _ in await events(world, name)] == ["started", "billed", *["waived"] * 3, "renewed"]
    assert (await shown(world, name))["next_renewal"] == "2026-06-30T09:00:00Z"


async def test_the_sweep_renews_in_real_time_and_leaves_customers_on_a_clock_alone(world: World) -> None:
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)
    _, resting = await clocked(world, begun)
    asleep = await live(world, resting, await plan(world, monthly()))
    clock, customer = await clocked(world, begun)
    name = await live(world, customer, await plan(world, monthly()))
    async with world.database.transaction() as connection:
        await connection.execute(update(customers).where(customers.c.id == customer).values(clock=None))
        await connection.execute(update(due_rows).where(due_rows.c.clock == clock).values(clock=None))
    taken = await asyncio.gather(*(world.due_sweep.sweep_page(datetime.now(UTC)) for _ in range(3)))

    async def billed() -> bool:
        return "billed" in [kind for kind, _ in await events(world, name)]

    await world.until(billed, f"{name} to be billed")
    assert sum(taken, Counter())[Kind.renewal] >= 1
    assert [kind for kind, _ in await events(world, asleep)] == ["started"]
    async with world.database.transaction() as connection:
        charged = await billables.waiting(connection, customer, None, 10)
    assert [each.line.id.rpartition(":")[2] for each in charged] == ["1"]


class Hurried(Processes):
    """Keeps which schedules were told to begin."""

    def __init__(self, world: World) -> None:
        super().__init__(world.temporal.client)
        self.schedules: list[str] = []

    async def hurry(self, schedule: str) -> None:
        self.schedules.append(schedule)


async def test_a_sweep_has_the_next_one_begin_when_something_is_due(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_sweep, "SOONEST", 0.0)
    processes = Hurried(world)
    collector = Collector(world.database, PaymentActivities(world.database, world.gateways, "sandbox"), "sandbox")
    sweep = StoredDueSweep(world.database, processes, StoredSubscriptions(world.database), collector)
    later = DueRow(
        key="later", kind=Kind.restrict, subject="later", customer=None, due_at=datetime.now(UTC) + timedelta(seconds=60)
    )
    async with world.database.transaction() as connection:
        await put_rows(connection, [later])
    await sweep.sweep(Swept())
    soon = later.model_copy(update={"key": "soon", "due_at": datetime.now(UTC) + timedelta(seconds=1)})
    async with world.database.transaction() as connection:
        await put_rows(connection, [soon])

    await sweep.sweep(Swept())

    assert DUE_SWEEP not in processes.schedules

    async def begun() -> bool:
        return DUE_SWEEP in processes.schedules

    await world.until(begun, "the next sweep to begin")
    async with world.database.transaction() as connection:
        assert await next_at(connection, soon.due_at, later.due_at - timedelta(seconds=1)) is None
        await remove_rows(connection, ["soon", "later"])


async def test_a_moved_price_starts_with_the_next_period(world: World) -> None:
    clock, customer = await clocked(world)
    item = await plan(world, monthly("10.00", id="seat"), monthly("3.00", id="support", timing="arrears"))
    name = await live(world, customer, item)
    price = {"id": item["plan"].replace("plan", "price"), "plan": item["plan"], "currency": "EUR"}
    dearer = {**price, "charges": [monthly("12.00", id="seat"), monthly("4.00", id="backup")]}
    await world.succeed(
        world.api.put(f"/v1/prices/{price['id']}", json={**dearer, "moves_existing_at": "2026-03-10T00:00:00Z"})
    )
    await advance(world, clock, datetime(2026, 3, 5, tzinfo=UTC))
    assert (await shown(world, name))["next_charge"]["minor"] == 1200 + 300 + 400
    await advance(world, clock, datetime(2026, 5, 5, tzinfo=UTC))
    assert [each["total"]["minor"] for each in await invoices(world, customer)] == [1000, 1000 + 300, 1900, 1600]
    assert ("price_changed", "2026-03-31") in await events(world, name)
    refused = await world.api.put(
        f"/v1/prices/{price['id']}", json={**dearer, "tax_inclusive": True, "moves_existing_at": "2026-06-10T00:00:00Z"}
    )
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "tax_inclusive")


async def test_one_that_an_earlier_release_handed_over_is_taken_over_and_goes_on(world: World) -> None:
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly()))
    handed = {"subscription": name, "customer": customer, "activated_at": "2026-01-31T09:00:00Z"}
    async with world.database.transaction() as connection:
        await connection.execute(update(table).where(table.c.id == name).values(document=handed, next_renewal=None))
        (row,) = await rows_of(connection, name)
        await connection.execute(
            update(due_rows).where(due_rows.c.key == row.key).values(due_at=datetime(2026, 2, 1, tzinfo=UTC))
        )
    await advance(world, clock, datetime(2026, 3, 15, tzinfo=UTC))
    assert [each["state"] for each in await invoices(world, customer)] == ["paid", "paid"]
    assert (await shown(world, name))["next_renewal"] == "2026-03-31T09:00:00Z"


async def test_what_falls_due_while_a_change_is_under_way_waits_for_its_process(world: World) -> None:
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)
    clock, customer = await clocked(world, begun)
    name = await live(world, customer, await plan(world, monthly()))
    async with world.database.transaction() as connection:
        await connection.execute(update(customers).where(customers.c.id == customer).values(clock=None))
        await connection.execute(update(due_rows).where(due_rows.c.clock == clock).values(clock=None))
        await subscriptions.begin_change(connection, name)

    await world.due_sweep.sweep_page(datetime.now(UTC))

    process = world.temporal.client.get_workflow_handle(keys.subscription_workflow(name))
    [due] = [
        event
        async for event in process.fetch_history_events()
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert due.workflow_execution_signaled_event_attributes.signal_name == "due"
    await process.result()
    assert "billed" in [kind for kind, _ in await events(world, name)]
