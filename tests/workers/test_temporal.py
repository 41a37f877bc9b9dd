from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest
from temporalio.client import Client

from activities.contracts.attributes import JEOPARDY
from activities.runtime.settings import load_settings
from activities.runtime.temporal import connect, ensure_search_attributes, missing_search_attributes
from domain.errors import Unavailable
from workers.embedded.ports import free_port
from workers.embedded.temporal import running_server, server_arguments


@pytest_asyncio.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    async with running_server(tmp_path_factory.mktemp("temporal")) as server:
        yield await connect(load_settings(temporal_address=server.address))


async def test_a_ready_server_knows_the_search_attributes(client: Client) -> None:
    assert await missing_search_attributes(client) == []


async def test_a_server_without_an_attribute_is_given_it(client: Client) -> None:
    await client.operator_service.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace="default", search_attributes=[JEOPARDY.name])
    )

    assert await ensure_search_attributes(client) == [JEOPARDY.name]
    assert await missing_search_attributes(client) == []


async def test_a_server_that_is_not_there_is_named() -> None:
    nowhere = f"127.0.0.1:{free_port()}"

    with pytest.raises(Unavailable, match=f"Temporal does not answer at {nowhere}"):
        await connect(load_settings(temporal_address=nowhere))


def test_time_skipping_wins_over_the_tuning() -> None:
    arguments = server_arguments(time_skipping=True)

    assert "system.forceSearchAttributesCacheRefreshOnRead=true" in arguments
    assert "system.forceSearchAttributesCacheRefreshOnRead=false" not in arguments
