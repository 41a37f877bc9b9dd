"""Acts on what is due at a business date, the oldest first.

What concerns nothing but a subscription's own facts is done here, a transaction each with the subscription's row locked: where
thousands renew in the same second, opening a process for each costs several times as much. Whatever asks a system outside opens
the process it concerns, which acts on it itself; so does what meets a change that is under way, which only that process can
wait for.

Any number of sweeps may run. A row is leased while it is acted on or handed out, and comes again where nothing came of it; what
comes twice is harmless, since whoever acts on a row looks whether it is still there. A sweep that is done looks ahead: what
falls due before the schedule begins the next one has that begin when it is due. New orders do not wait for a
backlog, which is worked off a few at a time, on a queue of its own.
"""

import asyncio
import contextlib
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import structlog
from temporalio import activity

from activities.contracts.due_sweep import DueSweep, Swept
from activities.contracts.subscriptions import Subscriptions
from activities.runtime.collector import Collector
from activities.runtime.processes import Processes
from activities.runtime.schedules import BETWEEN_SWEEPS, DUE_SWEEP, INVOICE_RUN
from activities.store import disputes, due_rows, erasures, life_fallout, subscriptions
from activities.store.database import Database
from activities.store.due_rows import OF_FACTS, DueRow, Kind
from domain.collection import CollectionRequest
from domain.errors import Unavailable

PAGE = 100
AT_ONCE = 20
"""With what a gateway is left for each payment, a page is done in well under the time of a call."""
LEASE = timedelta(minutes=2)
"""After this long a row that nothing came of is handed out again."""
SOONEST = 1.0
"""Seconds between a sweep and one that begins since something falls due: as often as that is worth a workflow."""
SECONDS = 5.0
"""How long a call goes on to the next pages."""

log = structlog.get_logger()


class StoredDueSweep(DueSweep):
    def __init__(self, database: Database, processes: Processes, facts: Subscriptions, collector: Collector) -> None:
        self._database = database
        self._processes = processes
        self._facts = facts
        self._collector = collector
        self._alarm: asyncio.Task[None] | None = None

    @activity.defn(name="sweep_due")
    async def sweep(self, so_far: Swept) -> Swept:
        began, swept, more = time.monotonic(), Counter[Kind](), True
        while more and time.monotonic() - began < SECONDS:
            page = await self.sweep_page(datetime.now(UTC))
            more = bool(page)
            swept += page
        renewed = so_far.renewed + swept[Kind.renewal]
        if renewed and not more:
            await self._processes.hurry(INVOICE_RUN)
        if not more:
            await self._look_ahead(datetime.now(UTC))
        return Swept(handed=so_far.handed + swept.total(), renewed=renewed, more=more)

    async def _look_ahead(self, now: datetime) -> None:
        """Forgotten where the process ends: the schedule comes soon."""
        async with self._database.transaction() as connection:
            due_at = await due_rows.next_at(connection, now, now + BETWEEN_SWEEPS)
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.create_task(self._sweep_at(due_at)) if due_at is not None else None

    async def _sweep_at(self, due_at: datetime) -> None:
        await asyncio.sleep(max((due_at - datetime.now(UTC)).total_seconds(), SOONEST))
        with contextlib.suppress(Unavailable):
            await self._processes.hurry(DUE_SWEEP)

    async def sweep_page(self, now: datetime) -> Counter[Kind]:
        """How many rows of each kind were taken. Raises Unavailable while Temporal does not answer: they come again."""
        async with self._database.transaction() as connection:
            rows = await due_rows.claim(connection, now, now + LEASE, PAGE)
            changing = await subscriptions.being_changed(connection, {row.subject for row in rows})
        errors: list[Exception] = []
        for first in range(0, len(rows), AT_ONCE):
            some = rows[first : first + AT_ONCE]
            done = await asyncio.gather(*(self._try(row, row.subject in changing) for row in some))
            errors += [error for error in done if error is not None]
        if unavailable := next((error for error in errors if isinstance(error, Unavailable)), None):
            raise unavailable
        return Counter(row.kind for row in rows)

    async def _try(self, row: DueRow, changing: bool) -> Exception | None:
        """What went wrong. A row that nothing can be done about must not keep back the others of its page."""
        try:
            if row.kind is Kind.collect:
                await self._collect(row)
            elif row.kind is Kind.erasure:
                await self._erase(row)
            elif row.kind is Kind.evidence:
                await self._look_at_evidence(row)
            elif row.kind in OF_FACTS and not changing:
                await self._facts.due(row.key)
            else:
                await self._processes.due(row)
        except Exception as error:
            log.warning("due row not handed out", key=row.key, reason=str(error))
            async with self._database.transaction() as connection:
                await due_rows.failed(connection, row.key, str(error))
            return error
        return None

    async def _erase(self, row: DueRow) -> None:
        try:
            async with self._database.transaction() as connection:
                log.info("erasure", said=await erasures.carry_out(connection, row, datetime.now(UTC)))
        except Exception as error:  # whoever waits for it sees why, and until when it has to be done
            async with self._database.transaction() as connection:
                await erasures.note_trouble(connection, row.subject, life_fallout.words_of(error), datetime.now(UTC))
            raise

    async def _look_at_evidence(self, row: DueRow) -> None:
        async with self._database.transaction() as connection:
            await disputes.look_at_evidence(connection, row, datetime.now(UTC))

    async def _collect(self, row: DueRow) -> None:
        left = await self._collector.collect(CollectionRequest.model_validate_json(row.payload["request"]), row.key)
        if left is None:
            return
        await self._processes.collect(left)
        async with self._database.transaction(statement=True) as connection:
            await due_rows.remove(connection, [row.key])
