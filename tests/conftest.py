"""What the tests share: one PostgreSQL, and one running world, for the whole session. Tests whose peer is missing are left out
and named at the end, or fail the session where peers are required."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from tests import peers
from tests.world import World, refuse_broken, running_world
from workers.embedded.postgres import Cluster, running_cluster

# As in production, a trace shows no values of variables; gathering them takes seconds.
_PLAIN = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _PLAIN])

LEFT_OUT = pytest.StashKey[dict[str, list[str]]]()
"""By the name of what they need, the files of the tests left out, one entry a test."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Raises UsageError, which ends the session, where peers are required."""
    left_out: dict[str, list[str]] = {}
    for mark, (name, found) in peers.NEEDED.items():
        without = [item for item in items if item.get_closest_marker(mark)]
        if without and found() is None:
            left_out[name] = [item.path.name for item in without]
            for item in without:
                item.add_marker(pytest.mark.skip(reason=f"{name} is not installed"))
    leave_out(config, left_out)


def leave_out(config: pytest.Config, left_out: dict[str, list[str]]) -> None:
    config.stash[LEFT_OUT] = left_out
    for name, files in left_out.items() if peers.required() else ():
        raise pytest.UsageError(f"{name} is not installed, {len(files)} tests need it, and TURNUP_REQUIRE_PEERS=1")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes tells the one that started it what it left out: each of them collects every test."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    leave_out(node.config, getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, files in config.stash.get(LEFT_OUT, {}).items():
        where = ", ".join(dict.fromkeys(files))
        terminalreporter.write_line(f"left out, {name} is not installed: {len(files)} tests ({where})")


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
    """Everything running. Tests share it, each with customers, products and orders of its own; at the end no process may be
    broken."""
    async with running_world(cluster, world_folder) as world:
        yield world
        await refuse_broken(world)
