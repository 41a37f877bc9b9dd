"""Runs the embedded installation: starts its processes in order, starts again what dies, stops all in order."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psutil

from activities.runtime.settings import Settings
from workers.embedded.lock import owned
from workers.embedded.problems import CannotStart, check_platform, check_room
from workers.embedded.process import Mark, end, last_line, ready_or_ended, run, spawn, stop
from workers.embedded.running import Running, last_run, write_running
from workers.embedded.stack import POSTGRES, Service, Stack, plan

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds before a process that died is started again: doubled each time it dies young."""

SETTLED = 30.0
"""Seconds after which a process no longer counts as young."""

Say = Callable[[str], None]
WhenReady = Callable[[Stack, Running], Awaitable[None]]


@dataclass
class Child:
    """A service and its present process."""

    service: Service
    process: asyncio.subprocess.Process
    mark: Mark | None


class Supervisor:
    """One run of a stack. `say` gets one line for each thing the person at the terminal should know."""

    def __init__(self, stack: Stack, programs: list[Service], say: Say) -> None:
        self._stack = stack
        self._programs = programs
        self._say = say
        self._children: dict[str, Child] = {}
        self._restarts: dict[str, int] = {}
        self._ready = False

    async def start(self) -> Running:
        """Engines, schema, programs; returns when all are ready. Raises `CannotStart`."""
        others = [engine for engine in self._stack.engines() if engine.name != POSTGRES]
        await asyncio.gather(self._start_database(), *map(self._start, others))
        await asyncio.gather(*map(self._start, self._programs))
        self._ready = True
        return self._write()

    async def watch(self) -> None:
        """Start again what dies, for ever; cancel it to end."""
        async with asyncio.TaskGroup() as watching:
            for child in self._children.values():
                watching.create_task(self._keep_up(child))

    async def stop(self) -> None:
        """Programs before engines, each in good order."""
        self._ready = False
        engines = {service.name for service in self._stack.engines()}
        for group in (self._children.keys() - engines, engines & self._children.keys()):
            children = [self._children[name] for name in group]
            await asyncio.gather(*(stop(child.process, child.service.command.stop) for child in children))
        self._children.clear()
        self._write()

    async def _start_database(self) -> None:
        """With its schema, which a process of its own brings to this release: what that takes is given back."""
        for engine in self._stack.engines():
            if engine.name == POSTGRES:
                await self._start(engine)
        await run("bringing up the schema", self._stack.schema())

    async def _start(self, service: Service) -> None:
        child = await self._spawn(service)
        await ready_or_ended(service.name, service.command, child.process, service.ready())

    async def _spawn(self, service: Service) -> Child:
        """Written down at once, so that whoever comes after a kill of ours finds the process."""
        await asyncio.to_thread(service.prepare)
        process = await spawn(service.command)
        child = self._children.setdefault(service.name, Child(service, process, None))
        child.process, child.mark = process, _mark(process.pid)
        self._write()
        return child

    async def _keep_up(self, child: Child) -> None:
        pause, name = FIRST_PAUSE, child.service.name
        while True:
            began = time.monotonic()
            await child.process.wait()
            pause = FIRST_PAUSE if time.monotonic() - began > SETTLED else pause
            self._say(f"{name} {_how_it_ended(child)}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            await self._start_again(child)

    async def _start_again(self, child: Child) -> None:
        name = child.service.name
        self._restarts[name] = self._restarts.get(name, 0) + 1
        try:
            await self._start(child.service)
            self._say(f"{name} is back")
        except CannotStart as problem:
            self._say(str(problem))
            await stop(child.process, child.service.command.stop)

    def _write(self) -> Running:
        marks = {name: child.mark for name, child in self._children.items() if child.mark}
        running = self._stack.running(marks, self._restarts, ready=self._ready)
        write_running(self._stack.settings.data_dir, running)
        return running


async def supervise(
    settings: Settings, say: Say, when_ready: WhenReady, programs: Callable[[Stack], list[Service]] = Stack.programs
) -> None:
    """Run the stack until SIGINT, SIGTERM or SIGHUP, or until `when_ready` raises `Finished`.

    Raises `CannotStart`, also when a stack is up on this data folder already.
    """
    check_platform()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)  # root's PostgreSQL passes through
    check_room(settings.data_dir)
    with owned(settings.data_dir):
        await asyncio.to_thread(end_leftovers, settings)
        stack = await asyncio.to_thread(plan, settings)
        await _run(Supervisor(stack, programs(stack), say), stack, when_ready)


class Finished(Exception):
    """Raised by `when_ready` to stop the stack."""


async def _run(supervisor: Supervisor, stack: Stack, when_ready: WhenReady) -> None:
    stopped = _on_signals()
    life = asyncio.create_task(_live(supervisor, stack, when_ready))
    try:
        await asyncio.wait({life, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if life.done():
            await life
    except Finished:
        pass
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await supervisor.stop()


async def _live(supervisor: Supervisor, stack: Stack, when_ready: WhenReady) -> None:
    running = await supervisor.start()
    watching = asyncio.create_task(supervisor.watch())
    try:
        await when_ready(stack, running)
        await watching
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def end_leftovers(settings: Settings) -> None:
    """End the processes of an earlier start whose supervisor was killed. Blocks; only for the owner of the folder."""
    before = last_run(settings.data_dir)
    if before is None:
        return
    left = {name: found for name, mark in before.processes.items() if (found := mark.process())}
    engines = [left.pop(name) for name in (POSTGRES,) if name in left]
    end(list(left.values()), signal.SIGTERM, patience=5)
    end(engines, signal.SIGINT)


def _on_signals() -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def ask() -> None:
        if not stopped.done():
            stopped.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask)
    return stopped


def _mark(pid: int) -> Mark | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        return Mark.of(pid)
    return None


def _how_it_ended(child: Child) -> str:
    code = child.process.returncode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    said = last_line(child.service.command.log) if code > 0 else ""
    return f"{how} ({said})" if said else how
