"""Orders taken: POST to 202, against an endpoint that only validates and inserts one row; also with the worker stopped."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bench.installation import Installation, Reference, references
from tests.bench.load import Target, accept, drained, median, percentile
from tests.bench.report import Figure, Section, figure, ratio_of
from tests.bench.usage import cpu

AT_ONCE = 32


@dataclass(frozen=True)
class Size:
    rounds: int
    orders: int


QUICK = Size(rounds=3, orders=300)
FULL = Size(rounds=5, orders=1000)


@dataclass(frozen=True)
class Sample:
    rate: float
    p99: float
    server: float
    """CPU milliseconds of the process that answers, an order."""
    postgres: float


async def measure(installation: Installation, size: Size, say: Callable[[str], None]) -> Section:
    figures: list[Figure] = []
    samples = {}
    async with references(installation) as reference:
        await drained(installation.product, (await accept(installation.product, 50, AT_ONCE)).ids)
        await accept(reference.target("insert"), 200, AT_ONCE)
        for when in ("working", "stopped"):
            ours, theirs = await _alternate(installation, reference, size, when, say)
            figures += _figures(ours, theirs, f"worker {when}")
            samples[when] = {"product": [vars(one) for one in ours], "insert": [vars(one) for one in theirs]}
    return Section(
        title=f"Orders taken, {AT_ONCE} at once, against validating and inserting one row", figures=figures, samples=samples
    )


async def _alternate(
    installation: Installation, reference: Reference, size: Size, when: str, say: Callable[[str], None]
) -> tuple[list[Sample], list[Sample]]:
    """A B B A …; the reference runs when all that was taken before has been worked off."""
    ours: list[Sample] = []
    theirs: list[Sample] = []
    for number in range(size.rounds):
        for product in (True, False) if number % 2 == 0 else (False, True):
            if product:
                ours.append(await _product(installation, size.orders, stopped=when == "stopped"))
            else:
                theirs.append(await _insert(installation, reference, size.orders))
        say(
            f"round {number + 1}/{size.rounds}, worker {when}: {ours[-1].rate:.0f}/s, p99 {ours[-1].p99:.0f} ms;"
            f" one row: {theirs[-1].rate:.0f}/s, p99 {theirs[-1].p99:.0f} ms"
        )
    return ours, theirs


async def _product(installation: Installation, count: int, *, stopped: bool) -> Sample:
    worker = installation.processes["worker"]
    if stopped:
        worker.send_signal(signal.SIGSTOP)
    try:
        sample, ids = await _sample(installation, installation.product, "api", count)
    finally:
        worker.send_signal(signal.SIGCONT)
    await drained(installation.product, ids)
    await asyncio.sleep(1)
    return sample


async def _insert(installation: Installation, reference: Reference, count: int) -> Sample:
    sample, _ = await _sample(installation, reference.target("insert"), "reference", count)
    return sample


async def _sample(installation: Installation, target: Target, server: str, count: int) -> tuple[Sample, list[str]]:
    processes = {name: installation.processes[name] for name in (server, "postgres")}
    before = cpu(processes)
    batch = await accept(target, count, AT_ONCE)
    used = {name: seconds / count * 1000 for name, seconds in cpu(processes).since(before).items()}
    sample = Sample(
        rate=batch.rate, p99=percentile(batch.accepted, 0.99) * 1000, server=used[server], postgres=used["postgres"]
    )
    return sample, batch.ids


def _figures(ours: list[Sample], theirs: list[Sample], when: str) -> list[Figure]:
    def against(name: str, value: Callable[[Sample], float], unit: str, **aim: Any) -> Figure:
        mine, its = [value(one) for one in ours], [value(one) for one in theirs]
        ratio = ratio_of(mine, its)
        return figure(f"{name}, {when}", median(mine), unit, reference=median(its), ratio=ratio, **aim)

    return [
        against("orders taken a second", lambda one: one.rate, "/s", at_least=0.8),
        against("POST to 202, p99", lambda one: one.p99, "ms", at_most=1.5),
        against("CPU of the API an order", lambda one: one.server, "ms"),
        against("CPU of PostgreSQL an order", lambda one: one.postgres, "ms"),
    ]
