"""What is known of a running order, and the only place that tells the database and Temporal's UI about it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.contracts.attributes import JEOPARDY, NEXT_DUE, ORDER_STATE, OWNER_QUEUE, WAITING_ON
from activities.contracts.facts import NOT_WRITTEN, SETTLED, Facts
from domain import jeopardy, plans
from domain.approvals import ApprovalRequirement, Ballot
from domain.cancellation import ItemStanding
from domain.facts import (
    ApprovalStatus,
    Event,
    HandOver,
    ItemStatus,
    OrderChange,
    OrderStatus,
    PaymentStatus,
    StepStatus,
    WakeUp,
)
from domain.fallout import Fallout
from domain.jeopardy import StepForecast
from domain.orders import Action, Order
from domain.payments import PaymentResult
from domain.plans import Node, Stage, Step
from domain.provisioning import ProvisionResult
from domain.states import (
    ITEM,
    ORDER,
    PAYMENT,
    STEP,
    ItemState,
    OrderState,
    PaymentState,
    StepState,
    is_terminal,
    move,
)
from domain.values import Instant, Value
from workflows import details
from workflows.calls import ensure_here, uncancellable

SYSTEM = "turnup"
Written = TypeVar("Written", PaymentResult, ProvisionResult)
A_MOMENT = 12
"""Turns of the event loop: enough for an order's last item to end the order, which is then one write."""
MOST_ALONG = 100
"""Parts of an order that go along with a call. More are written by themselves: a call's input stays in Temporal's history."""
SETTLED_STEPS = frozenset({StepState.done, StepState.skipped})


class Settled(Exception):
    """The database already holds another end of this order: this run, a reset one, has nothing left to do."""

    def __init__(self, state: OrderState) -> None:
        super().__init__(f"the order is already {state}")
        self.state = state


class Wait(Value):
    """Something the order waits for: in whose queue, and until when. `undoing`: for what could not be undone by itself."""

    text: str
    owner: str
    deadline: Instant
    state: OrderState = OrderState.in_progress
    undoing: bool = False
    blockers: list[str] = []


@dataclass(frozen=True)
class Marked:
    """What `change` was made of. `touched` is how far it goes."""

    change: OrderChange
    parts: dict[tuple[str, object], Value]
    order: Order
    touched: int


