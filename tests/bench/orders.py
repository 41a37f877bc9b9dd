"""Complete orders: how many a second, how long each, what each costs, against the same work with nothing around it."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from domain import keys
from tests.bench.connection import pooled
from tests.bench.installation import Installation, Reference, references
from tests.bench.load import Batch, complete, median, percentile
from tests.bench.reference.phases import phases
from tests.bench.report import Figure, Section, figure, ratio_of
from tests.bench.usage import cpu

NAMES = {"product": "", "bare": "a", "saga": "b", "plain": "c"}
MANY = 100
PLAIN_NUMBERS = itertools.count(50_000_000)
OF_ORDER = {
    "product": ("worker", "api", "temporal", "postgres", "sandbox", "supervisor"),
    "bare": ("reference", "temporal", "postgres", "sandbox"),
    "saga": ("reference", "temporal", "postgres"),
    "plain": ("postgres",),
}
"""Which processes work for an order; the others only idle meanwhile."""


@dataclass(frozen=True)
class Size:
    """`rounds` of each, with so many orders one by one, and so many at `MANY` at once."""

    rounds: int
    alone: int
    together: int


QUICK = Size(rounds=2, alone=20, together=200)
FULL = Size(rounds=5, alone=60, together=600)

Run = Callable[[int, int], Awaitable[Batch]]


@dataclass(frozen=True)
class Sample:
    rate: float
    p50: float
    p99: float
    cpu: dict[str, float]
    """CPU milliseconds an order, by process."""

    @property
    def total_cpu(self) -> float:
        return sum(self.cpu.values())


async def measure(installation: Installation, size: Size, say: Callable[[str], None]) -> Section:
    async with references(installation) as reference, pooled(reference.database_url) as pool:
        runs = _runs(installation, reference, pool)
        for name, run in runs.items():
            say(f"warming up: {name}")
            await run(20, 10)
        taken = await _alternate(installation, runs, size, say)
        samples = {name: {at: [vars(one) for one in of] for at, of in given.items()} for name, given in taken.items()}
        counts = await _counts(installation, reference)
    return Section(title="Complete orders", figures=_figures(taken) + counts, samples=samples)


def _runs(installation: Installation, reference: Reference, pool: "asyncpg.Pool") -> dict[str, Run]:
    async def product(count: int, concurrency: int) -> Batch:
        return await complete(installation.product, count, concurrency)

    async def bare(count: int, concurrency: int) -> Batch:
        return await complete(reference.target("bare"), count, concurrency)

    async def saga(count: int, concurrency: int) -> Batch:
        return await complete(reference.target("saga"), count, concurrency)

    async def plain(count: int, concurrency: int) -> Batch:
        return await _plain(reference, pool, count, concurrency)

    return {"product": product, "bare": bare, "saga": saga, "plain": plain}


async def _plain(reference: Reference, pool: "asyncpg.Pool", count: int, concurrency: int) -> Batch:
    """The same rows, phase by phase, by plain SQL: no remote calls, no durability."""
    written, batch, left = list(phases(reference.pattern).values()), Batch(), itertools.count()

    async def write() -> None:
        while next(left) < count:
            began, number = time.perf_counter(), next(PLAIN_NUMBERS)
            for insertion in written:
                await pool.execute(insertion.statement, insertion.values(number, "B-1"))
            batch.completed.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(write() for _ in range(concurrency)))
    batch.elapsed = time.perf_counter() - began
    return batch


async def _alternate(
    installation: Installation, runs: dict[str, Run], size: Size, say: Callable[[str], None]
) -> dict[str, dict[str, list[Sample]]]:
    """A B C D D C B A …, so that what drifts, or disturbs for a while, does so to all alike."""
    taken: dict[str, dict[str, list[Sample]]] = {name: {"1": [], "many": []} for name in runs}
    for number in range(size.rounds):
        for name in list(runs) if number % 2 == 0 else reversed(runs):
            for at, count, concurrency in (("1", size.alone, 1), ("many", size.together, MANY)):
                sample = await _sample(installation, name, runs[name], count, concurrency)
                taken[name][at].append(sample)
                say(
                    f"round {number + 1}/{size.rounds} {name} at {concurrency}: {sample.rate:.1f}/s,"
                    f" p50 {sample.p50:.0f} ms, CPU {sample.total_cpu:.0f} ms an order"
                )
    return taken


async def _sample(installation: Installation, name: str, run: Run, count: int, concurrency: int) -> Sample:
    processes = installation.processes
    before = cpu(processes)
    batch = await run(count, concurrency)
    if name == "product":
        await asyncio.sleep(1)  # the subscriptions that its last orders have handed over
    used = cpu(processes).since(before)
    return Sample(
        rate=batch.rate,
        p50=percentile(batch.completed, 0.5) * 1000,
        p99=percentile(batch.completed, 0.99) * 1000,
        cpu={process: used[process] / count * 1000 for process in OF_ORDER[name]},
    )


async def _counts(installation: Installation, reference: Reference) -> list[Figure]:
    """How much is written for one order."""
    ours = (await complete(installation.product, 1, 1)).ids[0]
    bare = (await complete(reference.target("bare"), 1, 1)).ids[0]
    saga = (await complete(reference.target("saga"), 1, 1)).ids[0]
    await asyncio.sleep(3)
    kept = await installation.history_events(keys.order_workflow(ours))
    kept += await installation.history_events(keys.subscription_workflow(keys.subscription(ours, "1")))
    bare_kept = await installation.history_events(f"bare-{bare}")
    saga_kept = await installation.history_events(f"saga-{saga}")
    events = len(reference.pattern.rows["events"])
    return [
        figure("events in Temporal's history", kept, "an order", reference=bare_kept, against="(a)"),
        figure("events in Temporal's history", kept, "an order", reference=saga_kept, against="(b)"),
        figure("events in the order's own history", events, "an order"),
        figure("rows", reference.pattern.count, "an order"),
    ]


def _figures(taken: dict[str, dict[str, list[Sample]]]) -> list[Figure]:
    rate, p50, p99 = (lambda one: one.rate), (lambda one: one.p50), (lambda one: one.p99)
    return [
        _against(taken, "orders a second, 100 at once", "many", "bare", rate, "/s", at_least=0.8),
        _against(taken, "orders a second, 100 at once", "many", "saga", rate, "/s", at_least=1.0),
        _against(taken, "orders a second, 100 at once", "many", "plain", rate, "/s"),
        _against(taken, "orders a second, one by one", "1", "bare", rate, "/s"),
        _against(taken, "POST to active, one by one, p50", "1", "bare", p50, "ms", at_most=1.3),
        _against(taken, "POST to active, one by one, p50", "1", "saga", p50, "ms"),
        _against(taken, "POST to active, one by one, p50", "1", "plain", p50, "ms"),
        _against(taken, "POST to active, one by one, p99", "1", "bare", p99, "ms"),
        _against(taken, "POST to active, 100 at once, p50", "many", "bare", p50, "ms", at_most=1.3),
        _against(taken, "POST to active, 100 at once, p99", "many", "bare", p99, "ms"),
        *(
            _against(taken, "CPU an order, 100 at once", "many", name, lambda one: one.total_cpu, "ms")
            for name in ("bare", "saga", "plain")
        ),
        *(_process(taken, process) for process in OF_ORDER["product"]),
    ]


def _against(
    taken: dict[str, dict[str, list[Sample]]],
    name: str,
    at: str,
    other: str,
    value: Callable[[Sample], float],
    unit: str,
    **aim: Any,
) -> Figure:
    ours, theirs = [value(one) for one in taken["product"][at]], [value(one) for one in taken[other][at]]
    ratio = ratio_of(ours, theirs)
    against = f"({NAMES[other]})"
    return figure(name, median(ours), unit, reference=median(theirs), against=against, ratio=ratio, **aim)


def _process(taken: dict[str, dict[str, list[Sample]]], process: str) -> Figure:
    name = f"  of it {process}"
    ours = median([one.cpu[process] for one in taken["product"]["many"]])
    if process == "api":
        return figure(name, ours, "ms")
    theirs = "reference" if process == "worker" else process
    bare = [one.cpu.get(theirs, 0.0) for one in taken["bare"]["many"]]
    return figure(name, ours, "ms", reference=median(bare), against="(a)")
