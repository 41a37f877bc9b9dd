"""What the order workflow writes, carried out on the store."""

from datetime import UTC, datetime

from temporalio import activity

from activities.contracts import checks as checks_contract
from activities.contracts.checks import Assessment, Checks
from activities.contracts.facts import Facts
from activities.runtime.screening import Screener
from activities.store import capacity, changes, surroundings, velocity
from activities.store.database import Database
from domain.checks import blockers
from domain.facts import OrderChange, Recorded
from domain.fraud import screen
from domain.orders import Order


class StoredFacts(Facts):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="record")
    async def record(self, change: OrderChange) -> Recorded:
        async with self._database.transaction(statement=changes.in_one_statement(change)) as connection:
            return await changes.record(connection, change)


class StoredChecks(Checks):
    def __init__(self, database: Database) -> None:
        self._database = database
        self._screener = Screener()

    @activity.defn(name="assess")
    async def assess(self, order: Order) -> Assessment:
        now = datetime.now(UTC)
        if (quick := await self._unruled(order, now)) is not None:
            return quick
        async with self._database.transaction() as connection:
            around = await surroundings.look(connection, order, now)
            found = blockers(order, around)
            if found:
                return Assessment(blockers=found, screening=screen(around.customer.risk, order.total))
            lacks_facts = await self._screener.lacks_facts(connection, order, now)
            lacks_score = await self._screener.lacks_score(connection, order, around.customer, now)
            if lacks_facts or lacks_score:
                said = screen(around.customer.risk, order.total)
                return Assessment(blockers=[], screening=said, lacks_facts=lacks_facts, lacks_score=lacks_score)
            screening = await self._screener.judge(connection, order, around.customer, now, count=True)
            await capacity.reserve(connection, order.id, order.items, list(around.free))
        return Assessment(blockers=[], screening=screening)

    async def _unruled(self, order: Order, now: datetime) -> Assessment | None:
        """Where nothing that the order is for is limited, and there is no rule, nothing has to be held, and each statement
        stands by itself; the order is counted all the same, for rules to come. None where something has to be held."""
        async with self._database.transaction(statement=True) as connection:
            if await self._screener.is_asked(connection):
                return None
            around = await surroundings.unlimited(connection, order, now)
            if around is None:
                return None
            found = blockers(order, around)
            said = screen(around.customer.risk, order.total)
            if not found:
                await velocity.note(connection, order, around.customer, now)
        return Assessment(blockers=found, screening=said)

    @activity.defn(name="release_capacity")
    async def release_capacity(self, release: checks_contract.Release) -> None:
        async with self._database.transaction() as connection:
            await capacity.release(connection, release.order, release.items, datetime.now(UTC))
