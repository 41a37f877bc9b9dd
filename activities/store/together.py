"""What many ask of the database at the same moment goes in one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from activities.store.database import Connection, Database
from domain.errors import Unavailable

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

MOST = 100
"""How many go in one statement."""
PATIENCE = 0.05
"""Seconds after which a statement that is still out, as where it waits for a lock, holds the next one back no more."""


class Together(Generic[Asked, Answer]):
    """Asks by `work`, in one statement of its own for all who come while an earlier one is out. It takes a connection of the
    pool: who waits for the answer must hold none."""

    def __init__(self, database: Database, work: Callable[[Connection, Sequence[Asked]], Awaitable[Sequence[Answer]]]) -> None:
        """`work` is one statement, and answers in the order in which it is asked."""
        self._database = database
        self._work = work
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._out: set[asyncio.Task[None]] = set()

    async def ask(self, asked: Asked) -> Answer:
        """Raises what `work` does for this one by itself; Unavailable where PostgreSQL does not answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await future

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                task = asyncio.create_task(self._answer(batch))
                self._out.add(task)
                task.add_done_callback(self._out.discard)
                await asyncio.wait({task}, timeout=PATIENCE)
        finally:
            self._sending = None

    async def _answer(self, batch: "Sequence[tuple[Asked, asyncio.Future[Answer]]]") -> None:
        try:
            async with self._database.transaction(statement=True) as connection:
                answers = await self._work(connection, [asked for asked, _ in batch])
        except Unavailable as error:  # it may have been written: asking again is for the caller to decide
            _fail(batch, error)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch, error)
            for one in batch if len(batch) > 1 else ():
                await self._answer([one])
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        finally:
            for _, future in batch:
                future.cancel()


def _fail(batch: "Sequence[tuple[Asked, asyncio.Future[Answer]]]", error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
