"""A call that is out: heard of while it lasts, brought to its end by a cancellation, and cut off only where a worker stops."""

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.runtime import heartbeats
from activities.runtime.heartbeats import Heartbeats

CALL = ExecuteActivityInput(fn=print, args=(), executor=None, headers={})
WORKER_STOPS = ActivityCancellationDetails(worker_shutdown=True)


class Outside(ActivityInboundInterceptor):
    """A call that is answered when `answer` is set."""

    def __init__(self) -> None:
        self.begun, self.answer = asyncio.Event(), asyncio.Event()

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        self.begun.set()
        await self.answer.wait()
        return "done"


def environment() -> ActivityEnvironment:
    made = ActivityEnvironment()
    made.info = dataclasses.replace(made.info, heartbeat_timeout=timedelta(seconds=6))
    return made


async def called(env: ActivityEnvironment, outside: Outside) -> "asyncio.Task[Any]":
    interceptor = Heartbeats().intercept_activity(outside)
    running = asyncio.create_task(env.run(interceptor.execute_activity, CALL))
    await outside.begun.wait()
    return running


async def test_a_call_that_lasts_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "BEAT", timedelta(milliseconds=5))
    env, outside, heard = environment(), Outside(), asyncio.Event()
    env.on_heartbeat = lambda *_: heard.set()
    running = await called(env, outside)

    await asyncio.wait_for(heard.wait(), 5)

    outside.answer.set()
    assert await running == "done"


async def test_a_cancelled_call_is_brought_to_its_end() -> None:
    env, outside = environment(), Outside()
    running = await called(env, outside)

    env.cancel()
    await asyncio.sleep(0)
    outside.answer.set()

    assert await running == "done"


async def test_a_worker_that_stops_cuts_its_calls_off() -> None:
    env, outside = environment(), Outside()
    running = await called(env, outside)

    env.cancel(WORKER_STOPS)

    with pytest.raises(asyncio.CancelledError):
        await running
