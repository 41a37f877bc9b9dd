"""Orders placed at some concurrency, each followed to its end by what the database tells of its events."""

import asyncio
import contextlib
import itertools
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import asyncpg

from activities.store.database import EVENTS_CHANNEL
from tests.bench.connection import connected
from tests.bench.wire import Wire, wires

PATIENCE = 120.0
"""Seconds without any order coming to its end after which a run is given up."""


@dataclass(frozen=True)
class Target:
    """Where orders are placed, and how their end is known: `finished` selects those of $1 that have ended."""

    url: str
    database_url: str
    finished: str
    requests: Callable[[int], bytes]
    """The n-th request, as it goes over the wire."""


@dataclass
class Batch:
    """What one run came to. Seconds."""

    elapsed: float = 0.0
    accepted: list[float] = field(default_factory=list)
    completed: list[float] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.completed or self.accepted) / self.elapsed


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


class Ends:
    """Hears of orders' events, and asks which of those heard of have ended: after `pause` seconds, about all in one."""

    def __init__(self, target: Target, pause: float) -> None:
        self._target = target
        self._pause = pause
        self._heard_at: dict[str, float] = {}
        self._dirty: set[str] = set()
        self._news = asyncio.Event()
        self._open: dict[str, asyncio.Future[float]] = {}

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Ends"]:
        url = self._target.database_url
        async with connected(url) as connection, connected(url) as asking:
            await connection.add_listener(EVENTS_CHANNEL, self._heard)  # type: ignore[no-untyped-call]
            task = asyncio.create_task(self._ask(asking))
            try:
                yield self
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def of(self, order: str) -> float:
        """The moment (perf_counter) of the last event of an order that has ended."""
        self._open[order] = asyncio.get_running_loop().create_future()
        self._dirty.add(order)
        self._news.set()
        return await self._open[order]

    def _heard(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        self._heard_at[str(payload)] = time.perf_counter()
        self._dirty.add(str(payload))
        self._news.set()

    async def _ask(self, connection: "asyncpg.Connection") -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), 2)
            await asyncio.sleep(self._pause)
            asked = list(self._dirty & self._open.keys()) if self._news.is_set() else list(self._open)
            self._dirty.difference_update(asked)
            self._news.clear()
            for (order,) in await connection.fetch(self._target.finished, asked):
                self._open.pop(order).set_result(self._heard_at.get(order, time.perf_counter()))


async def complete(target: Target, count: int, concurrency: int) -> Batch:
    """Place `count` orders, `concurrency` of them on their way at any time, and see each to its end."""
    batch = Batch()
    numbers = itertools.count()

    async def place(wire: Wire, ends: Ends) -> None:
        while (number := next(numbers)) < count:
            began = time.perf_counter()
            order = await _accepted(wire, target.requests(number))
            batch.accepted.append(time.perf_counter() - began)
            batch.completed.append(await asyncio.wait_for(ends.of(order), PATIENCE) - began)
            batch.ids.append(order)

    async with wires(target.url, concurrency) as made, Ends(target, min(0.1, 0.001 * concurrency)).listening() as ends:
        began = time.perf_counter()
        await asyncio.gather(*(place(wire, ends) for wire in made))
        batch.elapsed = time.perf_counter() - began
    return batch


async def accept(target: Target, count: int, concurrency: int) -> Batch:
    """Place `count` orders over `concurrency` connections as fast as they are taken."""
    batch = Batch()
    numbers = itertools.count()

    async def place(wire: Wire) -> None:
        while (number := next(numbers)) < count:
            began = time.perf_counter()
            batch.ids.append(await _accepted(wire, target.requests(number)))
            batch.accepted.append(time.perf_counter() - began)

    async with wires(target.url, concurrency) as made:
        began = time.perf_counter()
        await asyncio.gather(*(place(wire) for wire in made))
        batch.elapsed = time.perf_counter() - began
    return batch


async def drained(target: Target, orders: list[str]) -> None:
    """Return when all of these orders have ended."""
    async with connected(target.database_url) as connection, asyncio.timeout(PATIENCE + len(orders)):
        while len(await connection.fetch(target.finished, orders)) < len(orders):  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.25)


async def _accepted(wire: Wire, request: bytes) -> str:
    status, body = await wire.send(request)
    if status != 202:
        raise RuntimeError(f"an order was answered with {status}: {body.decode()}")
    return str(json.loads(body)["id"])
