"""The revenue close: a round over the lines whose revenue is due to be booked, a page at a time. Started by a schedule."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.revenue_close import Closing, RevenueClose
    from domain.plans import Retry
    from workflows.calls import Call, attempt

PAGES_OF_A_RUN = 500
"""Pages after which it continues as new, so that a history never grows without bounds."""


@workflow.defn(name="revenue-close", failure_exception_types=[Exception])
class RevenueCloseWorkflow:
    """A close that fails, also at a bug, ends, and the next one makes up for its days: what is not booked is still due."""

    def __init__(self) -> None:
        self._pages = 0

    @workflow.run
    async def run(self, closing: Closing | None = None) -> Closing:
        """What was booked."""
        here = closing or Closing(began=workflow.now())
        here = await self._all(RevenueClose.lines, here, "revenue of the days that are over")
        return await self._all(RevenueClose.credit, here, "prepaid credit that has expired")

    async def _all(self, call: Call[Closing | None], here: Closing, summary: str) -> Closing:
        while (further := await attempt(call, here, summary=summary, retry=Retry())) is not None:
            here, self._pages = further, self._pages + 1
            workflow.set_current_details(f"{here}.")
            if self._pages == PAGES_OF_A_RUN:
                workflow.continue_as_new(here)
        return here
