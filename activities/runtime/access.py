"""Access to services, carried out on the store."""

from temporalio import activity

from activities.contracts.access import Access, AccessChange, AccessPlan
from activities.contracts.deprovisioning import Trouble
from activities.contracts.provisioning import StepCall
from activities.runtime.putting_off import or_put_off
from activities.store import access
from activities.store.database import Database


class StoredAccess(Access):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="access_look")
    async def look(self, key: str) -> AccessPlan:
        return await or_put_off(self._database, key, self._look(key), lambda words: AccessPlan(words=words))

    async def _look(self, key: str) -> AccessPlan:
        async with self._database.transaction() as connection:
            asked, change, words = await access.look(connection, key)
        calls = [StepCall(adapter=each.adapter, request=each) for each in asked]
        return AccessPlan(calls=calls, change=change, words=words)

    @activity.defn(name="access_note")
    async def note(self, trouble: Trouble) -> str:
        async with self._database.transaction() as connection:
            return await access.try_again(connection, trouble.key, trouble.message, trouble.systems)

    @activity.defn(name="access_done")
    async def done(self, change: AccessChange) -> str:
        return await or_put_off(self._database, change.key, self._done(change), str)

    async def _done(self, change: AccessChange) -> str:
        async with self._database.transaction() as connection:
            return await access.done(connection, change.key, change.change, change.unable)
