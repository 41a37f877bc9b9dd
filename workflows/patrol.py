"""The patrol: a round over all orders that are at work or new, a page at a time. Started by a schedule."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.patrol import Beat, Patrol
    from domain.plans import Retry
    from workflows.calls import attempt

PAGES_OF_A_RUN = 500
"""Pages after which it continues as new, so that a history never grows without bounds."""


@workflow.defn(name="patrol", failure_exception_types=[Exception])
class PatrolWorkflow:
    """A round that fails, also at a bug, ends, and the schedule begins the next one: nothing depends on it."""

    @workflow.run
    async def run(self, beat: Beat | None = None) -> int:
        """How many findings are open after the round."""
        here = beat or Beat(began=workflow.now())
        pages = 0
        while (further := await self._look(here)) is not None:
            here, pages = further, pages + 1
            if pages == PAGES_OF_A_RUN:
                workflow.continue_as_new(here)
        return await self._finish(here)

    async def _look(self, beat: Beat) -> Beat | None:
        summary = f"orders after {beat.after}"
        return await attempt(Patrol.look, beat, summary=summary, retry=Retry())

    async def _finish(self, beat: Beat) -> int:
        found = await attempt(Patrol.finish, beat, summary="messages to Temporal", retry=Retry())
        workflow.set_current_details(f"{beat.orders} orders looked at, {found} findings open")
        return found
