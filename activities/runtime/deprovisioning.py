"""Deprovisioning, carried out on the store."""

from collections.abc import Mapping
from datetime import UTC, datetime

from temporalio import activity

from activities.adapters.provisioning.port import Provisioner, named
from activities.contracts.deprovisioning import Deprovisioning, Exports, TakeDown, Trouble
from activities.contracts.provisioning import StepCall
from activities.runtime.failures import may_have_happened
from activities.runtime.putting_off import or_put_off
from activities.store import deprovisioning, exports
from activities.store.database import Database
from domain.provisioning import DataExport, ExportState, Verb


class StoredDeprovisioning(Deprovisioning):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="deprovision_look")
    async def look(self, key: str) -> TakeDown:
        return await or_put_off(self._database, key, self._look(key), lambda words: TakeDown(words=words))

    async def _look(self, key: str) -> TakeDown:
        async with self._database.transaction() as connection:
            asked, words = await deprovisioning.look(connection, key)
        calls = [StepCall(adapter=each.adapter, request=each) for each in asked]
        exports = [call for call in calls if call.request.verb is Verb.export]
        return TakeDown(calls=[call for call in calls if call not in exports], exports=exports, words=words)

    @activity.defn(name="deprovision_note")
    async def note(self, trouble: Trouble) -> str:
        async with self._database.transaction() as connection:
            return await deprovisioning.try_again(connection, trouble.key, trouble.message, trouble.systems)

    @activity.defn(name="deprovision_exported")
    async def exported(self, trouble: Trouble) -> str:
        return await or_put_off(self._database, trouble.key, self._exported(trouble), str)

    async def _exported(self, trouble: Trouble) -> str:
        async with self._database.transaction() as connection:
            return await exports.settle(connection, trouble.key, trouble.message)

    @activity.defn(name="deprovision_done")
    async def done(self, key: str) -> str:
        return await or_put_off(self._database, key, self._done(key), str)

    async def _done(self, key: str) -> str:
        async with self._database.transaction() as connection:
            return await deprovisioning.done(connection, key)


class KeptExports(Exports):
    """`adapters` by name."""

    def __init__(self, database: Database, adapters: Mapping[str, Provisioner]) -> None:
        self._database = database
        self._adapters = adapters

    @activity.defn(name="take_export")
    async def take(self, call: StepCall) -> ExportState:
        found = await self._asked(call)
        async with self._database.transaction() as connection:
            return await exports.keep(connection, call.adapter, call.request, found, datetime.now(UTC))

    async def _asked(self, call: StepCall) -> DataExport:
        system = named(self._adapters, call.adapter)
        if Verb.export not in await system.capabilities():
            return DataExport(state=ExportState.unable)
        probe = call.request.probe or may_have_happened()
        return await system.export(call.request.model_copy(update={"probe": probe}))
