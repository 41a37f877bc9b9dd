"""Payments that were given up are asked about on a schedule, and what they took goes back. Started by a schedule."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts.late_payments import LatePayments, Round
    from domain.plans import Retry
    from workflows.calls import attempt

PAGES_OF_A_RUN = 200
"""Pages after which it continues as new, so that a history never grows without bounds."""
ONCE = Retry(attempts=3, first_wait=1, longest_wait=5)


@workflow.defn(name="late-payments", failure_exception_types=[Exception])
class LatePaymentsWorkflow:
    """One that cannot be asked about keeps back no other, and is asked about again in its turn."""

    @workflow.run
    async def run(self, round_: Round | None = None) -> int:
        """How many were asked about."""
        here = round_ or Round(at=workflow.now())
        pages = 0
        while keys := await attempt(LatePayments.due, here, summary="payments to ask about", retry=Retry()):
            await asyncio.gather(*(self._look(key) for key in keys))
            here, pages = here.model_copy(update={"looked": here.looked + len(keys)}), pages + 1
            if pages == PAGES_OF_A_RUN:
                workflow.continue_as_new(here)
        workflow.set_current_details(f"{here.looked} payments that were given up were asked about")
        return here.looked

    async def _look(self, key: str) -> None:
        try:
            await attempt(LatePayments.look, key, summary=f"has {key} turned up?", retry=ONCE)
        except ActivityError:
            workflow.logger.warning("payment %s cannot be asked about now", key)
