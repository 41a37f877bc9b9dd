"""Tells Temporal what the database holds for it: at once when kicked, and by a sweep that catches what was missed.

Any number of dispatchers may run, in API and worker processes. A row is locked while it is sent, and whatever is sent twice,
because a process died before marking it, is harmless: starts and updates carry business ids.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog

from activities.runtime.processes import Processes
from activities.store import dispatches, inbox, orders
from activities.store.database import Database
from activities.store.dispatches import Dispatch, Kind
from activities.store.orders import StoredOrder
from domain.errors import TurnupError, Unavailable
from domain.facts import Event, HandOver
from domain.orders import Order
from domain.provisioning import PartnerCallback
from domain.states import ORDER, OrderState, is_terminal

PAGE = 50
LEASE = timedelta(seconds=20)
SEND_TIMEOUT = 10
SWEEP = 2.0
LONGEST_WAIT = 60
log = structlog.get_logger()


class Dispatcher:
    def __init__(self, database: Database, processes: Processes) -> None:
        self._database = database
        self._processes = processes
        self._kicked = asyncio.Event()

    def kick(self) -> None:
        """There is something to send now."""
        self._kicked.set()

    async def run(self) -> None:
        """Send until cancelled. Errors are noted on their row and tried again, after ever longer waits up to a minute."""
        while True:
            self._kicked.clear()
            try:
                while await self.send_page() == PAGE:
                    pass
            except TurnupError as error:
                log.warning("dispatch postponed", reason=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._kicked.wait(), SWEEP)

    async def send_page(self, now: datetime | None = None) -> int:
        """Send one page of what is due at `now` (default: the present); returns how many were taken."""
        at = now or datetime.now(UTC)
        async with self._database.transaction() as connection:
            due = await dispatches.claim(connection, at, at + LEASE, PAGE)
            known = await orders.get_many(connection, [row.subject for row in due if row.kind is not Kind.subscribe])
        errors = await asyncio.gather(*(self._try(row, known.get(row.subject)) for row in due))
        async with self._database.transaction() as connection:
            sent = [row for row, error in zip(due, errors, strict=True) if error is None]
            await dispatches.mark_sent(connection, [row.key for row in sent], at)
            for row, error in zip(due, errors, strict=True):
                if error is not None:
                    again = at + timedelta(seconds=min(2**row.attempts, LONGEST_WAIT))
                    await dispatches.mark_failed(connection, row.key, str(error), again)
        await self._settle_callbacks([row for row in sent if row.kind is Kind.callback], known)
        return len(due)

    async def _try(self, row: Dispatch, stored: StoredOrder | None) -> TurnupError | None:
        try:
            await asyncio.wait_for(self._send(row, stored), SEND_TIMEOUT)
        except TimeoutError:
            return Unavailable("Temporal does not answer")
        except TurnupError as error:
            return error
        return None

    async def _send(self, row: Dispatch, stored: StoredOrder | None) -> None:
        if row.kind is Kind.subscribe:
            await self._processes.subscribe(HandOver.model_validate(row.payload))
            return
        order = _accepted(stored)
        match row.kind:
            case Kind.start:
                await self._processes.start(order)
            case Kind.begin:
                await self._processes.signal(order, "begin", row.due_at.isoformat())
            case Kind.wake:
                await self._processes.signal(order, "wake", row.key)
            case Kind.callback:
                await self._processes.signal(order, "partner_callback", row.payload)

    async def _settle_callbacks(self, sent: list[Dispatch], known: Mapping[str, StoredOrder]) -> None:
        """Note that the workflow has them, or that they came after the order's end, which an operator should see."""
        for row in sent:
            stored = known[row.subject]
            late = is_terminal(ORDER, stored.state)
            outcome = f"late: the order was {stored.state}" if late else "delivered"
            async with self._database.transaction() as connection:
                await inbox.settle(connection, str(row.payload["partner"]), str(row.payload["message_id"]), outcome)
                if late:
                    await orders.append(connection, stored.id, [_late_event(row, stored.state)])


def _accepted(stored: StoredOrder | None) -> Order:
    if stored is None or stored.order is None:
        raise Unavailable("the order is not accepted yet")
    return stored.order


def _late_event(row: Dispatch, state: OrderState) -> Event:
    callback = PartnerCallback.model_validate(row.payload["callback"])
    return Event(
        key=f"late:{row.key}",
        type="callback.late",
        at=datetime.now(UTC),
        actor=str(row.payload["partner"]),
        summary=f"{callback.reference} reported {callback.status} after the order was {state}",
        data={"reference": callback.reference, "status": callback.status},
    )
