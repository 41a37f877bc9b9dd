"""Hears from PostgreSQL of what has been committed, the moment it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from asyncpg.exceptions import InterfaceError, PostgresError
from sqlalchemy.engine import URL

FIRST_WAIT = 0.2
LONGEST_WAIT = 10.0
log = structlog.get_logger()


class Watch:
    """Wakes whoever waits on it. What is heard between two waits is kept, and heard once however often it happened."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def wake(self) -> None:
        """Let the present or the next wait end."""
        self._heard.set()

    async def changed(self, within: float) -> bool:
        """Wait for news; False where none came within so many seconds."""
        try:
            await asyncio.wait_for(self._heard.wait(), within)
        except TimeoutError:
            return False
        self._heard.clear()
        return True


class Listener:
    """One connection per process that LISTENs for all watches. A lost connection is made again, and since something may have
    been missed meanwhile, every watch is woken then."""

    def __init__(self, url: URL, channel: str) -> None:
        self._channel = channel
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._watches: dict[str | None, set[Watch]] = {}
        self.connected = False

    @asynccontextmanager
    async def watch(self, order: str | None = None) -> AsyncIterator[Watch]:
        """Hear of what concerns one order while the block runs; of everything, where none is named."""
        watch = Watch()
        group = self._watches.setdefault(order, set())
        group.add(watch)
        try:
            yield watch
        finally:
            group.discard(watch)
            if not group:
                self._watches.pop(order, None)

    async def run(self) -> None:
        """Listen until cancelled."""
        wait = FIRST_WAIT
        while True:
            try:
                await self._listen()
                wait = FIRST_WAIT
            except (OSError, TimeoutError, PostgresError, InterfaceError) as error:
                log.warning("not listening; trying again", channel=self._channel, reason=type(error).__name__, seconds=wait)
                wait = min(wait * 2, LONGEST_WAIT)
            finally:
                self.connected = False
            await asyncio.sleep(wait)

    async def _listen(self) -> None:
        """Listen until the connection is lost."""
        connection = await asyncpg.connect(self._address, timeout=5)  # type: ignore[no-untyped-call]
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _connection: lost.set())
            await connection.add_listener(self._channel, self._heard)
            self.connected = True
            self._wake_all()
            await lost.wait()
        finally:
            connection.terminate()

    def _heard(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        for subject in (str(payload), None):
            for watch in self._watches.get(subject, ()):
                watch.wake()

    def _wake_all(self) -> None:
        for group in self._watches.values():
            for watch in group:
                watch.wake()
