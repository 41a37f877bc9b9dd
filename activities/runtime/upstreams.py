"""Watches the systems that services are provisioned in: an order waits for one that is down instead of failing at it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from activities.adapters.provisioning.port import Provisioner
from activities.store import upstreams
from activities.store.database import Database
from domain.errors import TurnupError

EVERY = 10.0
"""Seconds between two looks."""
log = structlog.get_logger()


class UpstreamWatch:
    def __init__(self, database: Database, adapters: Mapping[str, Provisioner]) -> None:
        self._database = database
        self._adapters = adapters

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self.look()
            except TurnupError as error:
                log.warning("upstreams not noted", reason=str(error))
            except Exception:
                log.exception("upstreams not noted")
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Ask every system once and note what it says. Raises Unavailable where the database does not answer."""
        said = dict(zip(self._adapters, await asyncio.gather(*map(_ask, self._adapters.values())), strict=True))
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            for name in sorted(said):
                await upstreams.note(connection, name, said[name], now)


async def _ask(adapter: Provisioner) -> str | None:
    """None where it serves; else how it failed."""
    try:
        await adapter.check()
    except TurnupError as error:
        return str(error)
    return None
