"""Checking VAT ids: a round over those that are due. Started by a schedule."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.vat_checks import Checking, VatChecks
    from domain.plans import Retry
    from workflows.calls import attempt

PAGES_OF_A_RUN = 500
"""Pages after which it continues as new, so that a history never grows without bounds."""
PATIENCE = timedelta(minutes=2)
"""A register may take its time over each number of a page."""


@workflow.defn(name="vat-checks", failure_exception_types=[Exception])
class VatChecksWorkflow:
    """A round that fails, also at a bug, ends, and the schedule begins the next one; what is not checked stays due."""

    @workflow.run
    async def run(self, checking: Checking | None = None) -> int:
        """How many numbers a register answered about."""
        here = checking or Checking(began=workflow.now())
        pages = 0
        while (further := await self._check(here)) is not None:
            here, pages = further, pages + 1
            if pages == PAGES_OF_A_RUN:
                workflow.continue_as_new(here)
        workflow.set_current_details(f"{here.answered} VAT ids checked, {here.silent} without an answer, to be tried again")
        return here.answered

    async def _check(self, checking: Checking) -> Checking | None:
        return await attempt(VatChecks.check, checking, summary="VAT ids that are due", retry=Retry(), patience=PATIENCE)
