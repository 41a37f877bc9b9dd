"""Work that goes on beside whatever else a process does, for as long as it does it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger()


@asynccontextmanager
async def running(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """`work` beside the block, cancelled at its end."""
    task = asyncio.create_task(_kept_up(work))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """`work`, begun again after an error nobody foresaw: orders must not wait for the process to be restarted."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("beginning again after an unforeseen error")
        await asyncio.sleep(1)
