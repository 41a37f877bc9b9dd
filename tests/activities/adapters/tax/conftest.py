"""A sandbox that plays the register and the engine."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.sandbox_server import RunningSandbox, running_sandbox


@pytest_asyncio.fixture(scope="module")
async def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest_asyncio.fixture
async def sandbox(shared_sandbox: RunningSandbox) -> RunningSandbox:
    await shared_sandbox.faults()
    return shared_sandbox
