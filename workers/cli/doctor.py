"""What `turnup doctor` looks at, and how it says what it found."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from rich.console import Console
from rich.table import Table

from activities.contracts.queues import ORDERS
from activities.runtime.settings import Settings
from activities.runtime.temporal import connect, missing_search_attributes
from domain.errors import TurnupError
from workers.embedded.ports import is_free
from workers.embedded.problems import ROOM_NEEDED
from workers.embedded.running import Running, last_run, running_stack, with_running_stack

PATIENCE = 10.0
"""Seconds one check may take."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `found` says where it is or what is wrong with it, and what to do."""

    name: str
    found: str
    wrong: bool = False


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; never raises."""
    run, full = running_stack(settings.data_dir), with_running_stack(settings)
    checks: dict[str, Callable[[], Awaitable[str]]] = {
        "database": lambda: _database(full),
        "schema": lambda: _schema(full),
        "temporal": lambda: _temporal(full),
        "worker": lambda: _worker(full),
        "api": lambda: _http(full.api_url, "/readyz", "TURNUP_API_URL"),
        "sandbox": lambda: _http(full.sandbox_url, "/healthz", "TURNUP_SANDBOX_URL"),
    }
    stack = [_stack(settings, run), *(_processes(run) if run else _ports(settings))]
    asked = await asyncio.gather(*(_look(name, check) for name, check in checks.items()))
    return [*stack, *asked, _disk(settings)]


def show(findings: list[Finding], console: Console) -> None:
    """A table, and a last line that sums it up."""
    table = Table("", "what", "found", box=None, pad_edge=False, show_header=False)
    for finding in findings:
        table.add_row("[red]✗[/red]" if finding.wrong else "[green]✓[/green]", finding.name, finding.found)
    console.print(table)
    wrong = sum(finding.wrong for finding in findings)
    console.print("All is well." if not wrong else f"{wrong} of {len(findings)} need attention.")


async def _look(name: str, check: Callable[[], Awaitable[str]]) -> Finding:
    try:
        async with asyncio.timeout(PATIENCE):
            return Finding(name, await check())
    except TimeoutError:
        return Finding(name, f"no answer within {PATIENCE:g} s", wrong=True)
    except Exception as error:
        words = str(error) if isinstance(error, TurnupError) else f"{type(error).__name__}: {error}"
        return Finding(name, " ".join(words.split()), wrong=True)


def _stack(settings: Settings, run: Running | None) -> Finding:
    where = settings.data_dir.absolute()
    if run:
        state = "ready" if run.ready else "starting"
        return Finding("stack", f"{state} since {run.started_at:%Y-%m-%d %H:%M} UTC, process {run.supervisor.pid}, {where}")
    external = settings.database_url and settings.temporal_address
    return Finding("stack", f"not running in {where}" + ("" if external else "; `turnup start` starts it"), not external)


def _processes(run: Running) -> list[Finding]:
    found = []
    for name, mark in run.processes.items():
        alive, times = mark.process() is not None, run.restarts.get(name, 0)
        again = f", started again {times}×" if times else ""
        found.append(Finding(f"{name} process", f"{mark.pid}{again}" if alive else f"not running{again}", not alive))
    return found


def _ports(settings: Settings) -> list[Finding]:
    """What would keep a start from its ports."""
    before = last_run(settings.data_dir)
    left = [name for name, mark in before.processes.items() if mark.process()] if before else []
    found = [Finding("leftover", f"{name} of a killed start still runs; the next start ends it") for name in left]
    for name in () if left else ("api_port", "sandbox_port", "postgres_port", "temporal_port", "temporal_ui_port"):
        port = getattr(settings, name)
        if port and not is_free(port):
            found.append(Finding("port", f"{port} (TURNUP_{name.upper()}) is taken by another program", wrong=True))
    return found


async def _database(settings: Settings) -> str:
    from workers.migrate import server_version

    if settings.database_url is None:
        raise TurnupError("none: set TURNUP_DATABASE_URL, or run `turnup start`")
    return f"PostgreSQL {await server_version(settings.database_url)} at {settings.database_url.rpartition('@')[2]}"


async def _schema(settings: Settings) -> str:
    from workers.migrate import revisions

    if settings.database_url is None:
        raise TurnupError("no database to look into")
    current, head = await revisions(settings.database_url)
    if current != head:
        raise TurnupError(f"at {current or 'nothing'}, this release wants {head}: run `turnup migrate`")
    return f"at {current or 'nothing'}, as this release wants it"


async def _temporal(settings: Settings) -> str:
    client = await connect(settings)
    if missing := await missing_search_attributes(client):
        names = ", ".join(key.name for key in missing)
        raise TurnupError(f"{settings.temporal_address} lacks the search attributes {names}")
    ui = f", UI at {settings.temporal_ui_url}" if settings.temporal_ui_url else ""
    return f"{settings.temporal_address}, namespace {client.namespace}{ui}"


async def _worker(settings: Settings) -> str:
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    client = await connect(settings)
    found = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=ORDERS),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    if not found.pollers:
        raise TurnupError(f"nobody polls the task queue {ORDERS}: orders wait; run `turnup worker`")
    return f"{', '.join(sorted({poller.identity for poller in found.pollers}))} on {ORDERS}"


async def _http(url: str | None, path: str, setting: str) -> str:
    if url is None:
        raise TurnupError(f"not running here; set {setting} if it runs elsewhere")
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        try:
            answer = await http.get(url + path)
        except httpx.HTTPError as error:
            raise TurnupError(f"{url} does not answer: {str(error) or type(error).__name__}") from None
    if not answer.is_success:
        raise TurnupError(f"{url}{path} answers {answer.status_code}: {answer.text[:200]}")
    return url


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.data_dir.absolute(), *settings.data_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    return Finding("disk", f"{free / 2**30:.1f} GB free at {folder}", free < 4 * ROOM_NEEDED)
