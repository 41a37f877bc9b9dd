"""The one way to PostgreSQL: a pool, and transactions that commit at the end of their block."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import orjson
from sqlalchemy import ColumnElement, CursorResult, any_, bindparam, literal, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.errors import Unavailable

Connection = AsyncConnection
Value = TypeVar("Value")
EVENTS_CHANNEL = "turnup_events"
DISPATCHES_CHANNEL = "turnup_dispatches"


def among(column: ColumnElement[Value], values: Iterable[Value]) -> ColumnElement[bool]:
    """Whether the column is one of `values`: the same statement, compiled and planned once, for any number of them."""
    return column == any_(literal(list(values), ARRAY(column.type)))


def among_given(column: ColumnElement[Value], name: str) -> ColumnElement[bool]:
    """As `among`, of the values given as parameter `name`: for a statement that is made once."""
    return column == any_(bindparam(name, type_=ARRAY(column.type)))


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()


class Database:
    """A pool of connections to one PostgreSQL. Every method of the store takes a connection of an open transaction. The one
    given back last is taken first: PostgreSQL plans a statement anew for each connection, which took a quarter of its time."""

    def __init__(self, url: str, pool_size: int = 20) -> None:
        self.url = make_url(url).set(drivername="postgresql+asyncpg")
        self._engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_use_lifo=True,
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            hide_parameters=True,  # an error's text goes to the log, and what was to be written names people
            connect_args={"timeout": 5, "server_settings": {"timezone": "UTC", "application_name": "turnup"}},
        )

        self._statements = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self, *, statement: bool = False) -> AsyncIterator[Connection]:
        """A transaction, committed at the end of the block and rolled back by any error. With `statement`, each statement
        is one by itself, which saves two trips; where none comes, nothing is asked of PostgreSQL at all.

        Raises `Unavailable` where PostgreSQL does not answer or went away: nothing is known to have been written, and since
        every write is keyed by a business fact, writing it again is safe.
        """
        try:
            async with _on_demand(self._statements) if statement else self._engine.begin() as connection:
                yield connection
        except (OSError, InterfaceError, TimeoutError, PoolExhausted) as error:
            raise Unavailable(f"PostgreSQL does not answer ({type(error).__name__})") from error
        except DBAPIError as error:
            if error.connection_invalidated or _is_passing(error):
                raise Unavailable(f"PostgreSQL broke off ({type(error.orig).__name__})") from error
            raise

    async def ping(self) -> None:
        """Raises `Unavailable` where PostgreSQL does not answer."""
        async with self.transaction() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._engine.dispose()


class _OnDemand(AsyncConnection):
    """Taken from the pool by its first statement."""

    async def execute(self, *given: Any, **options: Any) -> CursorResult[Any]:
        if self.sync_connection is None:
            await self.start()
        result: CursorResult[Any] = await super().execute(*given, **options)
        return result


@asynccontextmanager
async def _on_demand(engine: AsyncEngine) -> AsyncIterator[Connection]:
    connection = _OnDemand(engine)
    try:
        yield connection
    finally:
        if connection.sync_connection is not None:
            await connection.__aexit__(None, None, None)  # which a cancellation does not leave half done, as `close` by itself


def _is_passing(error: DBAPIError) -> bool:
    """Serialization failures, deadlocks, shutdowns and lost connections pass by themselves (SQLSTATE 40, 57, 53, 08)."""
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    return state is not None and state[:2] in {"40", "57", "53", "08"}
