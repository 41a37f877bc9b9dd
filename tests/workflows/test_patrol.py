"""The patrol finds what must not be in the database, and closes what is gone."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from temporalio.client import Client

from activities.contracts.patrol import Beat
from activities.contracts.queues import JOBS
from activities.runtime.patrol import StoredPatrol
from activities.runtime.schedules import INVOICE_RUN, PATROL, REVENUE_CLOSE, VAT_CHECKS, ensure_schedules
from activities.store import patrol
from activities.store.patrol import Finding
from tests.life import live, monthly, plan
from tests.workflows.plans import access, build, by_hand
from tests.world import World
from workflows.patrol import PatrolWorkflow

SEEDS: dict[str, tuple[str, str]] = {
    "captured_is_fulfilled": (
        "UPDATE payments SET captured = captured - 1 WHERE order_id = :order",
        "UPDATE payments SET captured = captured + 1 WHERE order_id = :order",
    ),
    "nothing_held": (
        "UPDATE payments SET state = 'authorized' WHERE order_id = :order",
        "UPDATE payments SET state = 'captured' WHERE order_id = :order",
    ),
    "access_is_given": (
        "UPDATE entitlements SET revoked_at = now() WHERE source = :order || '\\:1'",
        "UPDATE entitlements SET revoked_at = NULL WHERE source = :order || '\\:1'",
    ),
    "access_is_paid": (
        "UPDATE order_items SET state = 'failed' WHERE order_id = :order",
        "UPDATE order_items SET state = 'completed' WHERE order_id = :order",
    ),
    "events_are_gapless": (
        "UPDATE orders SET event_count = event_count + 1 WHERE id = :order",
        "UPDATE orders SET event_count = event_count - 1 WHERE id = :order",
    ),
    "order_moves": (
        "UPDATE orders SET state = 'in_progress', updated_at = '2026-01-01' WHERE id = :order",
        "UPDATE orders SET state = 'completed' WHERE id = :order",
    ),
    "order_starts": (
        "UPDATE orders SET state = 'acknowledged', placed_at = '2026-01-01', updated_at = '2026-01-01' WHERE id = :order",
        "UPDATE orders SET state = 'completed' WHERE id = :order",
    ),
}
"""Of each invariant, how an order comes to break it, and how it is put right."""


async def completed(world: World) -> str:
    product, plan = await world.product(build(), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.settled(order)
    return order


async def round_of(world: World) -> int:
    """One round, without Temporal; returns how many orders it looked at."""
    patrolling = StoredPatrol(world.database)
    here = Beat(began=datetime.now(UTC))
    while (further := await patrolling.look(here)) is not None:
        here = further
    await patrolling.finish(here)
    return here.orders


async def change(world: World, statement: str, order: str) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(text(statement), {"order": order})


async def found(world: World, order: str, *, is_open: bool = True) -> list[Finding]:
    async with world.database.transaction() as connection:
        all_of_them = await patrol.findings(connection, is_open=is_open, before=None, limit=200)
    return [finding for finding in all_of_them if finding.order_id == order]


async def test_an_order_that_is_well_is_not_spoken_of(world: World) -> None:
    order = await completed(world)
    await round_of(world)
    assert await found(world, order) == []


async def test_what_must_not_be_is_found_once_and_closed_when_it_is_gone(world: World) -> None:
    """An order for each, in the same rounds: a round looks at all that is new."""
    orders = dict(zip(SEEDS, await asyncio.gather(*(completed(world) for _ in SEEDS)), strict=True))
    for name, (seed, _) in SEEDS.items():
        await change(world, seed, orders[name])
    await round_of(world)
    first = {name: await found(world, order) for name, order in orders.items()}
    for name, findings in first.items():
        assert name in [finding.invariant for finding in findings], name
    await round_of(world)
    for name, order in orders.items():
        assert [finding.id for finding in await found(world, order)] == [finding.id for finding in first[name]], name

    for name, (_, cure) in SEEDS.items():
        await change(world, cure, orders[name])
    await round_of(world)

    for name, order in orders.items():
        assert await found(world, order) == [], name
        assert name in [finding.invariant for finding in await found(world, order, is_open=False)], name


LIVES: dict[str, tuple[str, str]] = {
    "ended_is_taken_down": (
        "UPDATE subscriptions SET state = 'ended' WHERE order_id = :order",
        "UPDATE subscriptions SET state = 'active' WHERE order_id = :order",
    ),
    "due_is_done": (
        "UPDATE due_rows SET due_at = '2026-01-01' WHERE subject = replace(:order, 'O-', 'S-') || '-1'",
        "UPDATE due_rows SET due_at = handed_at WHERE subject = replace(:order, 'O-', 'S-') || '-1'",
    ),
}
"""The same of subscriptions. The row that is due rests at first, so that nobody does it meanwhile."""


async def test_a_subscription_that_is_forgotten_is_found_and_closed_when_it_is_not(world: World) -> None:
    lives = [await live(world, await world.customer(), await plan(world, monthly())) for _ in LIVES]
    orders = dict(zip(LIVES, [f"O-{name.split('-')[1]}" for name in lives], strict=True))
    soon = "UPDATE due_rows SET handed_at = now() + interval '1 hour' WHERE subject = replace(:order, 'O-', 'S-') || '-1'"
    await change(world, soon, orders["due_is_done"])
    for name, (seed, _) in LIVES.items():
        await change(world, seed, orders[name])
    await round_of(world)
    for name, order in orders.items():
        assert [finding.invariant for finding in await found(world, order)] == [name]

    for name, (_, cure) in LIVES.items():
        await change(world, cure, orders[name])
    await round_of(world)

    assert [await found(world, order) for order in orders.values()] == [[], []]


async def test_access_to_what_is_not_paid_is_found_while_the_order_is_at_work(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.stuck(order)
    grant = (
        "INSERT INTO entitlements (source, feature, customer, value, granted_at)"
        " SELECT id || '\\:1', 'feature', customer, '1', now() FROM orders WHERE id = :order"
    )
    await change(world, grant, order)

    await round_of(world)

    [finding] = await found(world, order)
    assert (finding.invariant, finding.subject, finding.found) == ("access_is_paid", f"{order}:1", "feature")
    await change(world, "DELETE FROM entitlements WHERE source = :order || '\\:1'", order)
    await round_of(world)
    assert await found(world, order) == []


async def test_a_ledger_that_does_not_balance_is_found(world: World) -> None:
    """Only somebody who goes around the database's own rule can make one."""
    order = await completed(world)
    around = "SET LOCAL session_replication_role = replica"
    post = (
        'INSERT INTO ledger_entries ("transaction", account, currency, amount, order_id, posted_at)'
        " VALUES (:order || '\\:odd', 'receivable', 'EUR', 5, :order, now())"
    )
    async with world.database.transaction() as connection:
        await connection.execute(text(around))
        await connection.execute(text(post), {"order": order})
    await round_of(world)
    assert [(finding.invariant, finding.found) for finding in await found(world, order)] == [("ledger_balances", "5 EUR")]

    async with world.database.transaction() as connection:
        await connection.execute(text(around))
        await connection.execute(
            text("DELETE FROM ledger_entries WHERE \"transaction\" = :order || '\\:odd'"), {"order": order}
        )
    await round_of(world)
    assert await found(world, order) == []


