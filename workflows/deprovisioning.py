"""Taking a service down for good: what is in it given out, its data kept long enough, terminated, and seen to be gone."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.deprovisioning import Deprovisioning, Exports, Trouble
    from activities.contracts.provisioning import StepCall
    from domain.subscriptions.facts import Opening
    from workflows.at_partners import PATIENT, trouble_of
    from workflows.calls import CALL_FAILED, attempt, ensure_here, explain


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
        plan = await ensure_here(Deprovisioning.look, key, summary="see what is to be taken down")
        if plan.exports:
            return await self._give_out(key, plan.exports)
        for call in plan.calls:
            if trouble := await trouble_of(call):
                words = f"{call.adapter} has not done it: {trouble}"
                return await ensure_here(
                    Deprovisioning.note, Trouble(key=key, message=words, systems=[call.adapter]), summary="note what went wrong"
                )
        return plan.words or await ensure_here(Deprovisioning.done, key, summary="write down that it is gone")

    async def _give_out(self, key: str, calls: list[StepCall]) -> str:
        """Every system is asked, also where another one does not answer."""
        troubles = []
        for call in calls:
            about = f"export of {call.request.reference} from {call.adapter}"
            try:
                await attempt(Exports.take, call, summary=about, retry=PATIENT)
            except CALL_FAILED as error:
                troubles.append(f"{call.adapter} has not done it: {explain(error)}")
        return await ensure_here(
            Deprovisioning.exported, Trouble(key=key, message="; ".join(troubles)), summary="write down what was given out"
        )
