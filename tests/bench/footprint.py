"""How soon an installation is ready again, and what it uses when nothing happens."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.installation import Installation
from tests.bench.load import complete, median
from tests.bench.report import Figure, Section, figure
from tests.bench.usage import cpu, own_share, resident


@dataclass(frozen=True)
class Size:
    starts: int
    idle: float
    """Seconds of doing nothing."""


QUICK = Size(starts=3, idle=5)
FULL = Size(starts=5, idle=30)


async def measure(installation: Installation, size: Size, say: Callable[[str], None]) -> Section:
    await complete(installation.product, 20, 5)
    ready = []
    for _ in range(size.starts):
        await installation.stop()
        ready.append(await installation.start())
        say(f"ready again after {ready[-1]:.1f} s")
    processes = installation.processes
    await asyncio.sleep(5)
    before = cpu(processes)
    await asyncio.sleep(size.idle)
    used = cpu(processes).since(before)
    whole, own = resident(processes), own_share(processes)
    figures = [
        figure("ready after a start, warm", median(ready), "s", at_most=10),
        figure("resident when idle, in all", sum(whole.values()), "MB", at_most=800),
        figure("  with shared memory counted once", sum(own.values()), "MB"),
        *_by_process(whole, "  of it {}"),
        figure("CPU when idle", sum(used.values()) / size.idle * 100, "% of a core"),
        *(figure(f"  of it {name}", seconds / size.idle * 100, "%") for name, seconds in used.items()),
    ]
    return Section(title="Start and footprint", figures=figures, samples={"ready": ready, "resident": whole, "own": own})


def _by_process(megabytes: dict[str, float], name: str) -> list[Figure]:
    return [figure(name.format(process), used, "MB") for process, used in megabytes.items()]
