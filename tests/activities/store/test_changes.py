"""What a running order writes, and an order that is accepted, when it happens twice or at once."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from activities.runtime.facts import StoredFacts
from activities.store import access_blocks, changes, due_rows, entitlements, orders, services
from activities.store.database import Database
from domain import keys
from domain.checks import service_subject
from domain.errors import Conflict, Unavailable
from domain.facts import Event, HandOver, ItemStatus, OrderChange, OrderStatus
from domain.orders import Order
from domain.states import ItemState, OrderState
from tests.workflows.plans import build, by_hand
from tests.world import World

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def standing(world: World) -> str:
    """An order at work that nothing else writes to meanwhile."""
    product, plan = await world.product(build(), by_hand(needs=["build"]))
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.stuck(order)
    return order


def change(order: str, *keys: str, state: OrderState = OrderState.held) -> OrderChange:
    happened = [Event(key=key, type="test", at=NOW, actor="test", summary=key) for key in keys]
    return OrderChange(order=order, customer="C-1", events=happened, status=OrderStatus(state=state))


async def record(database: Database, given: OrderChange) -> None:
    async with database.transaction(statement=True) as connection:
        await changes.record(connection, given)


async def test_changes_at_the_same_moment_number_their_events_without_a_gap(world: World) -> None:
    order = await standing(world)
    known = len(await world.events(order))

    await asyncio.gather(*(record(world.database, change(order, f"a:{number}", f"b:{number}")) for number in range(10)))

    events = await world.events(order)
    assert [event["seq"] for event in events] == list(range(1, known + 21))
    assert {event["summary"] for event in events[known:]} == {f"{kind}:{number}" for kind in "ab" for number in range(10)}


async def test_one_change_made_twice_at_the_same_moment_is_written_once(world: World) -> None:
    order = await standing(world)
    known = len(await world.events(order))

    async def until_written() -> None:
        """As its activity does, again after an error."""
        try:
            await record(world.database, change(order, "once:1", "once:2"))
        except Unavailable:
            await record(world.database, change(order, "once:1", "once:2"))

    await asyncio.gather(*(until_written() for _ in range(5)))

    assert [event["summary"] for event in (await world.events(order))[known:]] == ["once:1", "once:2"]


async def test_a_change_after_the_end_writes_nothing(world: World) -> None:
    product, plan = await world.product(build())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.state(order, "completed")
    items, events = (await world.get(order))["items"], await world.events(order)

    late = change(order, "late:1").model_copy(update={"items": [ItemStatus(item="1", state=ItemState.held)]})
    async with world.database.transaction(statement=True) as connection:
        recorded = await changes.record(connection, late)

    assert recorded.settled is OrderState.completed
    assert ((await world.get(order))["items"], await world.events(order)) == (items, events)


def live(order: str, item: str, customer: str) -> HandOver:
    names = {"customer": customer, "product": "crm", "plan": "team", "currency": "EUR"}
    return HandOver(subscription=keys.subscription(order, item), order=order, item=item, quantity=1, activated_at=NOW, **names)


BEGUN = text("""
    SELECT subscriptions.item, state, document ? 'started_at', key FROM subscriptions
      LEFT JOIN dispatches ON subject = subscriptions.id WHERE subscriptions.order_id = :order ORDER BY 1
