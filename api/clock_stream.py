"""A test clock's advance as lines of JSON: each thing that happens as it happens, and what the clock shows at last."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import datetime, timedelta

import orjson

from activities.store import clock_events, clocks, views
from activities.store.database import Database
from domain.errors import TurnupError

LOOK = 0.2
"""Seconds between two looks at what happened."""
PAGE = 500
MOST_HALTING = 20
MOMENT = timedelta(microseconds=1)


async def stream(database: Database, clock: str, since: datetime, ended: Awaitable[str]) -> AsyncIterator[bytes]:
    """Each line `{"event": …}`, the last `{"now": …}`, or `{"error": …, "fallout": […]}` where it came to a halt."""
    under_way = asyncio.ensure_future(ended)
    seen: set[str] = set()
    try:
        while not under_way.done():
            async for line in _news(database, clock, since, seen):
                yield line
            await asyncio.wait([under_way], timeout=LOOK)
        async for line in _news(database, clock, since, seen):
            yield line
        yield await _end(database, clock, under_way)
    finally:
        under_way.cancel()


async def _news(database: Database, clock: str, since: datetime, seen: set[str]) -> AsyncIterator[bytes]:
    """What was not told yet. Things of one instant may be written in any order, so all of the clock's way is looked at."""
    after: tuple[datetime, str] | None = (since - MOMENT, "")
    while after is not None:
        async with database.transaction() as connection:
            found = await clock_events.page(connection, clock, after, PAGE)
        for event in found:
            if event.id not in seen:
                seen.add(event.id)
                yield orjson.dumps({"event": event.model_dump(mode="json")}) + b"\n"
        after = (found[-1].at, found[-1].id) if len(found) == PAGE else None


async def _end(database: Database, clock: str, under_way: "asyncio.Future[str]") -> bytes:
    try:
        under_way.result()
    except TurnupError as error:
        async with database.transaction() as connection:
            halting = [each.model_dump(mode="json") for each in await views.halting(connection, clock, MOST_HALTING)]
        return orjson.dumps({"error": str(error), "fallout": halting}) + b"\n"
    async with database.transaction() as connection:
        shown = (await clocks.get(connection, clock)).now
    return orjson.dumps({"now": shown.isoformat()}) + b"\n"
