"""What is done to processes: killed, frozen, all of it started anew."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable

import psutil

from tests.e2e.installation import Installation, until
from tests.reliability.torture.plan import How, Round
from tests.reliability.torture.stack import WORKERS
from workers.embedded.process import Mark

FROZEN = 12.0
"""Seconds: longer than a call to the outside, to our database, a heartbeat, or a workflow task is waited for."""


async def strike(installation: Installation, round_: Round) -> None:
    """Do it, and return when everything serves again."""
    match round_.how:
        case How.fault:
            return
        case How.kill:
            await _kill(installation, _processes(round_.victims))
        case How.freeze:
            await _freeze(installation, round_.victims)
        case How.restart:
            installation.stack.kill("supervisor", *_processes(round_.victims))
            await installation.start()


def _processes(victims: Iterable[str]) -> list[str]:
    """Killing the worker is killing all there are."""
    return [name for victim in victims for name in (WORKERS if victim == "worker" else (victim,))]


async def _kill(installation: Installation, names: list[str]) -> None:
    before = {name: installation.mark(name) for name in names}
    for name, mark in before.items():
        _send(_tree(mark) if name == "temporal" else [mark.pid], signal.SIGKILL)
    await asyncio.gather(*(installation.back(name, mark) for name, mark in before.items()))


async def _freeze(installation: Installation, names: Iterable[str]) -> None:
    """One worker of two, so that it wakes up beside the one that took over from it."""
    pids = [pid for name in names for pid in _tree(installation.mark(name))]
    _send(pids, signal.SIGSTOP)
    try:
        await asyncio.sleep(FROZEN)
    finally:
        _send(pids, signal.SIGCONT)
    await until(lambda: _answers(installation), "the API answers again")


async def _answers(installation: Installation) -> bool:
    with contextlib.suppress(Exception):
        return (await installation.api.get("/readyz")).is_success
    return False


def _tree(mark: Mark) -> list[int]:
    """PostgreSQL is a family of processes."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [mark.pid, *(child.pid for child in psutil.Process(mark.pid).children(recursive=True))]
    return [mark.pid]


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
