"""A refund that was asked for: promised, paid out by the gateway, credited, booked, and access decided about."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts.aftermath import Refunds, Refusal
    from activities.contracts.payments import Payments
    from domain.gateway_events import Told
    from domain.payments import RefundRequest
    from domain.refunds import Refund
    from workflows.calls import CALL_FAILED, ensure, ensure_here, explain

LOOK_AGAIN = timedelta(hours=1)


@workflow.defn(name="refund")
class RefundWorkflow:
    """A definite no gives the amount free again; while it is not known whether it happened, it stays promised, and the gateway
    is asked under the same key until it is."""

    @workflow.run
    async def run(self, refund: str) -> str:
        asked = await ensure_here(Refunds.look_up, refund, summary="look the refund up")
        request = RefundRequest(key=asked.payment, refund_key=asked.key, amount=asked.amount)
        try:
            await ensure(Payments.refund, request, summary=f"refund {asked.amount} of {asked.payment}")
        except ActivityError as error:
            return _said(
                await ensure_here(
                    Refunds.refuse, Refusal(refund=refund, message=explain(error)), summary="write down that it was refused"
                )
            )
        return await self._book(refund)

    async def _book(self, refund: str) -> str:
        """The money is gone, so it is booked, if not now then once what stands in the way is put right."""
        while True:
            try:
                return _said(await ensure_here(Refunds.settle, refund, summary="book the refund"))
            except CALL_FAILED as error:
                await ensure_here(Refunds.note, Refusal(refund=refund, message=explain(error)), summary="note what went wrong")
                await workflow.sleep(LOOK_AGAIN, summary="before the refund is booked anew")


@workflow.defn(name="refund_failed")
class RefundFailedWorkflow:
    """The gateway says, perhaps weeks later, that a refund has come back."""

    @workflow.run
    async def run(self, told: Told) -> str:
        words = await ensure_here(Refunds.came_back, told, summary="book that the refund came back")
        workflow.set_current_details(words)
        return words


def _said(refund: Refund) -> str:
    words = f"refund {refund.id} of {refund.amount} is {refund.state}" + (f": {refund.message}" if refund.message else "")
    workflow.set_current_details(words)
    return words
