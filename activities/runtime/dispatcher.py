"""Tells Temporal what the database holds for it: at once when PostgreSQL says so, and by a sweep that catches what was missed.

One runs in each worker process, since an order that is started by the client of a worker with room for it begins there, without
a way through Temporal's queues; any number may run. A row is leased while it is sent, and whatever is sent twice,
because a process died before marking it, is harmless: starts and updates carry business ids.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from activities.runtime.background import running
from activities.runtime.processes import Processes
from activities.store import dispatches, inbox, orders
from activities.store.database import DISPATCHES_CHANNEL, Database
from activities.store.dispatches import OF_ORDERS, Dispatch, Kind
from activities.store.listener import Listener
from activities.store.orders import StoredOrder
from domain.collection import CollectionRequest
from domain.errors import TurnupError, Unavailable
from domain.facts import Event, HandOver
from domain.gateway_events import Told
from domain.orders import Order
from domain.provisioning import PartnerCallback
from domain.states import ORDER, OrderState, is_terminal

PAGE = 50
SEND_TIMEOUT = 3
LEASE = timedelta(seconds=4)
"""How long the rows of a dispatcher that died stay with it; longer than it may take to send them."""

SWEEP = 2.0
LONGEST_WAIT = 60
LONGEST_OUTAGE_WAIT = 5
"""Seconds between tries where the other side is down: nothing is wrong with the row, and it should go soon after the outage."""

log = structlog.get_logger()


class Page(NamedTuple):
    """How many rows were taken, and how many of them went out."""

    taken: int
    sent: int


class Dispatcher:
    def __init__(self, database: Database, processes: Processes) -> None:
        self._database = database
        self._processes = processes

    async def run(self) -> None:
        """Send until cancelled. Errors are noted on their row and tried again, after ever longer waits up to a minute, or to
        five seconds where the other side is down."""
        listener = Listener(self._database.url, DISPATCHES_CHANNEL)
        async with running(listener.run), listener.watch() as news:
            while True:
                await self._send_due()
                await news.changed(within=SWEEP)

    async def _send_due(self) -> None:
        try:
            await self._send_all()
        except TurnupError as error:
            log.warning("dispatch postponed", reason=str(error))
        except Exception:  # a dispatcher that ended would leave orders lying until somebody noticed
            log.exception("dispatch postponed")

    async def _send_all(self) -> None:
        """Page after page, as long as any of it goes out."""
        page = await self.send_page()
        while page.taken == PAGE and page.sent:
            page = await self.send_page()

    async def send_page(self, now: datetime | None = None) -> Page:
        """Send one page of what is due at `now` (default: the present). Each statement stands by itself: rows that were taken
        and not sent are due again after their lease."""
        at = now or datetime.now(UTC)
        async with self._database.transaction(statement=True) as connection:
            due = await dispatches.claim(connection, at, at + LEASE, PAGE)
            known = await orders.get_many(connection, [row.subject for row in due if row.kind in OF_ORDERS])
        errors = await asyncio.gather(*(self._try(row, known.get(row.subject)) for row in due))
        sent = [row for row, error in zip(due, errors, strict=True) if error is None]
        await self._settle_callbacks([row for row in sent if row.kind is Kind.callback], known)
        async with self._database.transaction(statement=True) as connection:
            await dispatches.mark_sent(connection, [row.key for row in sent], at)
            for row, error in zip(due, errors, strict=True):
                if error is not None:
                    await dispatches.mark_failed(connection, row.key, str(error), at + _pause(row, error))
        return Page(len(due), len(sent))

    async def _try(self, row: Dispatch, stored: StoredOrder | None) -> Exception | None:
        """What went wrong. A row that cannot be sent at all must not keep back the others of its page."""
        try:
            await asyncio.wait_for(self._send(row, stored), SEND_TIMEOUT)
        except TimeoutError:
            return Unavailable("Temporal does not answer")
        except TurnupError as error:
            return error
        except Exception as error:
            log.exception("dispatch failed", key=row.key)
            return error
        return None

    async def _send(self, row: Dispatch, stored: StoredOrder | None) -> None:
        if row.kind not in OF_ORDERS:
            await self._tell(row)
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

    async def _tell(self, row: Dispatch) -> None:
        match row.kind:
            case Kind.subscribe:
                await self._processes.subscribe(HandOver.model_validate(row.payload))
            case Kind.collect:
                await self._processes.collect(CollectionRequest.model_validate(row.payload))
            case Kind.gateway_event:
                await self._processes.aftermath.tell(Told.model_validate(row.payload))
            case Kind.refund:
                await self._processes.aftermath.refund(row.subject)

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


def _pause(row: Dispatch, error: Exception) -> timedelta:
    longest = LONGEST_OUTAGE_WAIT if isinstance(error, Unavailable) else LONGEST_WAIT
    return timedelta(seconds=min(2 ** min(row.attempts, 10), longest))


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