""")


async def test_a_subscription_begins_with_what_is_written_last_and_one_that_cannot_keeps_nothing_back(world: World) -> None:
    order = await standing(world)
    customer = str((await world.get(order))["customer"])
    handed = [live(order, item, customer) for item in ("1", "none-such")]

    async with world.database.transaction() as connection:
        await changes.record(connection, change(order, "live:1").model_copy(update={"hand_overs": handed}))
        found = (await connection.execute(BEGUN, {"order": order})).all()
        await connection.execute(text("DELETE FROM dispatches WHERE key = :key"), {"key": found[1].key})

    assert [tuple(row) for row in found] == [
        ("1", "active", True, None),
        ("none-such", "pending", False, f"{keys.subscription(order, 'none-such')}:subscribe"),
    ]
    assert (await world.events(order))[-1]["summary"] == "live:1"


async def test_what_is_blocked_when_it_goes_live_is_closed_and_all_else_is_not(world: World) -> None:
    order = await standing(world)
    customer = str((await world.get(order))["customer"])
    blocked, free = keys.reference(order, "blocked"), keys.reference(order, "free")
    handed = [live(order, item, customer) for item in ("blocked", "free")]

    async with world.database.transaction() as connection:
        await access_blocks.block(connection, [blocked], "dispute", f"dispute-of-{order}", NOW)
        await entitlements.grant(connection, blocked, customer, {"seats": "1"}, NOW)
        await entitlements.grant(connection, free, customer, {"seats": "2"}, NOW)
        given = change(order, "live:1").model_copy(update={"hand_overs": handed})
        await changes.record(connection, given)
        await changes.record(connection, given)
        closed = {each: (await services.get(connection, each)).access_changes for each in (blocked, free)}
        due = [row.key for each in (blocked, free) for row in await due_rows.of_subject(connection, each)]
        granted = [one.suspended for each in (blocked, free) for one in await entitlements.of_source(connection, each)]
        await connection.rollback()

    assert closed == {blocked: 1, free: 0}
    assert due == [f"{blocked}:access"]
    assert granted == [True, False]


async def test_what_goes_live_wakes_the_orders_that_wait_for_it(world: World) -> None:
    order, waiting, other = await standing(world), await standing(world), await standing(world)
    customer = str((await world.get(order))["customer"])
    woken = text("SELECT subject FROM dispatches WHERE kind = 'wake' AND subject = ANY(CAST(:ids AS varchar[]))")
    blockers = text("UPDATE orders SET blockers = ARRAY[:subject]::varchar[] WHERE id = :id")

    async with world.database.transaction() as connection:
        for id_, subject in ((waiting, service_subject(customer, "crm")), (other, service_subject(customer, "fibre"))):
            await connection.execute(blockers, {"id": id_, "subject": subject})
        for _ in range(2):
            await changes.record(
                connection, change(order, "live:1").model_copy(update={"hand_overs": [live(order, "1", customer)]})
            )
        found = list((await connection.execute(woken, {"ids": [waiting, other]})).scalars())
        await connection.rollback()

    assert found == [waiting]


async def test_access_is_held_while_a_hand_over_is_written(world: World) -> None:
    """What blocks a service at the same moment comes before it or after it, and never unseen between."""
    order = await standing(world)
    handed = [live(order, "1", str((await world.get(order))["customer"]))]

    async def block() -> None:
        async with world.database.transaction() as connection:
            await access_blocks.block(connection, [keys.reference(order, "1")], "dispute", f"held-of-{order}", NOW)
            await connection.rollback()

    async with world.database.transaction() as connection:
        await changes.record(connection, change(order, "live:1").model_copy(update={"hand_overs": handed}))
        blocking = asyncio.create_task(block())
        await world.until(lambda: waits_for_a_lock(world), "the block to wait for the service's access")
        assert not blocking.done()
        await connection.rollback()
    await blocking


async def test_an_order_that_was_accepted_is_never_replaced_by_another_of_its_id(world: World) -> None:
    order = await standing(world)
    before, events = await world.get(order), await world.events(order)
    async with world.database.transaction() as connection:
        known = (await orders.get(connection, order)).order
    assert isinstance(known, Order)

    with pytest.raises(Conflict, match=f"^there is an order {order} already"):
        async with world.database.transaction(statement=True) as connection:
            await orders.accept(connection, known.model_copy(update={"placed_by": "another"}), NOW)

    assert (await world.get(order), await world.events(order)) == (before, events)


def numbered(order: str, run: str, number: int, reason: str) -> OrderChange:
    given = change(order, f"{run}:{number}", state=OrderState.held)
    status = OrderStatus(state=OrderState.held, reason=reason)
    return given.model_copy(update={"run": run, "number": number, "status": status})


async def test_a_change_that_a_later_one_of_its_run_has_overtaken_writes_nothing(world: World) -> None:
    order = await standing(world)
    later, earlier = numbered(order, "run-a", 70, "later"), numbered(order, "run-a", 69, "earlier")
    await record(world.database, later)
    after, events = await world.get(order), await world.events(order)

    for overtaken in (earlier, later):
        await record(world.database, overtaken)

    assert after["reason"] == "later"
    assert (await world.get(order), await world.events(order)) == (after, events)


async def test_a_run_that_begins_anew_is_not_overtaken_by_the_one_before(world: World) -> None:
    order = await standing(world)
    await record(world.database, numbered(order, "run-a", 70, "before the reset"))

    await record(world.database, numbered(order, "run-b", 3, "after it"))

    assert (await world.get(order))["reason"] == "after it"
    assert (await world.events(order))[-1]["summary"] == "run-b:3"


async def test_a_change_that_meets_another_of_the_same_events_is_to_be_made_again(world: World) -> None:
    """As where a call writes what it brings while the order's process writes all of that and more."""
    order = await standing(world)
    facts, known = StoredFacts(world.database), len(await world.events(order))
    more = numbered(order, "run-a", 71, "more").model_copy(update={"events": change(order, "met:1", "met:2").events})
    async with world.database.transaction() as connection:
        await changes.record(connection, change(order, "met:1"))
        meeting = asyncio.create_task(facts.record(more))
        await world.until(lambda: waits_for_a_lock(world), "the other to wait for the order's row")

    with pytest.raises(Unavailable, match=f"another change of order {order} was written at the same moment"):
        await meeting
    await facts.record(more)

    assert [event["summary"] for event in (await world.events(order))[known:]] == ["met:1", "met:2"]


async def waits_for_a_lock(world: World) -> bool:
    waiting = text(
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    async with world.database.transaction() as connection:
        return bool((await connection.execute(waiting)).scalar())
