"""Changing a subscription: what it costs is held, every system does its part and is seen to have done it, the money is taken,
and only then is it so. Whatever fails on the way, all is as it was."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts.changes import REFUSED, Asked, Changes, Trouble
from activities.contracts.payments import Payments, Release
from activities.contracts.provisioning import LookUp, Provisioning, StepCall
from domain import keys
from domain.errors import Conflict
from domain.payments import CaptureRequest, Outcome, PaymentRequest, PaymentResult
from domain.plans import Retry
from domain.provisioning import ProvisionResult, RemoteState, Verb
from domain.subscriptions.changes import Change, ChangeCommand
from domain.subscriptions.making import Call, Making, Paid, Plan
from workflows.calls import CALL_FAILED, attempt, ensure, ensure_here, explain
from workflows.messages import refusal

WHILE_SOMEONE_WAITS = Retry(attempts=4, first_wait=1, longest_wait=2)
QUESTIONS = 3
"""How often a payment that is not decided at once is asked about before it is given up: access is not changed on a promise."""
MOST_GATEWAYS = 10
KINDS = frozenset({"change", "pause", "resume"})
LIVE = frozenset({RemoteState.active, RemoteState.inactive})
DONE = {
    Verb.change: LIVE,
    Verb.suspend: frozenset({RemoteState.suspended, RemoteState.inactive}),
    Verb.resume: frozenset({RemoteState.active}),
}
"""What a system has to say of the service before it is believed."""


class NotDone(Exception):
    """Something of it did not come about, in words; what was done is undone."""


def concerns(subscription: str, key: str) -> bool:
    """Whether a due row asks for more than our own database can do."""
    return key.removeprefix(f"{subscription}:").partition(":")[0] in KINDS


class Changing:
    """One thing at a time is done to a subscription: whoever comes meanwhile waits for `lock`."""

    def __init__(self, subscription: str) -> None:
        self._subscription = subscription
        self.lock = asyncio.Lock()

    async def change(self, command: ChangeCommand) -> Change:
        """Raises ApplicationError where it is refused or does not come about."""
        asked = Asked(subscription=self._subscription, command=command)
        plan = await attempt(Changes.plan, asked, summary="what the change comes to", retry=WHILE_SOMEONE_WAITS)
        if plan.change is None or plan.made:
            return self._known(plan.change)
        held: PaymentRequest | None = None
        begun: list[Call] = []
        try:
            held = await self._held(plan)
            await self._carry_out(plan, begun)
            paid = await self._taken(held)
            making = Making(plan=plan, command=command, paid=paid)
            return await ensure(Changes.make, making, summary="invoice, payment, price and access together")
        except (NotDone, *CALL_FAILED) as error:
            words = explain(error) if isinstance(error, CALL_FAILED) else str(error)
            await self._undo(held, begun)
            number = plan.change.number
            trouble = Trouble(subscription=self._subscription, key=keys.change(self._subscription, number), words=words)
            await ensure_here(Changes.trouble, trouble, summary="note what went wrong")
            raise refusal(Conflict(f"{words}; subscription {self._subscription} is as it was")) from error

    async def due(self, key: str) -> str:
        """What the subscription is then, in words. What could not be done is undone, and due again later."""
        plan = await ensure_here(Changes.due, key, summary="see what is due")
        if plan is None or plan.made:
            return plan.words if plan else ""
        begun: list[Call] = []
        try:
            await self._carry_out(plan, begun)
            return await ensure_here(Changes.make_due, key, summary="make what is due")
        except (NotDone, *CALL_FAILED) as error:
            words = explain(error) if isinstance(error, CALL_FAILED) else str(error)
            await self._undo(None, begun)
            return await ensure_here(
                Changes.trouble, Trouble(subscription=self._subscription, key=key, words=words), summary="note what went wrong"
            )

    def _known(self, change: Change | None) -> Change:
        if change is None:
            raise ValueError(f"change: of subscription {self._subscription} is planned without what it comes to")
        return change

    async def _held(self, plan: Plan) -> PaymentRequest | None:
        """The payment that holds what the change costs; None where it costs nothing. Raises NotDone, and holds nothing then."""
        if plan.payment is None:
            return None
        request, tried = plan.payment, list[str]()
        subject = keys.paid_subject(request.key)
        for number in range(1, MOST_GATEWAYS + 1):
            request = request.model_copy(update={"key": keys.collection(subject, number), "tried": tuple(tried)})
            result = await self._authorized(request)
            if result.outcome is Outcome.succeeded:
                return request
            await self._release(request)
            if not result.elsewhere:
                raise NotDone(f"the payment of {request.amount} came to nothing ({result.code or result.outcome})")
            tried.append(result.gateway or "")
        raise NotDone(f"the payment of {request.amount} came to nothing at any gateway")

    async def _authorized(self, request: PaymentRequest) -> PaymentResult:
        try:
            result = await attempt(Payments.authorize, request, summary=f"hold {request.amount}", retry=WHILE_SOMEONE_WAITS)
            for _ in range(QUESTIONS):
                if result.outcome is not Outcome.pending:
                    break
                await workflow.sleep(2, summary="before the payment is asked about again")
                release = Release(key=request.key)
                result = await attempt(Payments.status, release, summary="ask about the payment", retry=WHILE_SOMEONE_WAITS)
        except ActivityError as error:
            return PaymentResult(outcome=Outcome.unknown, code=explain(error))
        return result

    async def _carry_out(self, plan: Plan, begun: list[Call]) -> None:
        """Each system in turn does it and says so. `begun` are those that may have to be undone."""
        for call in plan.calls:
            begun.append(call)
            verb, reference = call.do.verb, call.do.reference
            asked = StepCall(adapter=call.adapter, request=call.do)
            try:
                await attempt(
                    Provisioning.perform, asked, summary=f"{verb} {reference} at {call.adapter}", retry=WHILE_SOMEONE_WAITS
                )
                look = LookUp(adapter=call.adapter, reference=reference)
                found = await attempt(
                    Provisioning.look_up, look, summary=f"is it done at {call.adapter}?", retry=WHILE_SOMEONE_WAITS
                )
            except ActivityError as error:
                raise NotDone(f"{call.adapter} has not done it: {explain(error)}") from error
            _refuse_undone(call, found)

    async def _taken(self, held: PaymentRequest | None) -> Paid | None:
        if held is None:
            return None
        asked = CaptureRequest(key=held.key, amount=held.amount)
        try:
            result = await attempt(Payments.capture, asked, summary=f"take {held.amount}", retry=WHILE_SOMEONE_WAITS)
        except ActivityError as error:
            raise NotDone(f"the payment of {held.amount} could not be taken: {explain(error)}") from error
        return Paid(request=held, result=result)

    async def _undo(self, held: PaymentRequest | None, begun: list[Call]) -> None:
        """The money first, then the systems, the last first; each is tried for ever. A refusal for good is kept in words."""
        if held is not None:
            await self._release(held)
        for call in reversed(begun):
            asked = StepCall(adapter=call.adapter, request=call.undo)
            try:
                await ensure(Provisioning.perform, asked, summary=f"undo it at {call.adapter}")
            except ActivityError as error:
                words = f"{call.adapter} does not take it back: {explain(error)}"
                key = f"{call.undo.key}{REFUSED}"
                await ensure_here(
                    Changes.trouble,
                    Trouble(subscription=self._subscription, key=key, words=words),
                    summary="note what went wrong",
                )

    async def _release(self, request: PaymentRequest) -> None:
        await ensure(Payments.release, Release(key=request.key), summary=f"make sure that {request.key} holds nothing")


def _refuse_undone(call: Call, found: ProvisionResult) -> None:
    wanted = call.do
    if found.state not in DONE[wanted.verb]:
        raise NotDone(f"{call.adapter} says that the service is {found.state}")
    if wanted.verb is Verb.change and found.quantity not in {None, wanted.quantity}:
        raise NotDone(f"{call.adapter} says that the service has {found.quantity} units")
