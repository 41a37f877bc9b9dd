"""Collections, carried out on the store."""

from temporalio import activity

from activities.contracts.collections import Collections
from activities.store import clocks, collections
from activities.store.database import Database
from domain.collection import Answered, Claim, CollectionRequest


class StoredCollections(Collections):
    """`gateway` names the cash account of payments that are older than the rows that say so."""

    def __init__(self, database: Database, gateway: str) -> None:
        self._database = database
        self._gateway = gateway

    @activity.defn(name="collection_claim")
    async def claim(self, asked: CollectionRequest) -> Claim:
        async with self._database.transaction() as connection:
            now = await clocks.business_now(connection, asked.customer)
            return await collections.claim(connection, asked, now)

    @activity.defn(name="collection_elsewhere")
    async def elsewhere(self, answered: Answered) -> Claim:
        async with self._database.transaction() as connection:
            return await collections.elsewhere(connection, answered)

    @activity.defn(name="collection_settle")
    async def settle(self, answered: Answered) -> str:
        async with self._database.transaction() as connection:
            return await collections.settle(connection, answered, self._gateway)
