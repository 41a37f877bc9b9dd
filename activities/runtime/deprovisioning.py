"""Deprovisioning, carried out on the store."""

from temporalio import activity

from activities.contracts.deprovisioning import Deprovisioning, TakeDown, Trouble
from activities.contracts.provisioning import StepCall
from activities.store import at_partners, deprovisioning
from activities.store.database import Database


class StoredDeprovisioning(Deprovisioning):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="deprovision_look")
    async def look(self, key: str) -> TakeDown:
        async with self._database.transaction() as connection:
            asked, words = await deprovisioning.look(connection, key)
        return TakeDown(calls=[StepCall(adapter=each.adapter, request=each) for each in asked], words=words)

    @activity.defn(name="deprovision_note")
    async def note(self, trouble: Trouble) -> str:
        async with self._database.transaction() as connection:
            return await at_partners.try_again(connection, trouble.key, trouble.message)

    @activity.defn(name="deprovision_done")
    async def done(self, key: str) -> str:
        async with self._database.transaction() as connection:
            return await deprovisioning.done(connection, key)
