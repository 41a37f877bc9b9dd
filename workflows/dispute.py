"""A dispute: taken in, booked, contested or accepted by finance, and decided by the gateway; and a debit that was returned."""

from datetime import timedelta
from itertools import count
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts.aftermath import Contest, Decision, Disputes, Returns
    from domain.disputes import Dispute
    from domain.errors import Conflict
    from domain.gateway_events import Told
    from domain.plans import Retry
    from workflows.calls import CALL_FAILED, attempt_here, ensure, ensure_here, explain, is_refusal
    from workflows.messages import parse, refusal

EVIDENCE_EXAMPLE = {"dispute": "sandbox:dp_1", "by": "your name", "evidence": {"explanation": "used every day until now"}}
AT_FIRST = Retry(attempts=8, first_wait=1, longest_wait=30)
LOOK_AGAIN, AT_LONGEST = timedelta(hours=1), timedelta(days=1)
"""Where it did not go at first, twice as long each time: what stands in the way may take people days."""
DECISION_EXAMPLE = {"dispute": "sandbox:dp_1", "by": "your name"}


@workflow.defn(name="dispute")
class DisputeWorkflow:
    """Opens for each message and each command, does it, and closes: what the dispute is, the database knows."""

    @workflow.init
    def __init__(self, dispute: str) -> None:
        self._dispute = dispute
        self._told: list[Told] = []

    @workflow.run
    async def run(self, dispute: str) -> None:
        while True:
            while self._told:
                await self._take_in(self._told[0])
                self._told.pop(0)
            await workflow.wait_condition(workflow.all_handlers_finished)
            if not self._told:
                return

    async def _take_in(self, told: Told) -> None:
        """What the gateway has told is booked, if not now then once what stands in the way is put right, or until there is no
        sense in it: a payment that is none of ours is never booked."""
        for looks in count():
            try:
                _said(await attempt_here(Disputes.take_in, told, retry=AT_FIRST, summary="take in what the gateway told"))
                return
            except CALL_FAILED as error:
                workflow.set_current_details(f"dispute {self._dispute} cannot be booked: {explain(error)}")
                if is_refusal(error):
                    return
                await workflow.sleep(_pause(looks), summary="before the dispute is booked anew")

    @workflow.signal(name="gateway_event")
    def gateway_event(self, told: Told) -> None:
        self._told.append(told)

    @workflow.update(name="evidence", description="Contest it: what is submitted to the gateway, once.")
    async def evidence(self, raw: Any) -> Dispute:
        kept = await ensure_here(Disputes.contest, parse(Contest, raw, EVIDENCE_EXAMPLE), summary="write down the evidence")
        try:
            await ensure(Disputes.submit, self._dispute, summary="submit the evidence")
        except ActivityError as error:
            raise refusal(Conflict(f"the gateway takes no evidence for dispute {self._dispute}: {explain(error)}")) from None
        return _said(kept)

    @evidence.validator
    def _check_evidence(self, raw: Any) -> None:
        parse(Contest, raw, EVIDENCE_EXAMPLE)

    @workflow.update(name="accept", description='Give in: {"dispute": "sandbox:dp_1", "by": "your name"}')
    async def accept(self, raw: Any) -> Dispute:
        given_in = await ensure_here(
            Disputes.accept, parse(Decision, raw, DECISION_EXAMPLE), summary="write down that it is given in to"
        )
        if workflow.patched("gateway-is-told-of-accepting"):
            try:
                await ensure(Disputes.give_in, self._dispute, summary="accept the dispute")
            except ActivityError as error:
                words = f"dispute {self._dispute} is accepted here, and the gateway does not take it: {explain(error)}"
                raise refusal(Conflict(words)) from None
        return _said(given_in)

    @workflow.update(name="release", description="After it is lost, let the customer be charged and have access again.")
    async def release(self, raw: Any) -> Dispute:
        return _said(
            await ensure_here(Disputes.release, parse(Decision, raw, DECISION_EXAMPLE), summary="charge the customer as before")
        )


@workflow.defn(name="returned_debit")
class ReturnedDebitWorkflow:
    @workflow.run
    async def run(self, told: Told) -> str:
        """A payment that is not booked yet is looked for again, until there is no sense in it."""
        for looks in count():
            try:
                words = await attempt_here(
                    Returns.take_back, told, retry=AT_FIRST, summary="take back the payment of a returned debit"
                )
                workflow.set_current_details(words)
                return words
            except CALL_FAILED as error:
                words = f"the returned payment {told.event.payment} cannot be booked: {explain(error)}"
                workflow.set_current_details(words)
                if is_refusal(error):
                    break
                await workflow.sleep(_pause(looks), summary="before the return is booked anew")
        return words


def _pause(looks: int) -> timedelta:
    return min(LOOK_AGAIN * int(2 ** min(looks, 10)), AT_LONGEST)


def _said(dispute: Dispute) -> Dispute:
    due = f", evidence due by {dispute.deadline:%Y-%m-%d %H:%M} UTC" if dispute.deadline and not dispute.closed_at else ""
    workflow.set_current_details(f"dispute {dispute.id} over {dispute.amount} of {dispute.payment} is {dispute.state}{due}")
    return dispute
