"""The sweep: what is due at a business date is handed to the process it concerns. Started by a schedule."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.due_sweep import DueSweep, Swept
    from domain.plans import Retry
    from workflows.calls import attempt

CALLS_OF_A_RUN = 500
"""Calls after which it continues as new, so that a history never grows without bounds."""


@workflow.defn(name="due-sweep", failure_exception_types=[Exception])
class DueSweepWorkflow:
    """A sweep that fails, also at a bug, ends, and the schedule begins the next one: what it did not hand out is still due."""

    @workflow.run
    async def run(self, so_far: Swept | None = None) -> int:
        """How many due rows were handed out."""
        here, calls = so_far or Swept(), 0
        while here.more:
            here, calls = await attempt(DueSweep.sweep, here, summary="hand out what is due", retry=Retry()), calls + 1
            workflow.set_current_details(f"{here.handed} handed out")
            if calls == CALLS_OF_A_RUN:
                workflow.continue_as_new(here)
        return here.handed
