"""The order: from accepted to live and billed, or back to nothing."""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts.checks import Assessment
    from domain import amendment, cancellation, keys
    from domain.approvals import ApprovalRequirement, Decision, Verdict
    from domain.cancellation import CancellationPreview, CancelRequest
    from domain.errors import Conflict, TurnupError
    from domain.fallout import FalloutDecision, Subject
    from domain.fraud import SCREENED, Band, Screening
    from domain.money import Money, total
    from domain.orders import Order
    from domain.plans import Stage
    from domain.provisioning import PartnerCallback
    from domain.states import ITEM, ItemState, OrderState, is_terminal, roll_up
    from domain.values import Value
    from workflows import approval
    from workflows.approval import Approvals
    from workflows.book import Book, Settled, Wait
    from workflows.calls import first_cause, uncancellable
    from workflows.fallout import Desk
    from workflows.gate import Gate, StillBlocked
    from workflows.items import Items, NotChanged
    from workflows.messages import parse, refusal
    from workflows.partners import Mail
    from workflows.payment import Declined, Till
    from workflows.steps import Steps

CANCEL_EXAMPLE = {"by": "your name", "reason": "the customer changed her mind"}
FALLOUT_EXAMPLE = {"fallout": "O-1001:1:account:fallout:1", "verb": "retry", "by": "your name"}
REVIEW = ApprovalRequirement(reason="fraud review", quorum=1, deadline=3 * 86400, owner="fraud")


class AmendCommand(Value):
    """The order as it should be from now on, already checked and priced."""

    order: Order
    by: str
    reason: str = ""


class CancelAnswer(Value):
    """`accepted` False with an offer in `preview`: what could be undone, which `accept_partial` takes."""

    accepted: bool
    preview: CancellationPreview


class AmendAnswer(Value):
    version: int
    message: str


class CallbackMessage(Value):
    partner: str
    message_id: str
    callback: PartnerCallback