async def test_a_message_that_does_not_reach_temporal_is_found(world: World) -> None:
    """It was tried too often, though it is not due yet."""
    order = await completed(world)
    held_up = (
        "INSERT INTO dispatches (key, kind, subject, payload, due_at, attempts, sent_at)"
        " VALUES (:order || '\\:held-up', 'wake', :order, '{}', now() + interval '100 s', 12, NULL)"
    )
    await change(world, held_up, order)
    await round_of(world)
    [finding] = await found(world, order)
    assert (finding.invariant, finding.subject) == ("queue_is_current", f"{order}:held-up")
    assert "tried 12 times" in finding.found

    await change(world, "DELETE FROM dispatches WHERE key = :order || '\\:held-up'", order)
    await round_of(world)
    assert await found(world, order) == []


async def test_a_round_looks_at_what_is_new_or_at_work_and_not_at_all_there_ever_was(world: World) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    at_work = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.stuck(at_work)
    ended = await completed(world)
    await change(world, "UPDATE orders SET placed_at = placed_at - interval '2 minutes' WHERE id <> :order", "")
    await round_of(world)

    async with world.database.transaction() as connection:
        ids = [order for _, order in await patrol.to_look_at(connection, 0, 1000)]

    assert at_work in ids
    assert ended not in ids


async def test_a_round_is_a_workflow_that_says_what_it_found(world: World) -> None:
    order = await completed(world)
    await change(world, "UPDATE payments SET state = 'authorized' WHERE order_id = :order", order)
    client: Client = world.temporal.client

    number = await client.execute_workflow(PatrolWorkflow.run, id="patrol-by-hand", task_queue=JOBS)

    assert number >= 1
    answer = (await world.api.get("/v1/patrol", params={"open": "true"})).json()
    assert (order, "nothing_held") in [(finding["order_id"], finding["invariant"]) for finding in answer["items"]]
    assert {one["name"]: one["open"] for one in answer["invariants"]}["nothing_held"] >= 1
    assert answer["orders"] >= 1
    await change(world, "UPDATE payments SET state = 'captured' WHERE order_id = :order", order)
    await round_of(world)


async def test_the_schedule_is_made_once_and_stays_paused(world: World) -> None:
    client: Client = world.temporal.client
    await ensure_schedules(client, ["sandbox"])
    handle = client.get_schedule_handle(PATROL)
    await handle.pause(note="maintenance")

    await ensure_schedules(client, ["sandbox"])

    schedule = (await handle.describe()).schedule
    assert schedule.state.paused
    assert [interval.every for interval in schedule.spec.intervals] == [timedelta(minutes=5)]
    assert schedule.policy.catchup_window == timedelta(minutes=10)
    await handle.delete()
    for other in ("reconciliation-sandbox", VAT_CHECKS, INVOICE_RUN, REVENUE_CLOSE):
        await client.get_schedule_handle(other).delete()
