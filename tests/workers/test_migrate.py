import pytest

from workers.embedded.ports import free_port
from workers.embedded.postgres import running_cluster
from workers.migrate import MigrationFailed, revisions, server_version, upgrade


async def test_a_new_database_comes_to_this_release() -> None:
    async with running_cluster() as cluster:
        await upgrade(cluster.url())
        current, head = await revisions(cluster.url())
        await upgrade(cluster.url())

        assert current == head
        assert (await server_version(cluster.url())).startswith("18.")


async def test_a_database_that_is_not_there_is_one_line() -> None:
    with pytest.raises(MigrationFailed, match=r"^the database cannot be used: .*Connect call failed") as refused:
        await upgrade(f"postgresql://u:hunter2@127.0.0.1:{free_port()}/x")

    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)
