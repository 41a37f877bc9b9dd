"""Hands out what is due at a business date, the oldest first: each process is opened with it, and acts on it itself.

Any number of sweeps may run. A row is leased while it is handed out, and comes again where nothing came of it; what is handed
out twice is harmless, since whoever acts on a row looks whether it is still there. New orders do not wait for a backlog: it is
handed out a few at a time, and acted on on a queue of its own.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from temporalio import activity

from activities.contracts.due_sweep import DueSweep, Swept
from activities.runtime.processes import Processes
from activities.store import due_rows
from activities.store.database import Database
from activities.store.due_rows import DueRow
from domain.errors import Unavailable

PAGE = 100
AT_ONCE = 10
LEASE = timedelta(minutes=2)
"""After this long a row that nothing came of is handed out again."""
SECONDS = 5.0
"""How long a call goes on to the next pages."""

log = structlog.get_logger()


class StoredDueSweep(DueSweep):
    def __init__(self, database: Database, processes: Processes) -> None:
        self._database = database
        self._processes = processes

    @activity.defn(name="sweep_due")
    async def sweep(self, so_far: Swept) -> Swept:
        began, handed, taken = time.monotonic(), so_far.handed, PAGE
        while taken == PAGE and time.monotonic() - began < SECONDS:
            taken = await self.sweep_page(datetime.now(UTC))
            handed += taken
        return Swept(handed=handed, more=taken == PAGE)

    async def sweep_page(self, now: datetime) -> int:
        """How many rows were taken. Raises Unavailable while Temporal does not answer: they come again."""
        async with self._database.transaction() as connection:
            rows = await due_rows.claim(connection, now, now + LEASE, PAGE)
        errors = [
            error for first in range(0, len(rows), AT_ONCE) for error in await self._hand_out(rows[first : first + AT_ONCE])
        ]
        if unavailable := next((error for error in errors if isinstance(error, Unavailable)), None):
            raise unavailable
        return len(rows)

    async def _hand_out(self, rows: Sequence[DueRow]) -> list[Exception]:
        return [error for error in await asyncio.gather(*map(self._try, rows)) if error is not None]

    async def _try(self, row: DueRow) -> Exception | None:
        """What went wrong. A row that cannot be handed out at all must not keep back the others of its page."""
        try:
            await self._processes.due(row)
        except Exception as error:
            log.warning("due row not handed out", key=row.key, reason=str(error))
            async with self._database.transaction() as connection:
                await due_rows.failed(connection, row.key, str(error))
            return error
        return None
