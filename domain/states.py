"""The state machines of order, item, step, payment, service and subscription, and how items roll up to their order."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar


class OrderState(StrEnum):
    """The words of TMF622."""

    draft = "draft"
    acknowledged = "acknowledged"
    rejected = "rejected"
    pending = "pending"
    held = "held"
    in_progress = "in_progress"
    assessing_cancellation = "assessing_cancellation"
    pending_cancellation = "pending_cancellation"
    cancelled = "cancelled"
    completed = "completed"
    partial = "partial"
    failed = "failed"
    superseded = "superseded"


class ItemState(StrEnum):
    acknowledged = "acknowledged"
    in_progress = "in_progress"
    held = "held"
    completed = "completed"
    failed = "failed"
    cancelled = "cancelled"


class StepState(StrEnum):
    waiting = "waiting"
    running = "running"
    held = "held"
    done = "done"
    skipped = "skipped"
    failed = "failed"
    cancelled = "cancelled"
    undoing = "undoing"
    undone = "undone"


class PaymentState(StrEnum):
    authorizing = "authorizing"
    pending = "pending"
    """The payer's bank has it under way, and the order goes on meanwhile."""
    authorized = "authorized"
    declined = "declined"
    held = "held"
    capturing = "capturing"
    captured = "captured"
    releasing = "releasing"
    voided = "voided"
    partially_refunded = "partially_refunded"
    refunded = "refunded"


class ServiceState(StrEnum):
    designed = "designed"
    reserved = "reserved"
    inactive = "inactive"
    active = "active"
    suspended = "suspended"
    terminating = "terminating"
    terminated = "terminated"


class SubscriptionState(StrEnum):
    pending = "pending"
    trialing = "trialing"
    active = "active"
    past_due = "past_due"
    paused = "paused"
    suspended = "suspended"
    cancel_scheduled = "cancel_scheduled"
    ended = "ended"


State = TypeVar("State", bound=StrEnum)
Machine = Mapping[State, frozenset[State]]


def _machine(moves: dict[State, set[State]]) -> Machine[State]:
    return {state: frozenset(targets) for state, targets in moves.items()}


O, I, T, P, V, U = OrderState, ItemState, StepState, PaymentState, ServiceState, SubscriptionState  # noqa: E741 - the tables read best short

_ORDER_ENDS = {O.cancelled, O.completed, O.partial, O.failed}
_ORDER_AT_WORK = {O.pending, O.held, O.in_progress, O.assessing_cancellation}

ORDER: Machine[OrderState] = _machine(
    {
        O.draft: {O.acknowledged, O.cancelled, O.superseded},
        O.acknowledged: {O.rejected, *_ORDER_AT_WORK, *_ORDER_ENDS},
        O.pending: {O.rejected, *_ORDER_AT_WORK, *_ORDER_ENDS},
        O.held: {O.rejected, *_ORDER_AT_WORK, O.pending_cancellation, *_ORDER_ENDS},
        O.in_progress: {O.rejected, *_ORDER_AT_WORK, *_ORDER_ENDS},
        O.assessing_cancellation: {O.pending, O.held, O.in_progress, O.pending_cancellation},
        O.pending_cancellation: {O.pending, O.held, O.in_progress, *_ORDER_ENDS},
    }
)
ITEM: Machine[ItemState] = _machine(
    {
        I.acknowledged: {I.in_progress, I.held, I.completed, I.failed, I.cancelled},
        I.in_progress: {I.held, I.completed, I.failed, I.cancelled},
        I.held: {I.in_progress, I.completed, I.failed, I.cancelled},
    }
)
STEP: Machine[StepState] = _machine(
    {
        T.waiting: {T.running, T.skipped, T.cancelled},
        T.running: {T.held, T.done, T.skipped, T.failed, T.cancelled, T.undoing, T.waiting},
        T.held: {T.running, T.done, T.skipped, T.failed, T.cancelled, T.undoing, T.waiting, T.undone},
        T.done: {T.undoing, T.running},
        T.skipped: {T.undoing},
        T.failed: {T.undoing},
        T.cancelled: {T.undoing},
        T.undoing: {T.undone, T.held},
    }
)
PAYMENT: Machine[PaymentState] = _machine(
    {
        P.authorizing: {P.pending, P.authorized, P.declined, P.held, P.releasing, P.captured},
        P.pending: {P.authorized, P.declined, P.releasing},
        P.held: {P.authorizing, P.authorized, P.declined, P.capturing, P.captured, P.releasing},
        P.authorized: {P.capturing, P.releasing},
        P.declined: {P.releasing},
        P.capturing: {P.captured, P.held, P.releasing},
        P.captured: {P.releasing, P.partially_refunded, P.refunded},
        P.partially_refunded: {P.releasing, P.refunded},
        P.releasing: {P.voided, P.refunded, P.partially_refunded, P.declined, P.held},
    }
)
SERVICE: Machine[ServiceState] = _machine(
    {
        V.designed: {V.reserved, V.inactive, V.active, V.terminated},
        V.reserved: {V.inactive, V.active, V.terminated},
        V.inactive: {V.active, V.terminating, V.terminated},
        V.active: {V.suspended, V.terminating, V.terminated},
        V.suspended: {V.active, V.terminating, V.terminated},
        V.terminating: {V.terminated, V.active},
    }
)
SUBSCRIPTION: Machine[SubscriptionState] = _machine(
    {
        U.pending: {U.trialing, U.active, U.ended},
        U.trialing: {U.active, U.past_due, U.paused, U.suspended, U.cancel_scheduled, U.ended},
        U.active: {U.past_due, U.paused, U.suspended, U.cancel_scheduled, U.ended},
        U.past_due: {U.active, U.suspended, U.cancel_scheduled, U.ended},
        U.paused: {U.active, U.cancel_scheduled, U.ended},
        U.suspended: {U.active, U.past_due, U.cancel_scheduled, U.ended},
        U.cancel_scheduled: {U.active, U.ended},
    }
)


def is_terminal(machine: Machine[State], state: State) -> bool:
    """Terminal states are final: nothing leads out of them."""
    return not machine.get(state)


def can_move(machine: Machine[State], current: State, target: State) -> bool:
    """Staying where one is always allowed; anything else is what the table says."""
    return current == target or target in machine.get(current, frozenset())


def move(machine: Machine[State], current: State, target: State) -> State:
    """`target`, where the table allows it from `current`; ValueError otherwise, which is a bug and not an input."""
    if not can_move(machine, current, target):
        raise ValueError(f"{type(current).__name__} cannot go from {current} to {target}")
    return target


def roll_up(items: Iterable[ItemState]) -> OrderState:
    """The published roll-up of settled items: all completed → completed; some → partial; none and one failed → failed;
    all cancelled → cancelled. Any unsettled item → in_progress."""
    states = list(items)
    if any(not is_terminal(ITEM, state) for state in states):
        return OrderState.in_progress
    completed = states.count(ItemState.completed)
    if completed == len(states):
        return OrderState.completed
    if completed:
        return OrderState.partial
    return OrderState.failed if ItemState.failed in states else OrderState.cancelled
