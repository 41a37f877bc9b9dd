"""Watching payment methods for the end of their time: a round over those that are due. Started by a schedule."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.expiry_watch import ExpiryWatch, Watching
    from domain.plans import Retry
    from workflows.calls import attempt

PAGES_OF_A_RUN = 500
"""Pages after which it continues as new, so that a history never grows without bounds."""


@workflow.defn(name="expiry-watch", failure_exception_types=[Exception])
class ExpiryWatchWorkflow:
    """A round that fails, also at a bug, ends, and the schedule begins the next one; what is not told stays to be told."""

    @workflow.run
    async def run(self, watching: Watching | None = None) -> int:
        """How many methods have expired."""
        here = watching or Watching(began=workflow.now())
        pages = 0
        while (further := await self._watch(here)) is not None:
            here, pages = further, pages + 1
            if pages == PAGES_OF_A_RUN:
                workflow.continue_as_new(here)
        workflow.set_current_details(f"{here.expired} payment methods expired, {here.expiring} more will within 30 days")
        return here.expired

    async def _watch(self, watching: Watching) -> Watching | None:
        return await attempt(ExpiryWatch.watch, watching, summary="payment methods that end", retry=Retry())
