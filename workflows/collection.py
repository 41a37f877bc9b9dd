"""Collecting an invoice: what it is due is taken from what the customer has on file, once, however long the answer takes."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts.collections import Collections
    from activities.contracts.payments import Payments, Release
    from domain.collection import UNSETTLED, Answered, Claim, CollectionRequest, question_after
    from domain.payments import Outcome, PaymentRequest, PaymentResult, RemotePayment
    from domain.plans import Retry
    from workflows.calls import attempt, ensure, ensure_here, explain, is_refusal

PATIENT = Retry(attempts=8, first_wait=1, longest_wait=30)
SHORTEST = timedelta(seconds=1)
ONCE = Retry(attempts=3, first_wait=1, longest_wait=5)


@workflow.defn(name="collection")
class CollectionWorkflow:
    @workflow.init
    def __init__(self, asked: CollectionRequest) -> None:
        self._news = 0
        self._asks: list[CollectionRequest] = []
        self._number = 0
        """Of the last payment that was claimed, which answers all who asked before it; 0 where there was none to claim."""

    @workflow.run
    async def run(self, asked: CollectionRequest) -> str:
        """What became of it, in words."""
        while True:
            self._asks.clear()
            self._number = 0
            said = await self._collect(asked)
            again = [ask for ask in self._asks if ask.after >= self._number]
            if not again:
                break
            asked = again[-1]
        workflow.set_current_details(said)
        return said

    @workflow.signal(name="asked", description="Sent by the dispatcher: the invoice is to be collected.")
    def asked(self, asked: CollectionRequest) -> None:
        self._asks.append(asked)

    @workflow.signal(name="payment_changed", description="The gateway has told something: the payment is asked about at once.")
    def payment_changed(self, key: str) -> None:
        self._news += 1

    async def _collect(self, asked: CollectionRequest) -> str:
        claim = await self._claimed(asked)
        given_up: list[str] = []
        while claim.request is not None:
            self._number = claim.number
            known = asked.known.result if asked.known and asked.known.key == claim.request.key else None
            result = await self._definite(claim.request, known)
            answered = Answered(invoice=asked.invoice, key=claim.request.key, result=result, at=workflow.now())
            if not result.elsewhere:
                said = await ensure_here(Collections.settle, answered, summary="book the answer")
                await self._undo(given_up)
                return said
            given_up.append(claim.request.key)
            claim = await ensure_here(Collections.elsewhere, answered, summary="write down a payment by another gateway")
        return claim.words

    async def _claimed(self, asked: CollectionRequest) -> Claim:
        """Whoever asks for the payment besides this process is left time to end."""
        claim = await ensure_here(Collections.claim, asked, summary="write down the payment to ask for")
        while claim.wait_until is not None:
            pause = max(claim.wait_until - workflow.now(), SHORTEST)
            await workflow.sleep(pause, summary="while the payment is being asked for")
            claim = await ensure_here(Collections.claim, asked, summary="write down the payment to ask for")
        return claim

    async def _undo(self, keys: list[str]) -> None:
        """A call that its gateway did not make may yet arrive there late: whatever it did is given back."""
        for key in keys:
            await ensure(Payments.release, Release(key=key), summary=f"make sure that {key} holds nothing")

    async def _definite(self, request: PaymentRequest, known: PaymentResult | None) -> PaymentResult:
        """The payment's outcome once it is definite; `known` is what its gateway has said already. A payment that is pending or
        not known, is asked about on a schedule, and as soon as the gateway tells something; one that the gateway never saw is
        asked for again under the same key."""
        result = known or await self._asked_for(request)
        questions = 0
        while result.outcome in UNSETTLED:
            await self._wait(request, result, question_after(questions))
            questions += 1
            found = await self._found(request)
            result = await self._asked_for(request) if found.state is RemotePayment.absent and _is_known(found) else found
        return result

    async def _asked_for(self, request: PaymentRequest) -> PaymentResult:
        try:
            return await attempt(Payments.purchase, request, summary=f"take {request.amount}", retry=PATIENT)
        except ActivityError as error:
            outcome = Outcome.declined_hard if is_refusal(error) else Outcome.unknown
            return PaymentResult(outcome=outcome, code="refused" if is_refusal(error) else None, message=explain(error))

    async def _found(self, request: PaymentRequest) -> PaymentResult:
        try:
            return await attempt(Payments.status, Release(key=request.key), summary="ask about the payment", retry=ONCE)
        except ActivityError as error:
            return PaymentResult(outcome=Outcome.unknown, message=explain(error))

    async def _wait(self, request: PaymentRequest, result: PaymentResult, pause: timedelta) -> None:
        at: datetime = workflow.now() + pause
        workflow.set_current_details(
            f"## Payment {request.key} of {request.amount} is {result.outcome}\n\n"
            f"{result.message or 'The gateway has not decided it.'} It is asked again at {at:%Y-%m-%d %H:%M} UTC."
        )
        before = self._news
        try:
            await workflow.wait_condition(
                lambda: self._news != before, timeout=pause, timeout_summary="before the payment is asked about again"
            )
        except TimeoutError:
            return


def _is_known(found: PaymentResult) -> bool:
    return found.outcome is not Outcome.unknown
