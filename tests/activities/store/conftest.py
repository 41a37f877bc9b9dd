"""A database of its own for each module of tests that asks for one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from activities.store.database import Connection, Database
from workers import migrate
from workers.embedded.postgres import Cluster


@asynccontextmanager
async def new_database(cluster: Cluster, name: str) -> AsyncIterator[Database]:
    url = await cluster.create_database(name)
    await migrate.upgrade(url)
    database = Database(url)
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="module")
async def database(cluster: Cluster, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    async with new_database(cluster, request.path.stem.removeprefix("test_")) as database:
        yield database


@pytest_asyncio.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """Rolled back after the test, so that the books of one are not in the next."""
    async with database.transaction() as connection:
        yield connection
        await connection.rollback()
