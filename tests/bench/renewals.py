"""Renewals of what is due in the same second, until each is invoiced, paid and told of; beside timers that fire."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy import text

from activities.store import legal_entities
from activities.store.database import Connection, Database
from tests.bench.connection import connected
from tests.bench.growth import FLAT
from tests.bench.installation import Installation, Reference, references
from tests.bench.invoice_run import SELLER
from tests.bench.load import median
from tests.bench.report import Figure, Section, figure, ratio_of
from tests.bench.rows import CUSTOMER, Pattern, seed
from tests.bench.usage import cpu

WORKING = ("worker", "temporal", "postgres")
FIRST = 20_000_000
"""Far from the numbers of orders that are placed."""
A_MONTH = timedelta(days=31)
STARTS_A_SECOND = 40
"""No slower than this do timers start, so that all sleep when the first one fires."""
PATIENCE = 900.0
_CUSTOMERS = text("""
    INSERT INTO customers
    SELECT replace(id, 'B-1', new), document || jsonb_build_object('id', new), version, created_at, updated_at
      FROM customers, unnest(CAST(:new AS text[])) new WHERE id = 'B-1'
""")
_RENEWED = text("""
    SELECT count(*), max(recorded_at) FROM subscription_events WHERE type = 'subscription.renewed' AND recorded_at >= :since
""")


@dataclass(frozen=True)
class Sizes:
    """`due` fall due at once in each of `rounds`; `few` and then `many` others lie beside those whose cost is compared."""

    due: int
    rounds: int
    compared: int
    few: int
    many: int


QUICK = Sizes(due=300, rounds=1, compared=100, few=1_000, many=10_000)
FULL = Sizes(due=5_000, rounds=2, compared=500, few=1_000, many=200_000)


class Subscriptions:
    """Subscriptions like that of a finished order, of a customer each."""

    def __init__(self, database: Database, pattern: Pattern) -> None:
        self._database = database
        self._pattern = pattern
        self._next = FIRST

    async def add(self, count: int, due_at: datetime) -> None:
        """Analyzed, as autovacuum would have."""
        first, self._next = self._next, self._next + count
        async with self._database.transaction() as connection:
            customers = [f"R-{number}" for number in range(first, first + count)]
            await connection.execute(_CUSTOMERS, {"new": customers})
            # the n-th customer has the n-th number, as `seed` goes round them by number
            turned = customers[-(first % count) :] + customers[: -(first % count)] if first % count else customers
            await seed(connection, _due(self._pattern, due_at), first, first + count - 1, turned)
        async with self._database.transaction(statement=True) as connection:
            await connection.execute(text("VACUUM ANALYZE"))

    async def renewed(self, count: int, since: datetime) -> datetime:
        """When the last of `count` was told to be renewed."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            async with self._database.transaction() as connection:
                done, last = (await connection.execute(_RENEWED, {"since": since})).one()
            if done >= count:
                told: datetime = last.astimezone(UTC)
                return told
            await asyncio.sleep(0.5)
        raise RuntimeError(f"only {done} of {count} subscriptions were renewed in {PATIENCE:.0f} s")


def _due(pattern: Pattern, at: datetime) -> Pattern:
    """With the next period beginning at `at`."""
    [row] = pattern.rows["subscriptions"]
    begun, now = (at - A_MONTH).isoformat(), at.isoformat()
    progress = [{**each, "anchor": begun, "until": now} for each in row["document"]["progress"]]
    document = row["document"] | {"legal_entity": SELLER.id, "progress": progress, "started_at": begun, "paid_until": now}
    subscription = row | {"document": document, "next_renewal": now, "event_count": 0}
    due = {
        "key": f"{row['id']}:renewal",
        "kind": "renewal",
        "subject": row["id"],
        "customer": CUSTOMER,
        "due_at": now,
        "handed_at": now,
        "payload": {},
        "attempts": 0,
    }
    kept = {name: pattern.rows[name] for name in ("orders", "services", "entitlements")}
    return Pattern(rows={**kept, "subscriptions": [subscription], "due_rows": [due]})


async def measure(installation: Installation, sizes: Sizes, say: Callable[[str], None]) -> Section:
    database = Database(installation.running.database_url)
    async with references(installation) as reference:
        subscriptions = Subscriptions(database, reference.pattern)
        async with database.transaction() as connection:
            await _prepare(connection)
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(sizes.rounds):
            ours.append(await _renewals(installation, subscriptions, sizes.due))
            theirs.append(await _timers(reference, sizes.due))
            say(f"round {number + 1}/{sizes.rounds}: {sizes.due:,} renewed in {ours[-1]:.1f} s, timers in {theirs[-1]:.1f} s")
    costs = {}
    for others in (sizes.few, sizes.many):
        say(f"adding {others:,} subscriptions that are not due …")
        await subscriptions.add(others, datetime.now(UTC) + timedelta(days=20))
        costs[others] = await _cost(installation, subscriptions, sizes.compared)
        say(f"beside {others:,} more: CPU {costs[others]:.1f} ms a renewal")
    await database.close()
    title = f"{sizes.due:,} subscriptions due in the same second, against as many timers with one local activity each"
    samples = {"renewals": ours, "timers": theirs, "cost": {str(others): cost for others, cost in costs.items()}}
    return Section(title=title, figures=_figures(sizes, ours, theirs, costs), samples=samples)


def _figures(sizes: Sizes, ours: Sequence[float], theirs: Sequence[float], costs: dict[int, float]) -> list[Figure]:
    return [
        figure(
            "until the last is renewed",
            median(ours),
            "s",
            reference=median(theirs),
            against="timers",
            ratio=ratio_of(ours, theirs),
            at_most=1.0,
        ),
        figure("renewals a second", sizes.due / median(ours), "/s"),
        figure(
            f"CPU a renewal beside {sizes.many:,} more",
            costs[sizes.many],
            "ms",
            reference=costs[sizes.few],
            against=f"{sizes.few:,}",
            at_most=FLAT,
        ),
    ]


async def _prepare(connection: Connection) -> None:
    """A seller that issues at once what falls due."""
    await legal_entities.put(connection, SELLER)


async def _renewals(installation: Installation, subscriptions: Subscriptions, count: int) -> float:
    """Seconds from when they are due until the last one's invoice is paid and it is told to be renewed."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10 + count / 200)
    await subscriptions.add(count, at)
    if datetime.now(UTC) >= at:
        raise RuntimeError(f"{count} subscriptions could not be added before they were due")
    return (await subscriptions.renewed(count, at) - at).total_seconds()


async def _timers(reference: Reference, count: int) -> float:
    """Seconds from when they are due until the last one has done its one local activity."""
    at = time.time() + 5 + count / STARTS_A_SECOND
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
        (await http.post(f"{reference.url}/timers", params={"count": count, "at": at})).raise_for_status()
    if time.time() >= at:
        raise RuntimeError(f"{count} timers could not be started before they were due")
    async with connected(reference.database_url) as connection:
        await asyncio.sleep(max(0.0, at - time.time()))
        while True:
            [(done,)] = await connection.fetch("SELECT count(*) FROM bench_steps WHERE order_id LIKE $1", f"timer-{at}-%")
            if done == count:
                return time.time() - at
            await asyncio.sleep(0.25)


async def _cost(installation: Installation, subscriptions: Subscriptions, count: int) -> float:
    """CPU milliseconds a renewal, of all processes at work."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10)
    await subscriptions.add(count, at)
    processes = {name: installation.processes[name] for name in WORKING}
    before = cpu(processes)
    await subscriptions.renewed(count, at)
    return sum(cpu(processes).since(before).values()) / count * 1000
