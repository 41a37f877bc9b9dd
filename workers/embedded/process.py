"""Child processes: started so that they die with us, recognised later, and stopped for certain."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from domain.values import Value
from workers.embedded.problems import CannotStart

LOG_LIMIT = 10 * 2**20
"""Bytes after which a log is set aside, once, when its process starts."""


class Mark(Value):
    """A process told apart from a later one with the same id by when it started (seconds since 1970)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "Mark":
        """Raises `psutil.NoSuchProcess` when it has ended already."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The process if it still runs. The clock may have been set since, so a second's difference is the same one."""
        try:
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.started) < 1 and is_alive(found):
                return found
        except psutil.NoSuchProcess:
            pass
        return None


@dataclass(frozen=True)
class Account:
    """Whom a process runs as, where that is not whoever runs us."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """What to run. `stop` asks it to end in good order, and is also sent when we die."""

    arguments: list[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    account: Account | None = None
    folder: Path | None = None
    stop: signal.Signals = signal.SIGTERM


async def spawn(command: Command) -> asyncio.subprocess.Process:
    """Start it in a session of its own, so that the terminal's Ctrl-C reaches only us. Call from the main thread."""
    _set_aside(command.log)
    as_whom = {"user": command.account.uid, "group": command.account.gid, "extra_groups": []} if command.account else {}
    with command.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *command.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=command.folder,
            env=command.environment or None,
            start_new_session=True,
            umask=0o077,
            preexec_fn=_dying_with_parent(command.stop),
            **as_whom,  # type: ignore[arg-type]
        )


async def ready_or_ended(name: str, command: Command, process: asyncio.subprocess.Process, ready: Awaitable[None]) -> None:
    """Wait for `ready`. Raises `CannotStart`, with the last thing it said, when the process ends or takes too long."""
    is_ready, has_ended = asyncio.ensure_future(ready), asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait({is_ready, has_ended}, return_when=asyncio.FIRST_COMPLETED)
        if not is_ready.done():
            raise CannotStart(
                f"{name} ended as it started: {last_line(command.log) or f'it said nothing, code {process.returncode}'}"
            )
        try:
            await is_ready
        except TimeoutError:
            raise CannotStart(f"{name} does not get ready; see {command.log}") from None
    finally:
        is_ready.cancel()
        has_ended.cancel()


@contextlib.asynccontextmanager
async def running(name: str, command: Command, ready: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Start it, wait until it is ready, and stop it at the end."""
    process = await spawn(command)
    try:
        await ready_or_ended(name, command, process, ready())
        yield
    finally:
        await stop(process, command.stop)


async def run(name: str, command: Command) -> None:
    """Run it to its end. Raises `CannotStart`, with the last thing it said, where that is not a good one."""
    process = await spawn(command)
    try:
        code = await process.wait()
    finally:
        await stop(process, command.stop)
    if code != 0:
        said = last_line(command.log) if code > 0 else ""  # what one that was killed did not say is of an earlier run
        raise CannotStart(said or f"{name} ended with code {code}; see {command.log}")


async def stop(process: asyncio.subprocess.Process, how: signal.Signals, patience: float = 10) -> None:
    """Ask, wait `patience` seconds, then kill."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            process.kill()
    await process.wait()


def end(processes: list[psutil.Process], how: signal.Signals, patience: float = 10) -> None:
    """As `stop`, for processes that are not our children. Blocks."""
    alive = _left_after(processes, how, patience)
    _left_after(alive, signal.SIGKILL, 5)


def _left_after(processes: list[psutil.Process], how: signal.Signals, patience: float) -> list[psutil.Process]:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(how)
    deadline = time.monotonic() + patience
    while (alive := [process for process in processes if is_alive(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive


def is_alive(process: psutil.Process) -> bool:
    """One that has ended and waits for a slow init process to notice is not."""
    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def last_line(log: Path) -> str:
    """The last thing a process said, or '' when it said nothing."""
    try:
        lines = log.read_bytes()[-8192:].decode(errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _set_aside(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _dying_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """Runs in the child between fork and exec, after the change of user (which would clear it)."""
    if _LIBC is None:
        return None
    parent, prctl = os.getpid(), _LIBC.prctl

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, how)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_kernel