class Book:
    """Snapshots of the order and its parts. Changing one marks it; `save` writes all that is marked in one transaction. What is
    marked stays so until it is known to be written, so that each change holds those before it.

    With `writes_along`, what is marked is written down by the call that follows, before it is made. Orders that were begun
    before that was done write it by themselves first."""

    def __init__(self, order: Order, now: datetime, *, writes_along: bool = False) -> None:
        self.order = order
        self.state = OrderState.acknowledged
        self.reason = ""
        self.items: dict[str, ItemStatus] = {}
        self.steps: dict[Node, StepStatus] = {}
        self.payments: dict[int, PaymentStatus] = {}
        self.approvals: dict[str, ApprovalStatus] = {}
        self.fallout: dict[str, Fallout] = {}
        self.waits: dict[str, Wait] = {}
        self.ending = False
        self.ended_elsewhere = False
        self._put_aside: OrderState | None = None
        self._marked: dict[tuple[str, object], Value] = {}
        self._events: list[Event] = []
        self._hand_overs: list[HandOver] = []
        self._wake_ups: list[WakeUp] = []
        self._amended = False
        self._facts: Counter[str] = Counter()
        self._shown: dict[Any, object] = {ORDER_STATE: str(OrderState.acknowledged), JEOPARDY: None}
        self._touched = 1
        self._saved = 0
        self._changes = 0
        self._writes_along = writes_along
        self._taken_along = 0
        self._writing = asyncio.Lock()
        self._saving_soon: asyncio.Task[None] | None = None
        self.outlook = jeopardy.Forecast(jeopardy=jeopardy.Jeopardy.normal, expected_completion=now)
        for item in order.items:
            self.add_item(item.id)

    def add_item(self, item_id: str) -> None:
        """Start to keep an item and its steps."""
        item = self.order.item(item_id)
        if item is None:
            raise ValueError(f"order {self.order.id} has no item {item_id}")
        self._mark("item", item_id, ItemStatus(item=item_id, state=ItemState.acknowledged))
        for step in item.plan.steps if item.action is Action.add else []:
            status = StepStatus(
                item=item_id,
                step=step.id,
                name=step.name,
                state=StepState.waiting,
                owner=step.owner,
                stage=step.stage,
                needs=list(step.needs),
                point_of_no_return=step.point_of_no_return,
            )
            self._mark("step", (item_id, step.id), status)

    def set_item(self, item_id: str, state: ItemState | None = None, **changes: Any) -> None:
        """Change an item; a new state becomes an event."""
        before = self.items[item_id]
        after = before.model_copy(update={**changes, "state": move(ITEM, before.state, state or before.state)})
        if after.state is not before.state:
            detail = f": {after.reason}" if after.reason and after.state is not ItemState.in_progress else ""
            self.note(f"item.{after.state}", f"Item {item_id} is {_words(after.state)}{detail}", about=item_id)
        self._mark("item", item_id, after)

    def set_step(self, node: Node, state: StepState, actor: str = SYSTEM, **changes: Any) -> None:
        """Move a step; the move becomes an event."""
        before = self.steps[node]
        after = before.model_copy(update={**changes, "state": move(STEP, before.state, state)})
        if after.state is not before.state:
            detail = f": {after.error}" if after.error and state in {StepState.held, StepState.failed} else ""
            text = f"{after.name} (item {after.item}) is {_words(state)}{detail}"
            self.note(f"step.{state}", text, about=f"{after.item}:{after.step}", actor=actor)
        self._mark("step", node, after)

    def set_payment(self, status: PaymentStatus) -> None:
        """Put a payment's new snapshot; a new state becomes an event."""
        before = self.payments.get(status.number)
        if before is not None:
            move(PAYMENT, before.state, status.state)
        if before is None or before.state is not status.state:
            amount = status.captured if status.state is PaymentState.captured else status.amount
            text = f"Payment {status.number} of {amount} is {_words(status.state)}"
            self.note(f"payment.{status.state}", text + (f" ({status.code})" if status.code else ""), about=status.key)
        self._mark("payment", status.number, status)

    def set_approval(self, status: ApprovalStatus) -> None:
        self._mark("approval", status.subject, status)

    def set_fallout(self, record: Fallout) -> None:
        self._mark("fallout", record.id, record)

    def set_state(self, state: OrderState, reason: str = "") -> None:
        """Move the order; the move becomes an event."""
        self._put_aside = None
        before, self.state = self.state, move(ORDER, self.state, state)
        self.reason = reason or self.reason
        self._touched += 1
        if state is not before:
            self.note(f"order.{state}", f"Order is {_words(state)}" + (f": {reason}" if reason else ""))

    def hand_over(self, service: HandOver) -> None:
        self._hand_overs.append(service)
        self._touched += 1

    def wake_at(self, key: str, due_at: datetime) -> None:
        """Ask for a `wake` with this key at a business date."""
        self._wake_ups.append(WakeUp(key=key, due_at=due_at))
        self._touched += 1

    def amend(self, order: Order) -> None:
        """The order is otherwise from now on."""
        self.order = order
        self._amended = True
        self._touched += 1

    def note(
        self, kind: str, summary: str, *, about: str = "", actor: str = SYSTEM, data: dict[str, str] | None = None
    ) -> None:
        """Add an event. Its key says what happened for the how-many-th time, so a repetition is known as one."""
        fact = f"{kind}:{about}" if about else kind
        self._facts[fact] += 1
        key = f"{fact}:{self._facts[fact]}"
        self._events.append(Event(key=key, type=kind, at=workflow.now(), actor=actor, summary=summary[:500], data=data or {}))
        self._touched += 1

    @contextmanager
    def waiting(self, subject: str, wait: Wait) -> Iterator[None]:
        """Within, the order waits for this, and says so."""
        self.waits[subject] = wait
        self._touched += 1
        try:
            yield
        finally:
            self.waits.pop(subject, None)
            self._touched += 1

    def forget_approval(self, subject: str) -> None:
        """What was approved has changed: it is asked for anew."""
        self.approvals.pop(subject, None)

    def _derive_state(self) -> None:
        """held where anything is in fallout, pending where anything blocks, in progress otherwise."""
        if self.settled or self.state is OrderState.assessing_cancellation:
            return
        if self.ending or OrderState.pending_cancellation in {self.state, self._put_aside}:
            self._hold_for_undo()
            return
        states = {wait.state for wait in self.waits.values()}
        for state in (OrderState.held, OrderState.pending):
            if state in states:
                self.set_state(state)
                return
        self.set_state(OrderState.in_progress)

    def _hold_for_undo(self) -> None:
        """An order on its way out is held only by what cannot be undone, and then goes on as before."""
        before = self._put_aside
        if not any(wait.undoing for wait in self.waits.values()):
            if before is not None:
                self.set_state(before)
        elif before is None:
            before = self.state
            self.set_state(OrderState.held)
            self._put_aside = before

    def end_as(self, state: OrderState) -> None:
        """The database holds this end, which another run wrote, or a try of this one that Temporal had again: show it."""
        self.state, self.ended_elsewhere = state, True
        self.waits.clear()
        self._show(self.status())

    @property
    def settled(self) -> bool:
        return is_terminal(ORDER, self.state)

    @property
    def open_items(self) -> list[str]:
        """Items still to be fulfilled, in the order they were asked for."""
        return [item.id for item in self.order.items if not is_terminal(ITEM, self.items[item.id].state)]

    def step_of(self, node: Node) -> Step:
        item = self.order.item(node[0])
        step = item.step(node[1]) if item else None
        if step is None:
            raise ValueError(f"order {self.order.id} has no step {node}")
        return step

    def is_done(self, node: Node) -> bool:
        return self.steps[node].state in SETTLED_STEPS

    def graph(self, stage: Stage) -> dict[Node, set[Node]]:
        """The steps of the open items in one stage, and what each waits for."""
        open_items = set(self.open_items)
        working = [item for item in self.order.items if item.id in open_items and item.action is Action.add]
        return plans.order_graph([item.steps for item in working], stage)

    def standings(self) -> list[ItemStanding]:
        """Where each item is, for a cancellation."""
        return [
            ItemStanding(
                item=item.id,
                state=self.items[item.id].state,
                due=item.due,
                captured=self.items[item.id].captured,
                point_of_no_return_at=self.items[item.id].point_of_no_return_at,
                point_of_no_return_passed=self.items[item.id].point_of_no_return_passed,
                after=item.after,
            )
            for item in self.order.items
        ]

    def approval(self, subject: str, requirement: ApprovalRequirement) -> ApprovalStatus:
        """The approval of a subject, opened where it is new; decisions may come before it is asked for."""
        if subject not in self.approvals:
            now = workflow.now()
            ballot = Ballot(requirement=requirement, placed_by=self.order.placed_by)
            deadline = now + timedelta(seconds=requirement.deadline)
            self.set_approval(ApprovalStatus(subject=subject, ballot=ballot, asked_at=now, deadline=deadline))
        return self.approvals[subject]

    async def save(self) -> None:
        """Write everything marked so far. Writers that come together share one transaction; a cancellation waits for it.

        Raises Settled where the database holds another end.
        """
        wanted = self._touched
        for _ in range(3):
            await asyncio.sleep(0)
        async with self._writing:
            if self._saved < wanted:
                await uncancellable(self._write())

    def save_soon(self) -> None:
        """Save beside what goes on, or with the next save where that comes at once."""
        self._saving_soon = asyncio.create_task(self._save_in_a_moment())

    async def _save_in_a_moment(self) -> None:
        await workflow.wait_condition(lambda: True)  # met when all that is ready has run
        for _ in range(A_MOMENT):
            await asyncio.sleep(0)
        if self._taken_along == self._touched:  # it has gone along with a call meanwhile
            return
        with contextlib.suppress(Settled):
            await self.save()

    async def look_ahead(self) -> None:
        """Forecast again, as time has passed, and save."""
        self._touched += 1
        await self.save()

    async def begin(self) -> None:
        """Write down that something begins, before it does; what begins `along` with a call is written by that."""
        if not self._writes_along:
            await self.save()

    async def along(self, call: "Callable[[OrderChange | None], Coroutine[Any, Any, Written]]") -> Written:
        """Make a call to the outside that was begun: it is given what is marked, which it writes down before anything else.
        Where another has gone with something, where it is much, or where it says that it could not write, all is written first
        and it is given nothing.

        Raises what the call does, and Settled as `save`.
        """
        if not self._writes_along:
            return await call(None)
        if self._taken_along or len(self._marked) > MOST_ALONG:
            await self.save()
        if self._saved >= self._touched:
            return await call(None)
        marked = self._take()
        self._taken_along = marked.touched
        try:
            answer = await call(marked.change)
        except ActivityError as error:
            self._refuse_other(error)
        else:
            if answer.written:
                self._written(marked)
            return answer
        finally:
            self._taken_along = 0
        await self.save()
        return await call(None)

    def _refuse_other(self, error: ActivityError) -> None:
        """Of a call that brought something: raises Settled, or the error where it is not that it was not made for want of
        writing."""
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.type == SETTLED:
            raise Settled(OrderState(cause.details[0]))
        if not (isinstance(cause, ApplicationError) and cause.type == NOT_WRITTEN):
            raise error

    async def _write(self) -> None:
        reached = self._touched
        marked = self._take()
        recorded = await ensure_here(Facts.record, marked.change, summary=_said(marked.change))
        self._written(marked)
        if not self._writes_along:  # what came of making the change counts as unwritten, and did when these orders began
            self._saved = reached
        if recorded.settled is not None and recorded.settled is not self.state:
            raise Settled(recorded.settled)

    def _written(self, marked: Marked) -> None:
        """It is known to be written, and is not marked any more where nothing has changed since."""
        self._marked = {of: value for of, value in self._marked.items() if marked.parts.get(of) is not value}
        written = marked.change
        told = {event.key for event in written.events}
        self._events = [event for event in self._events if event.key not in told]
        self._hand_overs = [each for each in self._hand_overs if each not in written.hand_overs]
        self._wake_ups = [each for each in self._wake_ups if each not in written.wake_ups]
        if marked.order is self.order:
            self._amended = False
        self._saved = max(self._saved, marked.touched)

    def _take(self) -> Marked:
        self._derive_state()
        self._look_ahead()
        status = self.status()
        self._show(status)
        self._changes += 1
        parts: dict[str, list[Any]] = {}
        for (kind, _), value in self._marked.items():
            parts.setdefault(kind, []).append(value)
        change = OrderChange(
            order=self.order.id,
            customer=self.order.customer.id,
            run=workflow.info().run_id,
            number=self._changes,
            events=list(self._events),
            status=status,
            items=parts.get("item", []),
            steps=parts.get("step", []),
            payments=parts.get("payment", []),
            approvals=parts.get("approval", []),
            fallout=parts.get("fallout", []),
            hand_overs=list(self._hand_overs),
            wake_ups=list(self._wake_ups),
            amended_to=self.order.model_dump_json() if self._amended else None,
            coupons_back=[each.key for each in self.order.coupons] if self._ends_unbilled else [],
        )
        return Marked(change, dict(self._marked), self.order, self._touched)

    @property
    def _ends_unbilled(self) -> bool:
        return self.settled and not any(item.captured for item in self.items.values())

    def status(self) -> OrderStatus:
        """The order's own row: of all waits the gravest, then the most pressing, is what it is waiting on."""
        wait = min(self.waits.values(), key=lambda wait: (_GRAVITY[wait.state], wait.deadline), default=None)
        return OrderStatus(
            state=self.state,
            waiting_on=wait.text if wait and not self.settled else None,
            owner=wait.owner if wait and not self.settled else None,
            deadline=wait.deadline if wait and not self.settled else None,
            blockers=sorted({subject for wait in self.waits.values() for subject in wait.blockers}),
            jeopardy=self.outlook.jeopardy,
            jeopardy_step=self.outlook.step if self.outlook.jeopardy is not jeopardy.Jeopardy.normal else None,
            expected_completion=self.outlook.expected_completion,
            reason=self.reason,
        )

    def _look_ahead(self) -> None:
        """Forecast the end, and the date of each point of no return still ahead."""
        now = workflow.now()
        if self.settled:
            self.outlook = self.outlook.model_copy(update={"expected_completion": now, "changes_at": None})
            return
        stages = [self.graph(Stage.provision), self.graph(Stage.activate)]
        ahead = {
            node: StepForecast(
                node=node,
                name=status.name,
                target=timedelta(seconds=self.step_of(node).target),
                started_at=status.started_at if status.state in {StepState.running, StepState.held} else None,
            )
            for node, status in self.steps.items()
            if status.state in {StepState.waiting, StepState.running, StepState.held} and self.order.item(node[0])
        }
        before = self.outlook.jeopardy
        self.outlook = jeopardy.forecast(stages, ahead, now, self.order.requested_completion)
        if self.outlook.jeopardy is not before:
            kind, step = f"jeopardy.{self.outlook.jeopardy}", self.outlook.step or "nothing more to do"
            self.note(kind, f"Jeopardy is {self.outlook.jeopardy}: {step}")
        self._date_points_of_no_return(stages, ahead, now)

    def _date_points_of_no_return(
        self, stages: list[dict[Node, set[Node]]], ahead: dict[Node, StepForecast], now: datetime
    ) -> None:
        final = [node for node in ahead if self.steps[node].point_of_no_return and self.steps[node].started_at is None]
        if not final:
            return
        starts = jeopardy.expected_starts(stages, ahead, now)
        for node in final:
            item = self.items[node[0]]
            moved = item.point_of_no_return_at is None or abs(starts[node] - item.point_of_no_return_at) > timedelta(seconds=1)
            if node in starts and moved and not item.point_of_no_return_passed:
                self._mark("item", item.item, item.model_copy(update={"point_of_no_return_at": starts[node]}))

    def _show(self, status: OrderStatus) -> None:
        """Carry what changed to Temporal's list and to the workflow's own page."""
        shown: dict[Any, object] = {
            ORDER_STATE: str(status.state),
            WAITING_ON: status.waiting_on,
            OWNER_QUEUE: status.owner,
            JEOPARDY: str(status.jeopardy) if status.jeopardy is not jeopardy.Jeopardy.normal else None,
            NEXT_DUE: status.deadline,
        }
        changed = {key: value for key, value in shown.items() if self._shown.get(key) != value}
        if changed:
            workflow.upsert_search_attributes(
                [key.value_unset() if value is None else key.value_set(value) for key, value in changed.items()]
            )
            self._shown |= changed
        workflow.set_current_details(details.page(self, status))

    def _mark(self, kind: str, identity: Any, value: Value) -> None:
        self._kept(kind)[identity] = value
        self._marked[kind, identity] = value
        self._touched += 1

    def _kept(self, kind: str) -> dict[Any, Any]:
        kept: dict[str, dict[Any, Any]] = {
            "item": self.items,
            "step": self.steps,
            "payment": self.payments,
            "approval": self.approvals,
            "fallout": self.fallout,
        }
        return kept[kind]


_GRAVITY = {OrderState.held: 0, OrderState.pending: 1, OrderState.in_progress: 2}


def _said(change: OrderChange) -> str:
    """What is written down, in an operator's words."""
    told = "; ".join(event.summary for event in change.events)
    return f"write down: {told}" if told else "write down how it stands"


def _words(state: object) -> str:
    return str(state).replace("_", " ")
