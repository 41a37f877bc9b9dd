import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.workers.conftest import ROOT
from workers.embedded import postgres
from workers.embedded.postgres import Cluster, choose_home, running_cluster
from workers.embedded.problems import CannotStart

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")


async def ask(cluster: Cluster, question: str) -> object:
    connection = await asyncpg.connect(cluster.url())  # type: ignore[no-untyped-call]
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="module")
async def shared() -> AsyncIterator[Cluster]:
    async with running_cluster() as cluster:
        yield cluster


async def test_data_is_there_after_a_restart(reachable: Path) -> None:
    async with running_cluster(reachable / "pg", durable=True) as cluster:
        await ask(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")

    async with running_cluster(reachable / "pg", durable=True) as cluster:
        assert await ask(cluster, "SELECT answer FROM kept") == 42
        assert await ask(cluster, "SHOW fsync") == "on"
        assert await ask(cluster, "SHOW unix_socket_directories") == ""
        assert await ask(cluster, "SELECT lower('ÄÖÜ')") == "äöü"


@as_root
async def test_a_folder_that_nobody_can_reach_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)

    with pytest.raises(CannotStart, match="cannot reach"):
        async with running_cluster(tmp_path / "closed" / "pg"):
            pass


async def test_a_wrong_password_is_refused(shared: Cluster) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(shared.url().replace("for-tests", "guess"))  # type: ignore[no-untyped-call]


async def test_a_process_id_in_use_by_another_program_does_not_stop_a_start(reachable: Path) -> None:
    async with running_cluster(reachable / "pg") as cluster:
        stale = (cluster.data / "postmaster.pid").read_text()
    pid, rest = str(os.getpid()), stale.split("\n", 1)[1]
    (cluster.data / "postmaster.pid").write_text(f"{pid}\n{rest}")

    async with running_cluster(reachable / "pg") as cluster:
        assert await ask(cluster, "SELECT 1") == 1


async def test_a_folder_has_one_owner(shared: Cluster) -> None:
    with pytest.raises(CannotStart, match=f"in use by process {os.getpid()}"):
        async with running_cluster(shared.home):
            pass


async def test_a_failed_creation_says_why_and_leaves_nothing(reachable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "NAME", "pg_reserved")

    with pytest.raises(CannotStart, match=r"could not be created .*pg_reserved"):
        async with running_cluster(reachable / "pg"):
            pass

    assert not list((reachable / "pg").glob("data*"))


@as_root
async def test_root_runs_it_as_nobody(shared: Cluster) -> None:
    assert (shared.home.stat().st_uid, shared.home.stat().st_mode & 0o777) == (65534, 0o700)


@as_root
def test_root_keeps_data_elsewhere_when_nobody_cannot_get_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SHARED", tmp_path / "shared")
    closed = tmp_path / "closed" / "turnup"
    closed.mkdir(parents=True)
    closed.parent.chmod(0o700)

    home = choose_home(closed)

    assert home.parent == tmp_path / "shared"
    assert choose_home(closed) == home
    assert (closed / "postgres.path").read_text().strip() == str(home)


AS_NOBODY = """
import asyncio, os, sys
from collections.abc import AsyncIterator
from pathlib import Path
from workers.embedded import postgres

async def start(home):
    async with postgres.running_cluster(home) as cluster:
        return cluster.account

asyncio.run(start(Path(sys.argv[1]) / "by-root"))
binaries = postgres._binaries(postgres.Account(65534, 65534))
postgres._binaries = lambda account: binaries
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(asyncio.run(start(Path(sys.argv[1]) / "by-nobody" / "pg")))
"""
"""The interpreter may lie where nobody cannot read it, so everything is imported before the change of user."""


@as_root
def test_an_ordinary_user_starts_it_too(reachable: Path) -> None:
    (reachable / "by-nobody").mkdir()
    os.chown(reachable / "by-nobody", 65534, 65534)

    done = subprocess.run([sys.executable, "-c", AS_NOBODY, reachable], capture_output=True, text=True, cwd=ROOT)

    assert done.stdout == "None\n", done.stderr
