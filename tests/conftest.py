"""What the tests share: one PostgreSQL, and one running world, for the whole session."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.world import World, running_world
from workers.embedded.postgres import Cluster, running_cluster


@pytest_asyncio.fixture(scope="session")
async def cluster() -> AsyncIterator[Cluster]:
    """A PostgreSQL; each part of the tests makes a database of its own in it."""
    async with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def world_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("world")


@pytest_asyncio.fixture(scope="session")
async def world(cluster: Cluster, world_folder: Path) -> AsyncIterator[World]:
    """Everything running. Tests share it, each with customers, products and orders of its own."""
    async with running_world(cluster, world_folder) as world:
        yield world
