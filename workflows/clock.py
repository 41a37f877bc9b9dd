"""A test clock being advanced: all that falls due on the way happens instant by instant, each settled before the next."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.clocks import Clocks
    from domain.clocks import Advance
    from domain.plans import Retry
    from workflows.calls import attempt, ensure_here

MOMENTS_OF_A_RUN = 300
"""Instants after which it continues as new, so that a history never grows without bounds."""
PATIENT = Retry(attempts=20, first_wait=1, longest_wait=10)
LONGEST = timedelta(minutes=2)


@workflow.defn(name="clock", failure_exception_types=[Exception])
class ClockWorkflow:
    @workflow.run
    async def run(self, advance: Advance) -> str:
        """What it shows at last."""
        for _ in range(MOMENTS_OF_A_RUN):
            moment = await ensure_here(Clocks.next, advance, summary="find what is due next")
            workflow.set_current_details(f"{moment.now:%Y-%m-%d %H:%M} UTC, on the way to {advance.to:%Y-%m-%d %H:%M}")
            if moment.done:
                return moment.now.isoformat()
            for key in moment.rows:
                await attempt(Clocks.hand_out, key, summary=key, retry=PATIENT, patience=LONGEST)
            if not moment.rows:
                await attempt(
                    Clocks.bill, advance, summary=f"invoices at {moment.now:%Y-%m-%d}", retry=PATIENT, patience=LONGEST
                )
        workflow.continue_as_new(advance)
        return ""