class Ended(Exception):
    """The order ends here: in this state, for this reason."""

    def __init__(self, state: OrderState, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


class Unforeseen(Exception):
    """A call failed where none may. Not a failure of Temporal's kind, which would end the order: it waits for a fix."""


@dataclass
class Command:
    """A request to do otherwise, and where its answer goes."""

    request: CancelRequest | AmendCommand
    answer: "asyncio.Future[Value]"

    def refuse(self, order: str, state: OrderState) -> None:
        """It came while the order was ending."""
        if not self.answer.done():
            self.answer.set_exception(Conflict(f"order {order} is {state}"))


Process = asyncio.Task[None]


@workflow.defn(name="order")
class OrderWorkflow:
    @workflow.init
    def __init__(self, order: Order) -> None:
        self._book = Book(order, workflow.now(), writes_along=workflow.patched("writes-along"))
        self._desk = Desk(self._book)
        self._mail = Mail()
        self._approvals = Approvals(self._book)
        self._steps = Steps(self._book, self._desk, self._approvals, self._mail)
        self._till = Till(self._book, self._desk)
        self._commands: deque[Command] = deque()
        self._begun = order.requested_start is None
        self._checked_revision = 0
        self._gate = Gate(self._book)
        self._items = Items(self._book, self._steps, self._till)

    @workflow.run
    async def run(self, order: Order) -> str:
        """The order's final state. A cancellation from Temporal's own UI is a request like any other: it undoes what it can."""
        life = asyncio.create_task(self._live())
        while not life.done():
            try:
                await asyncio.shield(life)
            except asyncio.CancelledError:
                reason = "cancellation requested in Temporal"
                self._command(CancelRequest(by="temporal", reason=reason, accept_partial=True))
            except FailureError:
                break
        try:
            return life.result()
        except FailureError as error:
            raise Unforeseen(f"{type(error).__name__}: {error.cause or error}") from error

    async def _live(self) -> str:
        try:
            while not self._book.settled:
                await self._advance()
        except Settled as other:
            workflow.logger.warning("a reset order had already settled", extra={"order": self._book.order.id})
            self._book.end_as(other.state)
            return await self._leave(other.state)
        return await self._leave(self._book.state)

    async def _leave(self, state: OrderState) -> OrderState:
        """Answer those who still wait: the order has ended."""
        while self._commands:
            self._commands.popleft().refuse(self._book.order.id, state)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state

    async def _advance(self) -> None:
        """Fulfil until done, or until a command comes; then carry it out, and go on with what is left."""
        process = asyncio.create_task(self._fulfil())
        watch = asyncio.create_task(self._watch_jeopardy())
        try:
            while not process.done():
                await workflow.wait_condition(lambda: process.done() or bool(self._commands))
                if self._commands and not process.done():
                    await self._carry_out(self._commands.popleft(), process)
            watch.cancel()
            if not process.cancelled() and not self._book.settled:
                await self._conclude(process.exception())
        except Settled:
            await uncancellable(_put_down([process, watch]))
            raise

    async def _conclude(self, error: BaseException | None) -> None:
        """Settle the order where its process came to an end of its own."""
        cause = first_cause(error) if error is not None else None
        if cause is None:
            await self._settle()
        elif isinstance(cause, Ended):
            await self._end(cause)
        elif not isinstance(cause, asyncio.CancelledError):
            raise cause

    async def _carry_out(self, command: Command, process: Process) -> None:
        try:
            if isinstance(command.request, AmendCommand):
                await self._amend(command.request, command.answer, process)
            else:
                await self._cancel(command.request, command.answer, process)
        except TurnupError as error:
            command.answer.set_exception(error)
        except Settled as other:
            command.refuse(self._book.order.id, other.state)
            raise

    async def _stop(self, process: Process) -> None:
        """Interrupt the process. What cannot be cut in two, as a capture with its invoice, is brought to its end first."""
        process.cancel()
        await workflow.wait([process])
        error = None if process.cancelled() else process.exception()
        cause = first_cause(error) if error is not None else None
        if cause is not None and not isinstance(cause, (Ended, asyncio.CancelledError)):
            raise cause

    async def _cancel(self, request: CancelRequest, answer: "asyncio.Future[Value]", process: Process) -> None:
        """Undo what can be undone. Where not everything can, it is offered first, and done when the offer is taken."""
        before = self._book.state
        by = request.by or "unknown"
        self._book.set_state(OrderState.assessing_cancellation)
        self._book.note("cancellation.asked", f"Cancellation asked for by {by}: {request.reason}", actor=by)
        preview = self._preview(request)
        if not preview.possible or not (preview.complete or request.accept_partial or request.items):
            self._book.note("cancellation.refused", preview.message)
            self._book.set_state(OrderState.in_progress if before is OrderState.acknowledged else before)
            await self._book.save()
            answer.set_result(CancelAnswer(accepted=False, preview=preview))
            return
        self._book.set_state(OrderState.pending_cancellation, request.reason or f"cancelled by {by}")
        await self._book.save()
        await self._stop(process)
        preview = self._preview(request)
        answer.set_result(CancelAnswer(accepted=True, preview=preview))
        await self._items.drop_all(preview.undone, ItemState.cancelled, request.reason or f"cancelled by {by}")
        if self._book.open_items:
            self._book.set_state(OrderState.in_progress)
            await self._book.save()
        else:
            await self._settle()

    def _preview(self, request: CancelRequest) -> CancellationPreview:
        order = self._book.order
        return cancellation.assess(order.id, order.currency, self._book.standings(), request.items)

    async def _amend(self, command: AmendCommand, answer: "asyncio.Future[Value]", process: Process) -> None:
        """No new step begins, those that are out come back, the process stops; then what differs is done and it goes on."""
        self._steps.frozen = True
        try:
            await workflow.wait_condition(lambda: self._steps.calling == 0)
            await self._stop(process)
            await self._apply_amendment(command)
        finally:
            self._steps.frozen = False
        message = f"now at version {self._book.order.revision}, total {self._book.order.total}"
        answer.set_result(AmendAnswer(version=self._book.order.revision, message=message))

    async def _apply_amendment(self, command: AmendCommand) -> None:
        """Money first: an amendment that cannot be paid changes nothing. Raises Conflict where it is refused."""
        before, after = self._book.order, command.order
        self._refuse_stale(after)
        if self._captured:
            raise Conflict("the order was paid meanwhile; change the service instead")
        states = {item: status.state for item, status in self._book.items.items()}
        past = {item: status.point_of_no_return_passed for item, status in self._book.items.items()}
        differs = amendment.difference(before, after, states, past)
        owed = self._owed(after)
        if self._till.current is not None and self._owed(before) < owed:
            try:
                await self._till.extend(owed, after.payment_method or "")
            except Declined as declined:
                raise Conflict(f"the order stays as it was: {declined}") from declined
        await self._items.drop_all(differs.removed, ItemState.cancelled, "removed by an amendment")
        self._book.amend(after)
        self._book.note("order.amended", f"Amended by {command.by} to {after.total}: {command.reason}", actor=command.by)
        for item in differs.added:
            self._book.add_item(item)
        for item in differs.changed:
            self._steps.change(item)
        if before.worth < after.worth:
            self._book.forget_approval(approval.ORDER)
        await self._book.save()

    def _refuse_stale(self, amended: Order) -> None:
        """Also when an amendment is carried out: another may have been let in beside it."""
        known = self._book.order.revision
        if amended.revision != known + 1:
            raise Conflict(f"the order is at version {known}; read it again and repeat the change")

    async def _fulfil(self) -> None:
        """The process itself. It may be interrupted anywhere and run again: each phase passes over what is done."""
        await self._wait_for_start()
        await self._pass_checks()
        await self._win_approval()
        await self._take_payment()
        await self._build()
        await self._check_again()
        await self._change_live()
        await self._open_early()
        await self._capture()
        await self._items.run_stage(Stage.activate)

    async def _wait_for_start(self) -> None:
        """The dispatcher says when the requested date has come; until then nothing is even checked."""
        start = self._book.order.requested_start
        if self._begun or start is None:
            return
        text = f"requested start {start:%Y-%m-%d %H:%M} UTC"
        with self._book.waiting("start", Wait(text=text, owner="calendar", deadline=start, state=OrderState.pending)):
            await self._book.save()
            await workflow.wait_condition(lambda: self._begun)

    async def _pass_checks(self) -> None:
        if self._checked_revision == self._book.order.revision:
            return
        screening = (await self._unblocked()).screening
        self._note(screening)
        self._till.step_up = screening.wants_confirmation
        if screening.band is Band.reject:
            raise Ended(OrderState.rejected, "; ".join(screening.reasons))
        if screening.band is Band.review:
            self._book.approval(approval.ORDER, self._book.order.approval or REVIEW)
        self._checked_revision = self._book.order.revision

    def _note(self, screening: Screening) -> None:
        """Why an order is not simply let through, with each rule that held, in the version that did."""
        if screening.fired:
            said = f"Fraud check: {screening.band.replace('_', ' ')}: {'; '.join(screening.reasons)}"
            self._book.note(SCREENED, said, data=screening.as_facts)

    async def _unblocked(self) -> Assessment:
        try:
            return await self._gate.passed()
        except StillBlocked as blocked:
            raise Ended(OrderState.failed, str(blocked)) from blocked

    async def _win_approval(self) -> None:
        known = self._book.approvals.get(approval.ORDER)
        requirement = known.ballot.requirement if known else self._book.order.approval
        if requirement is None or (known is not None and known.outcome == Verdict.approve):
            return
        if await self._approvals.win(approval.ORDER, requirement, OrderState.pending) is Verdict.reject:
            raise Ended(OrderState.rejected, self._rejection())

    def _rejection(self) -> str:
        cast = self._book.approvals[approval.ORDER].ballot.cast
        by = next((decision for decision in cast if decision.decision is Verdict.reject), None)
        return f"rejected by {by.by}" + (f": {by.reason}" if by.reason else "") if by else "nobody approved it in time"

    async def _take_payment(self) -> None:
        """Hold all that may come to be taken before anything is provisioned."""
        if self._captured:
            return
        try:
            await self._till.authorize(self._owed(self._book.order))
        except Declined as declined:
            raise Ended(OrderState.failed, str(declined)) from declined
        if self._till.takes_at_once:
            await self._capture()

    async def _build(self) -> None:
        """All that can still be undone. What is held for it is taken on the way where the policy has it not lapse."""
        before = self._till.taken_before
        if before is None:
            await self._items.run_stage(Stage.provision)
            return
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._capture_before(before))
            await self._items.run_stage(Stage.provision)
            watch.cancel()
        await self._items.give_back()

    async def _capture_before(self, lapse: datetime) -> None:
        """What is held would lapse while it is built for."""
        await workflow.sleep(max(lapse - workflow.now(), timedelta(0)), summary="before what is held lapses")
        await self._capture()

    def _owed(self, order: Order) -> Money:
        """What the items of `order` come to that are not settled yet."""
        settled = {item for item, status in self._book.items.items() if is_terminal(ITEM, status.state)}
        return total([item.due for item in order.items if item.id not in settled], order.currency)

    async def _check_again(self) -> None:
        """Weeks may have passed: what the order depends on has to hold still, before it is paid for."""
        if self._book.open_items and (self._till.was_taken_early or not self._captured):
            await self._unblocked()

    async def _change_live(self) -> None:
        """What is live is changed once all that is new stands, and before it is paid for: each change is paid by itself. A
        debit for what is new is waited for, since a change stays."""
        try:
            if self._items.changes:
                await self._till.decide()
            await self._items.change_live()
        except (NotChanged, Declined) as refused:
            raise Ended(OrderState.failed, str(refused)) from refused

    async def _open_early(self) -> None:
        """Give access while the debit is under way, where the policy says so; items are complete only when it is in."""
        try:
            if await self._till.may_open():
                await self._items.run_stage(Stage.activate, complete=False)
        except Declined as declined:
            raise Ended(OrderState.failed, str(declined)) from declined

    async def _capture(self) -> None:
        """Take the money for what was fulfilled, and for nothing else."""
        items = self._book.open_items
        if self._captured or not items:
            return
        try:
            await self._till.capture(items)
        except Declined as declined:
            raise Ended(OrderState.failed, str(declined)) from declined

    @property
    def _captured(self) -> bool:
        return any(item.captured for item in self._book.items.values())

    async def _end(self, end: Ended) -> None:
        """Undo everything and settle in the state the end names."""
        self._book.ending = True
        state = ItemState.failed if end.state is OrderState.failed else ItemState.cancelled
        await self._items.drop_all(self._book.open_items, state, end.reason)
        await self._settle(end.state, end.reason)

    async def _settle(self, state: OrderState | None = None, reason: str = "") -> None:
        """Nothing is in hand any more: the order's final state, by the roll-up of its items where no other is given. One that
        has changed something live is partial however it ends."""
        await self._till.release_all()
        await self._items.give_back()
        rolled_up = roll_up(self._book.items[item.id].state for item in self._book.order.items)
        self._book.set_state(rolled_up if state is None or rolled_up is OrderState.partial else state, reason)
        await self._book.save()

    async def _watch_jeopardy(self) -> None:
        """Say that the requested date is in danger when it becomes so, though nothing else happens."""
        while self._book.order.requested_completion is not None and not self._book.settled:
            changes_at = self._book.outlook.changes_at
            timeout = max(changes_at - workflow.now(), timedelta(seconds=1)) if changes_at is not None else None
            try:
                await workflow.wait_condition(
                    lambda known=changes_at: self._book.outlook.changes_at != known,  # type: ignore[misc]
                    timeout=timeout,
                    timeout_summary="the requested date comes into danger",
                )
            except TimeoutError:
                await self._book.look_ahead()

    @workflow.update(
        name="approve",
        description='Decide on this order. Type {"decision": "approve", "by": "your name"}; reject or delegate likewise.',
    )
    async def approve(self, raw: Any) -> str:
        said = self._decide(parse(Decision, raw, approval.EXAMPLE))
        await self._keep()
        return said

    @approve.validator
    def _check_approve(self, raw: Any) -> None:
        self._refuse_settled("decided on")
        try:
            self._approvals.check(parse(Decision, raw, approval.EXAMPLE))
        except TurnupError as error:
            raise refusal(error) from None

    @workflow.signal(
        name="approval",
        description='The same as the update approve: {"decision": "approve", "by": "your name"}. A wrong one becomes an event.',
    )
    async def approval_signal(self, raw: Any) -> None:
        try:
            self._decide(parse(Decision, raw, approval.EXAMPLE))
        except ApplicationError as error:
            self._book.note("approval.ignored", f"An approval signal was ignored: {error.message}")
        await self._keep()

    async def _keep(self) -> None:
        """Save what a handler noted; an order that has settled meanwhile needs nothing more."""
        if not self._book.settled:
            with contextlib.suppress(Settled):
                await self._book.save()

    def _decide(self, decision: Decision) -> str:
        try:
            return self._approvals.decide(decision)
        except TurnupError as error:
            raise refusal(error) from None

    @workflow.update(
        name="resolve_fallout",
        description='Decide on a stuck step: {"fallout": "<id>", "verb": "retry|resolve|skip|compensate", "by": "your name"}',
    )
    async def resolve_fallout(self, raw: Any) -> str:
        said = self._desk.decide(parse(FalloutDecision, raw, FALLOUT_EXAMPLE))
        await self._keep()
        return said

    @resolve_fallout.validator
    def _check_resolve_fallout(self, raw: Any) -> None:
        self._refuse_settled("changed")
        try:
            self._desk.check(parse(FalloutDecision, raw, FALLOUT_EXAMPLE))
        except TurnupError as error:
            raise refusal(error) from None

    @workflow.update(
        name="cancel",
        description='Cancel: {"by": "your name", "reason": "…"}. Past a point of no return add "accept_partial": true.',
    )
    async def cancel(self, raw: Any) -> CancelAnswer:
        request = parse(CancelRequest, raw, CANCEL_EXAMPLE)
        return CancelAnswer.model_validate(await self._heard(self._command(request)))

    @cancel.validator
    def _check_cancel(self, raw: Any) -> None:
        self._refuse_settled("cancelled")
        self._refuse_while_undoing("cancelled")
        asked = parse(CancelRequest, raw, CANCEL_EXAMPLE).items
        unknown = [item for item in asked if self._book.order.item(item) is None]
        if unknown:
            raise refusal(Conflict(f"order {self._book.order.id} has no item {unknown[0]}"))

    @workflow.update(name="amend", description="Sent by the API: the whole order as it should be from now on.")
    async def amend(self, command: AmendCommand) -> AmendAnswer:
        return AmendAnswer.model_validate(await self._heard(self._command(command)))

    @amend.validator
    def _check_amend(self, command: AmendCommand) -> None:
        self._refuse_settled("amended")
        self._refuse_while_undoing("amended")
        try:
            self._refuse_stale(command.order)
        except Conflict as error:
            raise refusal(error) from None
        if self._captured:
            raise refusal(Conflict("the order has been paid and is being activated; change the service instead"))

    @workflow.signal(name="partner_callback", description="Sent by the API: what a partner told about an item.")
    async def partner_callback(self, message: CallbackMessage) -> None:
        split = keys.split_reference(message.callback.reference)
        item = split[1] if split else ""
        if item not in self._book.items or not self._mail.take(item, message.message_id, message.callback):
            return
        text = f"{message.partner} reports item {item} {message.callback.status.replace('_', ' ')}"
        self._book.note(f"callback.{message.callback.status}", text, about=message.callback.reference, actor=message.partner)
        await self._keep()

    @workflow.signal(name="wake", description="Sent by the dispatcher: something this order waits for has changed.")
    def wake(self, key: str) -> None:
        self._steps.woken.add(key)
        self._gate.woken()

    @workflow.signal(name="payment_changed", description="Sent by the dispatcher: a gateway has told something of a payment.")
    def payment_changed(self, key: str) -> None:
        self._till.payment_changed()

    @workflow.signal(name="begin", description="Sent by the dispatcher: the requested start date has come.")
    def begin(self, at: str) -> None:
        self._begun = True

    def _refuse_settled(self, done: str) -> None:
        if self._book.settled:
            raise refusal(Conflict(f"order {self._book.order.id} is {self._book.state}; it can no longer be {done}"))

    def _refuse_while_undoing(self, done: str) -> None:
        """What could not be undone keeps the order from anything else until somebody has decided about it."""
        stuck = [record for record in self._book.fallout.values() if record.verb is None and record.subject is Subject.undo]
        if stuck:
            first = f"{stuck[0].title} is stuck: decide about fallout {stuck[0].id} first"
            raise refusal(Conflict(f"order {self._book.order.id} cannot be {done} now. {first}"))

    def _command(self, request: CancelRequest | AmendCommand) -> "asyncio.Future[Value]":
        """Hand a request to the main loop; the future is its answer."""
        answer: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._commands.append(Command(request, answer))
        return answer

    async def _heard(self, answer: "asyncio.Future[Value]") -> Value:
        """The main loop's answer to a command; a domain error becomes the caller's refusal."""
        try:
            return await answer
        except TurnupError as error:
            raise refusal(error) from None


async def _put_down(tasks: list[Process]) -> None:
    """Interrupt them, and let what they have out come back: a workflow cannot end over a running local activity."""
    for task in tasks:
        task.cancel()
    await workflow.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
