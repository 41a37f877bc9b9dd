"""Taking a service down: closed at once, its data kept for a while, then terminated and seen to be gone."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.deprovisioning import Deprovisioning, Trouble
    from activities.contracts.provisioning import LOCAL_ADAPTERS, LookUp, Provisioning, StepCall
    from domain.plans import Retry
    from domain.provisioning import RemoteState, Verb
    from domain.subscriptions.facts import Opening
    from workflows.calls import CALL_FAILED, attempt, ensure_here, explain

PATIENT = Retry(attempts=8, first_wait=1, longest_wait=60)
DOWN = {
    Verb.suspend: frozenset({RemoteState.inactive, RemoteState.suspended, RemoteState.terminated, RemoteState.absent}),
    Verb.terminate: frozenset({RemoteState.terminated, RemoteState.absent}),
}
"""What a system has to say of the service before it is believed."""


@workflow.defn(name="deprovision")
class DeprovisioningWorkflow:
    @workflow.init
    def __init__(self, opening: Opening) -> None:
        self._due: list[str] = []

    @workflow.run
    async def run(self, opening: Opening) -> str:
        """What the service is at last, in words."""
        said = ""
        while self._due:
            said = await self._take_down(self._due.pop(0)) or said
        workflow.set_current_details(said)
        return said

    @workflow.signal(name="due", description="Sent by the sweep: the row with this key is due.")
    def due(self, key: str) -> None:
        if key not in self._due:
            self._due.append(key)

    async def _take_down(self, key: str) -> str:
        plan = await ensure_here(Deprovisioning.look, key)
        for call in plan.calls:
            if trouble := await self._trouble_of(call):
                words = f"{call.adapter} has not done it: {trouble}"
                return await ensure_here(Deprovisioning.note, Trouble(key=key, message=words))
        return plan.words or await ensure_here(Deprovisioning.done, key)

    async def _trouble_of(self, call: StepCall) -> str:
        """Why a system has not done what it was asked, in words; empty where it has, and says so itself."""
        if call.adapter in LOCAL_ADAPTERS:
            await ensure_here(Provisioning.perform, call)
            return ""
        verb, reference = call.request.verb, call.request.reference
        try:
            await attempt(Provisioning.perform, call, summary=f"{verb} {reference} at {call.adapter}", retry=PATIENT)
        except CALL_FAILED as error:
            refused = explain(error)
        else:
            refused = ""
        try:
            wanted = LookUp(adapter=call.adapter, reference=reference)
            found = await attempt(Provisioning.look_up, wanted, summary=f"is it done at {call.adapter}?", retry=PATIENT)
        except CALL_FAILED as error:
            return refused or explain(error)
        return "" if found.state in DOWN[verb] else refused or f"{call.adapter} says that it is {found.state}"
