"""Tells Temporal that a call to the outside is still at work, so that one whose worker died is tried again in seconds."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

BEAT = timedelta(seconds=2)
"""Pause between heartbeats. A call's heartbeat timeout is some multiple of it, since a busy worker may be late."""


class Heartbeats(Interceptor):
    """Beats for every activity that has a heartbeat timeout. A call that ends within the first pause costs nothing."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Beating(next)


class _Beating(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        if activity.info().heartbeat_timeout is None:
            return await super().execute_activity(input)
        beating = asyncio.create_task(_beat())
        try:
            return await _to_its_end(asyncio.create_task(super().execute_activity(input)))
        finally:
            beating.cancel()


async def _beat() -> None:
    while True:
        await asyncio.sleep(BEAT.total_seconds())
        activity.heartbeat()


async def _to_its_end(call: "asyncio.Task[Any]") -> Any:
    """A heartbeat brings the workflow's cancellation with it. A call that is out is not cut off by it: what undoes it could
    overtake it. Only a worker that has to stop cuts it off."""
    while not call.done():
        try:
            await asyncio.wait({call})
        except asyncio.CancelledError:
            if _must_stop():
                call.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await call
                raise
    return call.result()


def _must_stop() -> bool:
    details = activity.cancellation_details()
    return details is None or details.worker_shutdown
