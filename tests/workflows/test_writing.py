"""What an order writes goes along with the calls it makes, and is written before they are made."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowHistory

from activities.runtime import writing
from tests.workflows.plans import access, build, by_hand
from tests.world import World
from workflows import book

LOCK = text("SELECT id FROM orders WHERE id = :order FOR UPDATE")


@contextlib.asynccontextmanager
async def locked(world: World, order: str) -> AsyncIterator[None]:
    """Nobody else writes to the order."""
    async with world.database.transaction() as connection:
        await connection.execute(LOCK, {"order": order})
        yield


def written_by_itself(history: WorkflowHistory) -> list[str]:
    """The local activities."""
    markers = [event.marker_recorded_event_attributes for event in history.events]
    data = [bytes(marker.details["data"].payloads[0].data) for marker in markers if "data" in marker.details]
    return [name for each in data for name in ("record", "assess", "bill", "provision") if f'"{name}"'.encode() in each]


def refused(history: WorkflowHistory) -> list[str]:
    """The errors that calls ended with, in order."""
    failed = [event.activity_task_failed_event_attributes.failure for event in history.events]
    return [failure.application_failure_info.type for failure in failed if failure.message]


def brought(history: WorkflowHistory) -> list[bool]:
    """Of each call to the outside, whether something to write went along."""
    calls = [event.activity_task_scheduled_event_attributes for event in history.events]
    return [b'"first":{' in bytes(call.input.payloads[0].data) for call in calls if call.activity_type.name]


async def test_an_order_writes_by_itself_only_what_no_call_follows(world: World) -> None:
    line = (build(), build("check", verb="verify", undo=None, needs=["build"]), access(needs=["check"]))
    product, plan = await world.product(*line)
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.state(order, "completed")

    history = await world.workflow(order).fetch_history()

    assert sorted(written_by_itself(history)) == ["assess", "assess", "bill", "provision", "record", "record"]
    assert brought(history) == [True] * 4
    steps = {event["summary"].partition(" (")[0] for event in await world.events(order) if event["type"] == "step.running"}
    assert len(steps) == len(line)


async def test_much_is_written_before_the_call_and_stays_out_of_its_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "MOST_ALONG", 0)
    product, plan = await world.product(build(), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.state(order, "completed")

    history = await world.workflow(order).fetch_history()

    assert brought(history) == [False] * 3
    assert written_by_itself(history).count("record") == 2 + 3
    assert [event["seq"] for event in await world.events(order)] == list(range(1, len(await world.events(order)) + 1))


async def test_what_cannot_be_written_is_not_called_until_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PATIENCE", 0.3)
    product, plan = await world.product(by_hand(), build(needs=["by-hand"]), access(needs=["build"]))
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    record = await world.stuck(order)

    async def not_written() -> bool:
        return refused(await world.workflow(order).fetch_history()) == ["NotWritten"]

    async with locked(world, order):
        resolving = asyncio.create_task(world.resolve(record, "resolve", evidence="done"))
        await world.until(not_written, "the call to say that it could not write")
        created = "service_created" in await world.sandbox.kinds(order)
    await resolving
    await world.state(order, "completed")

    assert not created
    assert [service.accounts for service in (await world.sandbox.summary(order)).services] == [1]
    assert [event["seq"] for event in await world.events(order)] == list(range(1, len(await world.events(order)) + 1))


async def test_what_may_have_been_called_is_brought_to_its_end_and_not_begun_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only another try of the same call knows that it may have happened, and looks first."""
    monkeypatch.setattr(writing, "PATIENCE", 0.3)
    product, plan = await world.product(build(), access())
    order = await world.draft(await world.customer(), {"product": product, "plan": plan})
    await world.sandbox.fault("create", "timeout_after", count=1, order=order, delay_seconds=0.05)
    await world.submit(order)

    async def called() -> bool:
        return "service_created" in await world.sandbox.kinds(order)

    async def answered() -> WorkflowHistory | None:
        history = await world.workflow(order).fetch_history()
        done = [event for event in history.events if event.HasField("activity_task_completed_event_attributes")]
        return history if len(done) > 1 else None

    await world.until(called, "the service to be created")
    async with locked(world, order):
        history = await world.until(answered, "the next try to have ended")
    await world.state(order, "completed")

    names = [event.activity_task_scheduled_event_attributes.activity_type.name for event in history.events]
    assert (names.count("provision"), refused(history)) == (1, [])
    assert [service.accounts for service in (await world.sandbox.summary(order)).services] == [1]
    assert "Build build (item 1) is done" in [event["summary"] for event in await world.events(order)]
