"""Provisioning activities: the adapter is chosen by the name in the plan's step."""

from collections.abc import Mapping

from temporalio import activity

from activities.adapters.provisioning.port import Provisioner, named
from activities.contracts.provisioning import LookUp, Provisioning, StepCall
from activities.runtime.failures import may_have_happened
from domain.provisioning import ProvisionResult, Verb


class ProvisioningActivities(Provisioning):
    """`adapters` by name; names it lacks are refused, which lands in fallout with the name in it."""

    def __init__(self, adapters: Mapping[str, Provisioner]) -> None:
        self._adapters = adapters

    @activity.defn(name="provision")
    async def perform(self, call: StepCall) -> ProvisionResult:
        probe = call.request.probe or may_have_happened()
        return await named(self._adapters, call.adapter).perform(call.request.model_copy(update={"probe": probe}))

    @activity.defn(name="capabilities")
    async def capabilities(self, adapter: str) -> list[Verb]:
        return sorted(await named(self._adapters, adapter).capabilities())

    @activity.defn(name="look_up")
    async def look_up(self, wanted: LookUp) -> ProvisionResult:
        return await named(self._adapters, wanted.adapter).look_up(wanted.reference)
