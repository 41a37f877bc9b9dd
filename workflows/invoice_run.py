"""The invoice run: a round over all that is due, a page at a time. Started by a schedule."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.invoice_run import InvoiceRun, Progress, Stage
    from domain.plans import Retry
    from workflows.calls import attempt

PAGES_OF_A_RUN = 500
"""Pages after which it continues as new, so that a history never grows without bounds."""

CALLS = {Stage.gather: InvoiceRun.gather, Stage.issue: InvoiceRun.issue, Stage.age: InvoiceRun.age}
SUMMARIES = {Stage.gather: "gather what is due", Stage.issue: "issue drafts", Stage.age: "find what is overdue"}


@workflow.defn(name="invoice-run", failure_exception_types=[Exception])
class InvoiceRunWorkflow:
    """A run that fails, also at a bug, ends, and the schedule begins the next one: what it has not done is still due."""

    @workflow.run
    async def run(self, progress: Progress | None = None) -> Progress:
        """What became of all that was due."""
        here = progress or Progress(began=workflow.now())
        pages = 0
        while here.stage is not Stage.done:
            here, pages = await self._page(here), pages + 1
            workflow.set_current_details(f"{here}.")
            if pages == PAGES_OF_A_RUN:
                workflow.continue_as_new(here)
        return here

    async def _page(self, here: Progress) -> Progress:
        return await attempt(CALLS[here.stage], here, summary=SUMMARIES[here.stage], retry=Retry())
