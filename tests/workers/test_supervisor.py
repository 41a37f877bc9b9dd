import asyncio
import json
import os
import socket
import stat
import sys
from pathlib import Path

import asyncpg
import pytest

from activities.runtime.settings import load_settings
from activities.runtime.temporal import connect
from tests.workers.conftest import StackProcess, until
from workers.embedded import problems
from workers.embedded.ports import free_port
from workers.embedded.problems import CannotStart, check_platform, check_room
from workers.embedded.process import Command, Mark, run


async def ask(stack: StackProcess, question: str) -> object:
    connection = await asyncpg.connect(stack.running.database_url)  # type: ignore[no-untyped-call]
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def begin_order(stack: StackProcess) -> None:
    client = await connect(load_settings(temporal_address=stack.running.temporal_address))
    await client.start_workflow("order", id="order-1", task_queue="orders")


async def order_is_open(stack: StackProcess) -> bool:
    client = await connect(load_settings(temporal_address=stack.running.temporal_address))
    description = await client.get_workflow_handle("order-1").describe()
    return description.status is not None and description.status.name == "RUNNING"


async def test_everything_killed_at_once_starts_again_with_its_data(stack: StackProcess) -> None:
    await asyncio.to_thread(stack.start)
    await ask(stack, "CREATE TABLE kept AS SELECT 42 AS answer")
    await begin_order(stack)

    stack.kill("supervisor", "postgres", "temporal", "worker")
    await asyncio.to_thread(stack.start)

    assert await ask(stack, "SELECT answer FROM kept") == 42
    assert await order_is_open(stack)


async def test_a_killed_supervisor_leaves_nothing_in_the_way(stack: StackProcess) -> None:
    before = await asyncio.to_thread(stack.start)
    await ask(stack, "CREATE TABLE kept AS SELECT 42 AS answer")

    stack.kill("supervisor")
    after = await asyncio.to_thread(stack.start)

    assert [mark.process() for mark in before.processes.values()] == [None, None, None]
    assert len(after.processes) == 3
    assert await ask(stack, "SELECT answer FROM kept") == 42


async def test_what_dies_is_started_again_and_said_in_a_line(stack: StackProcess) -> None:
    before = await asyncio.to_thread(stack.start)
    await begin_order(stack)

    stack.kill("postgres", "temporal", "worker")
    for name in ("postgres", "temporal", "worker"):
        await asyncio.to_thread(until, lambda said=f"{name} is back": said in stack.output, f"{name} is back")  # type: ignore[misc]

    assert "postgres was killed by signal 9; starting it again in 0.2 s" in stack.output
    assert stack.running.restarts == {"postgres": 1, "temporal": 1, "worker": 1}
    assert {mark.pid for mark in stack.running.processes.values()}.isdisjoint(mark.pid for mark in before.processes.values())
    assert await ask(stack, "SELECT 1") == 1
    assert await order_is_open(stack)


def test_asked_to_stop_it_stops_everything(stack: StackProcess) -> None:
    before = stack.start()

    assert stack.stop() == 0
    assert [mark.process() for mark in before.processes.values()] == [None, None, None]
    assert not stack.running.is_up()


def test_a_second_start_on_the_same_data_is_refused_in_one_line(started_stack: StackProcess) -> None:
    second = StackProcess(started_stack.data_dir, starts=list(started_stack.starts))
    assert second.launch().wait() == 1

    assert (
        second.output
        == f"{started_stack.data_dir} is in use by process {started_stack.running.supervisor.pid}: it is running already\n"
    )


def test_what_is_kept_is_for_its_owner_only(started_stack: StackProcess) -> None:
    for name in ("run.json", "secrets.json", "admin.key", "temporal.db"):
        assert stat.S_IMODE((started_stack.data_dir / name).stat().st_mode) == 0o600, name
    secrets = json.loads((started_stack.data_dir / "secrets.json").read_text())
    assert secrets["partners"]["fibreworks"].startswith("whsec_")
    assert (started_stack.data_dir / "admin.key").read_text().startswith("tk_dev_")


def test_a_taken_port_stops_the_start_with_its_name(stack: StackProcess) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        process = stack.launch(TURNUP_TEMPORAL_PORT=str(port))
        assert process.wait() == 1

    assert stack.output.startswith(f"port {port} is taken")
    assert "TURNUP_TEMPORAL_PORT" in stack.output


def test_a_database_that_is_not_there_stops_the_start_in_one_line(stack: StackProcess) -> None:
    url = f"postgresql://u:hunter2@127.0.0.1:{free_port()}/x"
    assert stack.launch(TURNUP_DATABASE_URL=url).wait() == 1

    assert stack.output.startswith("the database cannot be used: ")
    assert "hunter2" not in stack.output
    assert stack.output.count("\n") == 1
    assert not stack.running.is_up()


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("sys.exit('no such table')", "no such table"),
        ("os.kill(os.getpid(), 9)", "the schema ended with code -9; see {log}"),
    ],
)
async def test_what_does_not_come_to_a_good_end_says_why_and_not_what_an_earlier_run_said(
    tmp_path: Path, does: str, said: str
) -> None:
    log = tmp_path / "schema.log"
    log.write_text("said by an earlier run\n", encoding="utf-8")

    with pytest.raises(CannotStart) as problem:
        await run("the schema", Command([sys.executable, "-c", f"import os, sys; {does}"], log))

    assert str(problem.value) == said.format(log=log)


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "ROOM_NEEDED", 2**60)

    with pytest.raises(CannotStart, match=f"^the disk of {tmp_path} is full"):
        check_room(tmp_path)


def test_an_unsupported_platform_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")

    with pytest.raises(CannotStart, match="run on Linux and macOS, not on win32"):
        check_platform()


def test_a_process_is_not_mistaken_for_a_later_one_with_its_id() -> None:
    mine = Mark.of(os.getpid())

    assert mine.process() is not None
    assert mine.model_copy(update={"started": mine.started - 60}).process() is None
