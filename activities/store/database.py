"""The one way to PostgreSQL: a pool, and transactions that commit at the end of their block."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.errors import Unavailable

Connection = AsyncConnection
EVENTS_CHANNEL = "turnup_events"


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()


class Database:
    """A pool of connections to one PostgreSQL. Every method of the store takes a connection of an open transaction."""

    def __init__(self, url: str, pool_size: int = 20) -> None:
        self.url = make_url(url).set(drivername="postgresql+asyncpg")
        self._engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            connect_args={"timeout": 5, "server_settings": {"timezone": "UTC", "application_name": "turnup"}},
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction, committed at the end of the block and rolled back by any error.

        Raises `Unavailable` where PostgreSQL does not answer or went away: nothing is known to have been written, and since
        every write is keyed by a business fact, writing it again is safe.
        """
        try:
            async with self._engine.begin() as connection:
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


def _is_passing(error: DBAPIError) -> bool:
    """Serialization failures, deadlocks, shutdowns and lost connections pass by themselves (SQLSTATE 40, 57, 53, 08)."""
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    return state is not None and state[:2] in {"40", "57", "53", "08"}
