"""Closing a service, or opening it again, at every system that built it, as what blocks it stands then: the last one wins."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.access import Access, AccessChange, AccessPlan
    from activities.contracts.deprovisioning import Trouble
    from workflows.at_partners import is_unable, trouble_of
    from workflows.calls import ensure_here


@workflow.defn(name="access")
class AccessWorkflow:
    @workflow.init
    def __init__(self, service: str) -> None:
        self._due: list[str] = []

    @workflow.run
    async def run(self, service: str) -> str:
        """What the service is at last, in words."""
        said = ""
        while self._due:
            said = await self._bring_about(self._due.pop(0))
        workflow.set_current_details(said)
        return said

    @workflow.signal(name="due", description="Sent by the sweep: the row with this key is due.")
    def due(self, key: str) -> None:
        if key not in self._due:
            self._due.append(key)

    async def _bring_about(self, key: str) -> str:
        said = ""
        while not said:
            plan = await ensure_here(Access.look, key, summary="see who should have access now")
            unable = [call.adapter for call in plan.calls if await is_unable(call)]
            if troubles := await self._troubles_of(plan, unable):
                words = "; ".join(f"{adapter} has not done it: {trouble}" for adapter, trouble in troubles.items())
                return await ensure_here(
                    Access.note, Trouble(key=key, message=words, systems=list(troubles)), summary="note what went wrong"
                )
            change = AccessChange(key=key, change=plan.change, unable=unable)
            said = plan.words or await ensure_here(Access.done, change, summary="write down that it is done")
        return said

    async def _troubles_of(self, plan: AccessPlan, unable: list[str]) -> dict[str, str]:
        """By system. Every one that can is asked, also where another one has not done it. Empty where all have."""
        able = [call for call in plan.calls if call.adapter not in unable]
        return {call.adapter: trouble for call in able if (trouble := await trouble_of(call))}
