"""Whether an order costs the same after many, in CPU and in memory."""

import asyncio
from collections.abc import Callable

import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from activities.store.database import Database
from tests.bench.installation import Installation
from tests.bench.load import complete, median
from tests.bench.report import Figure, Section, figure
from tests.bench.rows import Pattern, seed
from tests.bench.usage import cpu, resident

SEEDED_FROM = 1_000_000
PAGE = 5_000
ROUNDS = 3
CLIENTS = 20
WORKING = ("worker", "api", "temporal", "postgres")
FLAT = 1.1
"""At most a tenth more counts as the same: a run differs from the next by about as much."""


async def measure_cost(installation: Installation, finished: int, orders: int, say: Callable[[str], None]) -> Section:
    """CPU an order before and after so many finished orders lie in the tables, ten for each of their customers."""
    pattern = await installation.pattern()
    await complete(installation.product, 50, CLIENTS)
    before = await _costs(installation, orders, say)
    say(f"adding {finished:,} finished orders of {pattern.count} rows each …")
    await _add(installation, pattern, finished)
    await complete(installation.product, 50, CLIENTS)
    after = await _costs(installation, orders, say)
    figures = [
        _compared("CPU an order", [sum(one.values()) for one in before], [sum(one.values()) for one in after], FLAT),
        _compared("  of it postgres", [one["postgres"] for one in before], [one["postgres"] for one in after], FLAT),
        *(_compared(f"  of it {name}", [one[name] for one in before], [one[name] for one in after]) for name in WORKING[:3]),
    ]
    title = f"An order after {finished:,} others, against the first ones"
    return Section(title=title, figures=figures, samples={"before": before, "after": after})


def _compared(name: str, before: list[float], after: list[float], at_most: float | None = None) -> Figure:
    return figure(name, median(after), "ms", reference=median(before), against="before", at_most=at_most)


async def _costs(installation: Installation, orders: int, say: Callable[[str], None]) -> list[dict[str, float]]:
    """CPU milliseconds an order by process, round by round."""
    costs = []
    processes = {name: installation.processes[name] for name in WORKING}
    for _ in range(ROUNDS):
        begin = cpu(processes)
        batch = await complete(installation.product, orders, CLIENTS)
        await asyncio.sleep(1)
        costs.append({name: used / orders * 1000 for name, used in cpu(processes).since(begin).items()})
        say(f"{orders} orders, {batch.rate:.1f}/s, CPU {sum(costs[-1].values()):.0f} ms an order")
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
    fills caches and pools. The sandbox is shown and not judged: it keeps a journal of everything, and is no part of
    production."""
    processes = {name: process for name, process in installation.processes.items() if name != "supervisor"}
    taken = [resident(processes)]
    page = max(50, orders // 40)
    for done in range(0, orders, page):
        await complete(installation.product, min(page, orders - done), min(100, page))
        taken.append(resident(processes))
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
