"""What the order workflow writes, carried out on the store."""

from datetime import UTC, datetime

from temporalio import activity

from activities.contracts import checks as checks_contract
from activities.contracts.checks import Assessment, Checks
from activities.contracts.facts import Facts
from activities.contracts.subscriptions import Subscriptions
from activities.store import capacity, catalogue, customers, orders, services, upstreams
from activities.store.database import Database
from domain.checks import Surroundings, adapters, blockers, wanted
from domain.facts import HandOver, OrderChange, Recorded
from domain.fraud import screen
from domain.orders import Order


class StoredFacts(Facts):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="record")
    async def record(self, change: OrderChange) -> Recorded:
        async with self._database.transaction() as connection:
            return await orders.record(connection, change)


class StoredChecks(Checks):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="assess")
    async def assess(self, order: Order) -> Assessment:
        async with self._database.transaction() as connection:
            customer = await customers.get(connection, order.customer.id)
            active = await services.active_products(connection, order.customer.id, besides_order=order.id)
            free = await capacity.free(connection, order.id, list(wanted(order.items)))
            down = await upstreams.down(connection, adapters(order.items), datetime.now(UTC))
            excluders = await catalogue.excluders(connection, sorted(active))
            around = Surroundings(customer=customer, active_products=active, free=free, down=down, excluders=excluders)
            found = blockers(order, around)
            if not found:
                await capacity.reserve(connection, order.id, order.items, list(free))
        return Assessment(blockers=found, screening=screen(customer.risk, order.total))

    @activity.defn(name="release_capacity")
    async def release_capacity(self, release: checks_contract.Release) -> None:
        async with self._database.transaction() as connection:
            await capacity.release(connection, release.order, release.items, datetime.now(UTC))


class StoredSubscriptions(Subscriptions):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="activate_subscription")
    async def activate(self, service: HandOver) -> str:
        async with self._database.transaction() as connection:
            return await services.activate_subscription(connection, service.subscription)
