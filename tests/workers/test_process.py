"""Child processes: what they are told as they start."""

import signal
import sys
from pathlib import Path

import psutil

from workers.embedded.process import Command, spawn, stop

IDLE = [sys.executable, "-c", "import time; time.sleep(3600)"]


async def niceness(folder: Path, *, gives_way: bool) -> tuple[int, str]:
    """Of a child, and of the session that Linux may share the CPUs out by; empty where there is no such thing."""
    child = await spawn(Command(IDLE, folder / "log", gives_way=gives_way))
    try:
        return psutil.Process(child.pid).nice(), _of_session(child.pid)
    finally:
        await stop(child, signal.SIGTERM)


def _of_session(pid: int) -> str:
    group = Path(f"/proc/{pid}/autogroup")
    return group.read_text(encoding="ascii").partition("nice ")[2].strip() if group.exists() else ""


async def test_one_that_gives_way_leaves_the_cpus_to_the_others(tmp_path: Path) -> None:
    own = psutil.Process().nice()

    usual, yielding = await niceness(tmp_path, gives_way=False), await niceness(tmp_path, gives_way=True)

    assert (usual[0], yielding[0]) == (own, min(own + 10, 19))
    assert (usual[1], yielding[1]) in {("0", "10"), ("", "")}
