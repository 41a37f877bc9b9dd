"""Running one step of a plan, by its kind, and undoing it."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts.provisioning import LOCAL_ADAPTERS, LookUp, Provisioning, StepCall
from domain import keys
from domain.approvals import Verdict
from domain.fallout import FalloutDecision, FalloutVerb, Subject
from domain.orders import OrderItem
from domain.plans import Node, OnFailure, Retry, Step, StepKind, date_of
from domain.provisioning import CallbackStatus, ProvisionRequest, ProvisionResult, RemoteState, Verb
from domain.states import ItemState, OrderState, ServiceState, StepState
from workflows.approval import Approvals, step_requirement
from workflows.book import Book, Wait
from workflows.calls import CALL_FAILED, attempt, attempt_here, ensure_here, explain, is_refusal
from workflows.fallout import Desk, Stuck
from workflows.partners import Mail

SERVICE_STATES = {
    RemoteState.inactive: ServiceState.inactive,
    RemoteState.working: ServiceState.reserved,
    RemoteState.active: ServiceState.active,
    RemoteState.suspended: ServiceState.suspended,
    RemoteState.terminated: ServiceState.terminated,
}
LONGEST_PAUSE = timedelta(hours=1)
GONE = frozenset({RemoteState.absent, RemoteState.failed, RemoteState.terminated})


class ItemFailed(Exception):
    """The item is given up: what was done for it is to be undone."""

    def __init__(self, item: str, reason: str, state: ItemState = ItemState.failed) -> None:
        super().__init__(reason)
        self.item = item
        self.reason = reason
        self.state = state


class CannotGoOn(Exception):
    """A step got stuck, after this many tries. `task`: it is a person's to do; `refused`: it certainly did not happen;
    `failed`: the partner took it on and failed, so that a retry has to order it again."""

    def __init__(
        self, error: str, attempts: int = 1, *, task: bool = False, refused: bool = False, failed: bool = False
    ) -> None:
        super().__init__(error)
        self.error = error
        self.attempts = attempts
        self.task = task
        self.refused = refused
        self.failed = failed


class Steps:
    """Runs the steps of one order. `frozen` keeps new ones from beginning; `calling` counts calls that are out."""

    def __init__(self, book: Book, desk: Desk, approvals: Approvals, mail: Mail) -> None:
        self._book = book
        self._desk = desk
        self._approvals = approvals
        self._mail = mail
        self._generations: Counter[Node] = Counter()
        self._changing: set[Node] = set()
        self.woken: set[str] = set()
        self.undo_stack: dict[str, list[Node]] = {}
        self.frozen = False
        self.calling = 0
        self._kinds: dict[StepKind, Callable[[OrderItem, Step], Awaitable[None]]] = {
            StepKind.adapter: self._call,
            StepKind.manual: self._wait_for_person,
            StepKind.approval: self._wait_for_approval,
            StepKind.wait_partner: self._wait_for_partner,
            StepKind.wait_until: self._wait_for_date,
        }

    async def run(self, node: Node) -> None:
        """Run a step until it is done or skipped. Raises ItemFailed where it is given up."""
        step = self._book.step_of(node)
        while not self._book.is_done(node):
            await workflow.wait_condition(lambda: not self.frozen)
            await self._begin(node, step)
            try:
                await self._kinds[step.kind](self._item(node), step)
            except CannotGoOn as stuck:
                await self._fall_out(node, step, stuck)
            else:
                self._finish(node, StepState.done)

    async def _begin(self, node: Node, step: Step) -> None:
        """Say that it runs, before it does, where that takes longer than saying so; what undoes it is kept first."""
        now = workflow.now()
        status = self._book.steps[node]
        started = status.started_at or now
        begun: dict[str, Any] = {"started_at": started, "due_at": started + timedelta(seconds=step.target), "error": ""}
        self._book.set_step(node, StepState.running, attempts=status.attempts + 1, **begun)
        stack = self.undo_stack.setdefault(node[0], [])
        if node not in stack and (step.undo is not None or step.point_of_no_return):
            stack.append(node)
        if step.point_of_no_return:
            self._book.set_item(node[0], point_of_no_return_passed=True, point_of_no_return_at=now)
        if self._book.items[node[0]].state is ItemState.acknowledged:
            self._book.set_item(node[0], ItemState.in_progress)
        if step.adapter not in LOCAL_ADAPTERS:
            await self._book.begin()

    def _finish(self, node: Node, state: StepState, by: str = "turnup") -> None:
        self._book.set_step(node, state, actor=by, finished_at=workflow.now(), error="")

    async def _fall_out(self, node: Node, step: Step, stuck: CannotGoOn) -> None:
        """Let an operator decide, or give the item up where its plan says so."""
        if step.point_of_no_return and stuck.refused:
            self._step_back(node)
        if step.on_failure is OnFailure.compensate and not stuck.task:
            self._book.set_step(node, StepState.failed, error=stuck.error)
            raise ItemFailed(node[0], f"{step.name}: {stuck.error}")
        self._book.set_step(node, StepState.held, error=stuck.error)
        self._book.set_item(node[0], ItemState.held)
        decision = await self._desk.ask(self._stuck(node, step, stuck))
        if not self._others_held(node):
            self._book.set_item(node[0], ItemState.in_progress)
        self._apply(node, step, decision, stuck)
        if decision.verb is FalloutVerb.retry and stuck.failed:
            await self._order_again(node, step)

    def _others_held(self, node: Node) -> bool:
        """Whether another step of the same item is stuck, too."""
        steps = self._book.steps.items()
        return any(other[0] == node[0] and other != node and status.state is StepState.held for other, status in steps)

    def _step_back(self, node: Node) -> None:
        """A refused point of no return was not passed; the item may be past another."""
        stack = self.undo_stack[node[0]]
        stack.remove(node)
        passed = any(self._book.step_of(other).point_of_no_return for other in stack)
        self._book.set_item(node[0], point_of_no_return_passed=passed)

    def _step_over(self, node: Node) -> None:
        """A point of no return was passed by hand."""
        stack = self.undo_stack.setdefault(node[0], [])
        if node not in stack:
            stack.append(node)
        self._book.set_item(node[0], point_of_no_return_passed=True)

    def _apply(self, node: Node, step: Step, decision: FalloutDecision, stuck: CannotGoOn) -> None:
        match decision.verb:
            case FalloutVerb.retry:
                self._mail.forget(node[0])
                if decision.data:
                    self._correct(node, decision.data)
            case FalloutVerb.resolve:
                if step.point_of_no_return:
                    self._step_over(node)
                self._finish(node, StepState.done, decision.by)
            case FalloutVerb.skip:
                self._finish(node, StepState.skipped, decision.by)
            case FalloutVerb.compensate:
                self._book.set_step(node, StepState.failed, actor=decision.by, error=stuck.error)
                raise ItemFailed(node[0], f"{step.name}: {stuck.error} (given up by {decision.by}: {decision.reason})")

    def _correct(self, node: Node, data: dict[str, str]) -> None:
        """Corrected data makes another request, which takes another key."""
        item = self._item(node)
        corrected = item.model_copy(update={"characteristics": {**item.characteristics, **data}})
        others = [corrected if other.id == item.id else other for other in self._book.order.items]
        self._book.amend(self._book.order.model_copy(update={"items": others}))
        self._generations[node] += 1

    async def _order_again(self, node: Node, step: Step) -> None:
        """Have the partner begin anew what it failed at, under another key: the old one would be answered as before."""
        if step.verb is Verb.create:
            self._generations[node] += 1
            return
        for other in self._item(node).plan.steps:
            ordered = (node[0], other.id)
            if other.verb is Verb.create and other.adapter == step.adapter and self._book.is_done(ordered):
                self._generations[ordered] += 1
                self._book.set_step(ordered, StepState.running)
                await self.run(ordered)

    def _stuck(self, node: Node, step: Step, stuck: CannotGoOn) -> Stuck:
        item = self._item(node)
        return Stuck(
            subject=Subject.step,
            name=f"{node[0]}:{node[1]}",
            title=f"{'to do' if stuck.task else 'stuck'}: {step.name} (item {node[0]})",
            error=stuck.error,
            owner=step.owner,
            attempts=stuck.attempts,
            money_at_stake=item.due,
            item=node[0],
            step=node[1],
            patience=int(step.patience.total_seconds()) if stuck.task else None,
        )

    async def _call(self, item: OrderItem, step: Step) -> None:
        """One verb at one adapter."""
        node = (item.id, step.id)
        verb = Verb.change if node in self._changing else _verb(step)
        result = await self._perform(item, step, verb, self._key(node))
        if verb is Verb.verify and result.state in GONE:
            raise CannotGoOn(f"the service is {result.state} at {step.adapter}")
        if result.state is RemoteState.failed:
            raise CannotGoOn(result.message or f"{step.adapter} reports that it failed", failed=True)
        self._changing.discard(node)
        self._note_service(item.id, result)

    async def _perform(self, item: OrderItem, step: Step, verb: Verb, key: str) -> ProvisionResult:
        call = self._step_call(item, step, verb, key)
        self.calling += 1
        try:
            summary = f"{step.name} · item {item.id}"
            if call.adapter in LOCAL_ADAPTERS:
                return await attempt_here(Provisioning.perform, call, retry=step.retry, summary=summary)
            return await self._book.along(
                lambda first: attempt(
                    Provisioning.perform,
                    call.model_copy(update={"first": first}),
                    summary=summary,
                    retry=step.retry,
                    patience=step.patience,
                )
            )
        except CALL_FAILED as error:
            refused = is_refusal(error)
            raise CannotGoOn(explain(error), 1 if refused else step.retry.attempts, refused=refused) from error
        finally:
            self.calling -= 1

    def _step_call(self, item: OrderItem, step: Step, verb: Verb, key: str) -> StepCall:
        order = self._book.order
        request = ProvisionRequest(
            verb=verb,
            key=key,
            reference=order.reference(item.id),
            customer=order.customer.id,
            product=item.product.id,
            plan=item.plan.id,
            quantity=item.quantity,
            characteristics=item.characteristics,
            entitlements=item.plan.entitlements,
            remote_id=self._book.items[item.id].remote_id,
        )
        return StepCall(adapter=step.adapter or "", request=request)

    def _key(self, node: Node) -> str:
        return keys.step(self._book.order.id, *node, self._generations[node] + 1)

    def _note_service(self, item_id: str, result: ProvisionResult) -> None:
        """Only the item's own service has a remote id; entitlements answer with our reference."""
        state = SERVICE_STATES.get(result.state, self._book.items[item_id].service)
        changes: dict[str, Any] = {"service": state}
        if result.remote_id and result.remote_id != self._book.order.reference(item_id):
            changes["remote_id"] = result.remote_id
        self._book.set_item(item_id, **changes)

    async def _wait_for_person(self, item: OrderItem, step: Step) -> None:
        raise CannotGoOn("a person does this and marks it done", 0, task=True)

    async def _wait_for_approval(self, item: OrderItem, step: Step) -> None:
        outcome = await self._approvals.win(f"{item.id}:{step.id}", step_requirement(step), OrderState.pending)
        if outcome is Verdict.reject:
            raise ItemFailed(item.id, f"{step.name} was rejected", ItemState.cancelled)

    async def _wait_for_date(self, item: OrderItem, step: Step) -> None:
        try:
            due = date_of(step, item.characteristics)
        except ValueError as error:
            raise CannotGoOn(str(error)) from error
        key = f"{self._book.order.id}:{item.id}:{step.id}:due:{due:%Y%m%dT%H%M%SZ}"
        self._book.wake_at(key, due)
        with self._book.waiting(f"{item.id}:{step.id}", Wait(text=f"date: {step.name}", owner=step.owner, deadline=due)):
            await self._book.save()
            await workflow.wait_condition(lambda: key in self.woken)

    async def _wait_for_partner(self, item: OrderItem, step: Step) -> None:
        """Until its callback; a silent partner is asked after `poll_every` seconds and then ever less often, down to once an
        hour, since a history has room for some thousands of questions. It is stuck at the step's timeout."""
        deadline = workflow.now() + step.patience
        pause = timedelta(seconds=step.poll_every)
        text = f"partner {step.adapter}: {step.name} (item {item.id})"
        with self._book.waiting(f"{item.id}:{step.id}", Wait(text=text, owner=step.owner, deadline=deadline)):
            await self._book.save()
            while not await self._heard(item, step, min(pause, deadline - workflow.now())):
                pause = max(pause, min(pause * 2, LONGEST_PAUSE))
                if await self._asked(item, step):
                    return
                if workflow.now() >= deadline:
                    raise CannotGoOn(f"{step.adapter} has been silent since {deadline - step.patience:%d %b %H:%M} UTC")
        final = self._mail.final(item.id)
        if final is not None and final.status is CallbackStatus.failed:
            raise CannotGoOn(final.message or f"{step.adapter} reports that it failed", failed=True)
        remote_id = final.remote_id if final else None
        self._note_service(item.id, ProvisionResult(state=RemoteState.inactive, remote_id=remote_id))

    async def _heard(self, item: OrderItem, step: Step, pause: timedelta) -> bool:
        try:
            await workflow.wait_condition(
                lambda: self._mail.final(item.id) is not None,
                timeout=max(pause, timedelta(seconds=1)),
                timeout_summary=f"waiting for {step.adapter} · item {item.id}",
            )
        except TimeoutError:
            return False
        return True

    async def _asked(self, item: OrderItem, step: Step) -> bool:
        """Ask the silent partner; True where its work turns out to be done."""
        wanted = LookUp(adapter=step.adapter or "", reference=self._book.order.reference(item.id))
        try:
            found = await attempt(
                Provisioning.look_up,
                wanted,
                summary=f"ask {step.adapter} · item {item.id}",
                retry=Retry(attempts=3),
            )
        except ActivityError:
            return False
        if found.state in GONE:
            raise CannotGoOn(found.message or f"{step.adapter} says that the service is {found.state}", failed=True)
        if found.state in {RemoteState.inactive, RemoteState.active}:
            self._note_service(item.id, found)
            return True
        return False

    def change(self, item_id: str) -> None:
        """Carry an amended quantity or characteristics to what has been built already, when the process goes on."""
        for step in self._item((item_id, "")).plan.steps:
            node = (item_id, step.id)
            if self._book.steps[node].attempts:
                self._generations[node] += 1
            if step.verb is Verb.create and self._book.steps[node].state is StepState.done:
                self._changing.add(node)
                self._book.set_step(node, StepState.running)

    async def undo(self, item_id: str) -> None:
        """Undo all that was begun for an item, last first, past any undo that is refused: those are asked about."""
        stack = self.undo_stack.setdefault(item_id, [])
        while stack:
            node = stack[-1]
            await self._undo_step(node, self._book.step_of(node))
            stack.pop()

    async def _undo_step(self, node: Node, step: Step) -> None:
        item = self._item(node)
        self._book.set_step(node, StepState.undoing)
        await self._book.save()
        stuck = Stuck(
            subject=Subject.undo,
            name=f"{node[0]}:{node[1]}:undo",
            title=f"undo of {step.name} (item {item.id})",
            owner=step.owner,
            money_at_stake=item.due,
            item=node[0],
            step=node[1],
        )
        if step.undo is None:
            final = stuck.model_copy(update={"error": "past its point of no return: settle it with the partner by hand"})
            while (await self._desk.ask(final)).verb is not FalloutVerb.resolve:
                pass
        else:
            await self._perform_undo(item, step, step.undo, stuck)
        self._book.set_step(node, StepState.undone, finished_at=workflow.now())
        self._book.set_item(item.id, service=ServiceState.terminated)

    async def _perform_undo(self, item: OrderItem, step: Step, verb: Verb, stuck: Stuck) -> None:
        call = self._step_call(item, step, verb, keys.undo(self._key((item.id, step.id))))
        summary = f"undo {step.name} · item {item.id}"
        if call.adapter in LOCAL_ADAPTERS:
            await ensure_here(Provisioning.perform, call, summary=summary)
            return
        await self._desk.insist(Provisioning.perform, call, summary=summary, stuck=stuck)

    def cancel_waiting(self, item_id: str) -> None:
        """Steps that will not run any more."""
        for node, status in self._book.steps.items():
            if node[0] == item_id and status.state in {StepState.waiting, StepState.running, StepState.held}:
                self._book.set_step(node, StepState.cancelled)

    def _item(self, node: Node) -> OrderItem:
        item = self._book.order.item(node[0])
        if item is None:
            raise ValueError(f"order {self._book.order.id} has no item {node[0]}")
        return item


def _verb(step: Step) -> Verb:
    if step.verb is None:
        raise ValueError(f"step {step.id} has no verb")
    return step.verb
