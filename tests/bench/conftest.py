"""A database with many orders in it, for the tests of how it is read."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.bench.crowd import Crowded, crowded_database
from workers.embedded.postgres import Cluster


@pytest_asyncio.fixture(scope="session")
async def crowded(cluster: Cluster) -> AsyncIterator[Crowded]:
    async with crowded_database(cluster) as found:
        yield found
