"""Whether an order costs the same after many, in CPU and in memory."""

import asyncio
from collections.abc import Callable, Sequence

import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from activities.store.database import Database
from tests.bench.installation import Installation, Reference, references
from tests.bench.load import complete, median
from tests.bench.report import Figure, Section, figure
from tests.bench.rows import Pattern, seed
from tests.bench.usage import cpu, own_share

SEEDED_FROM = 1_000_000
PAGE = 5_000
ROUNDS = 3
CLIENTS = 20
WORKING = ("worker", "api", "temporal", "postgres")
OF_BARE = ("reference", "temporal", "postgres")
FLAT = 1.1
"""At most a tenth more counts as the same: a run differs from the next by about as much."""


async def measure_cost(installation: Installation, finished: int, orders: int, say: Callable[[str], None]) -> Section:
    """CPU an order before and after so many finished orders lie in the tables, ten for each of their customers. Each time it is
    divided by that of the bare workflow, whose tables stay empty: what else goes on on the machine makes both dearer."""
    async with references(installation) as reference:
        await _costs(installation, reference, 50)
        before = await _rounds(installation, reference, orders, say)
        say(f"adding {finished:,} finished orders of {reference.pattern.count} rows each …")
        await _add(installation, reference.pattern, finished)
        await _costs(installation, reference, 50)
        after = await _rounds(installation, reference, orders, say)
    figures = [
        _compared("CPU an order by that of (a)", before, after, WORKING, OF_BARE),
        _compared("  PostgreSQL's alone", before, after, ("postgres",), ("postgres",)),
        *(
            figure(
                f"  of the product, {name}",
                _of(after, "product", [name]),
                "ms",
                reference=_of(before, "product", [name]),
                against="before",
            )
            for name in WORKING
        ),
    ]
    title = f"An order after {finished:,} others, against the first ones"
    return Section(title=title, figures=figures, samples={"before": before, "after": after})


Costs = dict[str, dict[str, float]]
"""CPU milliseconds an order, of the product and of the bare workflow, by process."""


def _of(rounds: list[Costs], whose: str, processes: Sequence[str]) -> float:
    return median([sum(one[whose][name] for name in processes) for one in rounds])


def _compared(name: str, before: list[Costs], after: list[Costs], ours: Sequence[str], theirs: Sequence[str]) -> Figure:
    now = _of(after, "product", ours) / _of(after, "bare", theirs)
    then = _of(before, "product", ours) / _of(before, "bare", theirs)
    return figure(name, now, "times", reference=then, against="before", at_most=FLAT)


async def _rounds(installation: Installation, reference: Reference, orders: int, say: Callable[[str], None]) -> list[Costs]:
    rounds = []
    for number in range(ROUNDS):
        rounds.append(await _costs(installation, reference, orders))
        used = {whose: sum(costs.values()) for whose, costs in rounds[-1].items()}
        say(f"round {number + 1}/{ROUNDS}: CPU {used['product']:.0f} ms an order, (a) {used['bare']:.0f} ms")
    return rounds


async def _costs(installation: Installation, reference: Reference, orders: int) -> Costs:
    costs: Costs = {}
    targets = {"product": (installation.product, WORKING), "bare": (reference.target("bare"), OF_BARE)}
    for whose, (target, names) in targets.items():
        processes = {name: installation.processes[name] for name in names}
        begin = cpu(processes)
        await complete(target, orders, CLIENTS)
        await asyncio.sleep(1)
        costs[whose] = {name: used / orders * 1000 for name, used in cpu(processes).since(begin).items()}
    return costs


async def _add(installation: Installation, pattern: Pattern, finished: int) -> None:
    """In pages, then analyzed, as autovacuum would have in the time that so many orders take."""
    customers = [f"S-{number}" for number in range(1, finished // 10 + 2)]
    database = Database(installation.running.database_url)
    async with database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO customers SELECT replace(id, 'B-1', new), document || jsonb_build_object('id', new), version,"
                " created_at, updated_at FROM customers, unnest(CAST(:new AS text[])) new WHERE id = 'B-1'"
            ),
            {"new": customers},
        )
    for first in range(0, finished, PAGE):
        last = min(first + PAGE, finished) - 1
        async with database.transaction() as connection:
            await seed(connection, pattern, SEEDED_FROM + first, SEEDED_FROM + last, customers)
    engine = create_async_engine(database.url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("VACUUM ANALYZE"))
        await connection.execute(text("CHECKPOINT"))
    await engine.dispose()
    await database.close()


async def measure_memory(installation: Installation, orders: int, say: Callable[[str], None]) -> Section:
    """Memory by process while so many orders go through, 100 at once: the last quarter against the second, since the first
    fills caches and pools. What processes share counts once, or PostgreSQL's buffers would be counted for each of its many.
    The sandbox is shown and not judged: it keeps a journal of everything, and is no part of production."""
    processes = {name: process for name, process in installation.processes.items() if name != "supervisor"}
    taken = [own_share(processes)]
    page = max(50, orders // 40)
    for done in range(0, orders, page):
        await complete(installation.product, min(page, orders - done), min(100, page))
        taken.append(own_share(processes))
        if (done // page) % 8 == 7:
            say(f"{done + page:,} of {orders:,} orders: " + ", ".join(f"{n} {mb:.0f} MB" for n, mb in taken[-1].items()))
    return Section(
        title=f"Memory over {orders:,} orders, the last quarter against the second",
        figures=[_grown(name, taken, judged=name != "sandbox") for name in _judged_first(processes)],
        samples={"megabytes": taken, "orders_between": page},
    )


def _judged_first(processes: dict[str, psutil.Process]) -> list[str]:
    return sorted(processes, key=lambda name: name == "sandbox")


def _grown(name: str, taken: list[dict[str, float]], *, judged: bool) -> Figure:
    quarter = max(1, len(taken) // 4)
    second = median([one[name] for one in taken[quarter : 2 * quarter]])
    last = median([one[name] for one in taken[-quarter:]])
    return figure(name, last, "MB", reference=second, against="before", at_most=FLAT if judged else None)
