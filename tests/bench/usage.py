"""What processes use: CPU seconds and memory, by name."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

MEGABYTE = 2**20


@dataclass(frozen=True)
class Cpu:
    """CPU seconds by process since some start."""

    seconds: dict[str, float]

    def since(self, before: "Cpu") -> dict[str, float]:
        """What was used since then. A process that is new counts from its beginning."""
        return {name: used - before.seconds.get(name, 0.0) for name, used in self.seconds.items()}


def cpu(processes: Mapping[str, psutil.Process]) -> Cpu:
    """Of each process and all it has started, those that have ended included."""
    return Cpu({name: _cpu_of(process) for name, process in processes.items()})


def _cpu_of(process: psutil.Process) -> float:
    total = 0.0
    for one in _family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += (_to_the_nanosecond(one) or times.user + times.system) + times.children_user + times.children_system
    return total


def _to_the_nanosecond(process: psutil.Process) -> float:
    """CPU seconds of a process with one thread, where the kernel says; 0 elsewhere. The usual figures count hundredths of a
    second, in which the work of each of PostgreSQL's many processes would be lost."""
    try:
        if len(os.listdir(f"/proc/{process.pid}/task")) == 1:
            return int(Path(f"/proc/{process.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        pass
    return 0.0


def resident(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    """Megabytes by process with its children; memory that several share is counted for each."""
    return {name: sum(_memory(one, "rss") for one in _family(process)) for name, process in processes.items()}


def own_share(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    """Megabytes by process with its children, where shared memory is counted once (the proportional set size)."""
    return {name: sum(_memory(one, "pss") for one in _family(process)) for name, process in processes.items()}


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _memory(process: psutil.Process, kind: str) -> float:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        info = process.memory_info() if kind == "rss" else process.memory_full_info()
        return float(getattr(info, kind, info.rss)) / MEGABYTE
    return 0.0
