"""An order's history as server-sent events: what there is, then each event as it is committed, until the order has ended."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson

from activities.store import views
from activities.store.database import Database
from activities.store.listener import Listener, Watch
from activities.store.views import EventPage, StoredEvent
from domain.states import ORDER, is_terminal

HEARTBEAT = 15.0
"""Seconds of silence after which a comment shows that the connection still stands."""
POLL = 2.0
"""Seconds after which the database is asked without having been heard from, and the key is looked at again."""
PAGE = 200
RETRY_AFTER = 2000
"""Milliseconds a browser waits before it connects again."""


async def stream(
    database: Database, listener: Listener, order: str, after: int, allowed: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """Events with a `seq` above `after`. Ends with the order, or when `allowed` says no."""
    yield b"retry: %d\n\n" % RETRY_AFTER
    said_at = time.monotonic()
    async with listener.watch(order) as watch:
        while await allowed():
            page = await _read(database, order, after)
            for event in page.items:
                yield encoded(event)
            if page.items:
                after, said_at = page.items[-1].seq, time.monotonic()
            if is_finished(page, after):
                return
            if time.monotonic() - said_at >= HEARTBEAT:
                yield b": still here\n\n"
                said_at = time.monotonic()
            await _pause(watch, page)


def is_finished(page: EventPage, after: int) -> bool:
    """Whether the order has ended and all of its history up to its end has been read."""
    return is_terminal(ORDER, page.state) and after >= page.last


def encoded(event: StoredEvent) -> bytes:
    """One event in the form of the HTML standard: id = seq, event = type, data = the event as JSON."""
    data = orjson.dumps(event.model_dump(mode="json"))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.type.encode(), data)


async def _read(database: Database, order: str, after: int) -> EventPage:
    async with database.transaction() as connection:
        return await views.event_page(connection, order, after, PAGE)


async def _pause(watch: Watch, page: EventPage) -> None:
    if len(page.items) < PAGE:
        await watch.changed(POLL)
