"""Watches how gateways answer: one that fails too often is asked last, until it does better."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import structlog

from activities.store import attempts, routing
from activities.store.database import Database
from domain.errors import TurnupError
from domain.gateway_health import LAST, WINDOW, judge

EVERY = 5.0
"""Seconds between two looks."""
log = structlog.get_logger()


class GatewayWatch:
    def __init__(self, database: Database, gateways: Iterable[str]) -> None:
        self._database = database
        self._gateways = tuple(gateways)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self.look(datetime.now(UTC))
            except TurnupError as error:
                log.warning("gateways not judged", reason=str(error))
            except Exception:
                log.exception("gateways not judged")
            await asyncio.sleep(EVERY)

    async def look(self, now: datetime) -> None:
        """Judge every gateway by its last answers. Raises Unavailable where the database does not answer."""
        async with self._database.transaction() as connection:
            before = await routing.health(connection)
            for name in sorted(self._gateways):
                failures = await attempts.recent(connection, name, now - WINDOW, LAST)
                health = judge(name, before.get(name), failures, now)
                await routing.note_health(connection, health)
                known = before.get(name)
                if known is not None and known.healthy != health.healthy:
                    log.warning("gateway is well again" if health.healthy else "gateway is not well", gateway=name)
