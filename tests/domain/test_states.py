"""Every move of every state machine, allowed or refused, and the published roll-up."""

from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from domain.states import (
    ITEM,
    ORDER,
    PAYMENT,
    SERVICE,
    STEP,
    SUBSCRIPTION,
    ItemState,
    OrderState,
    PaymentState,
    ServiceState,
    StepState,
    SubscriptionState,
    can_move,
    is_terminal,
    move,
    roll_up,
)

MACHINES: dict[str, tuple[Any, type[StrEnum]]] = {
    "order": (ORDER, OrderState),
    "item": (ITEM, ItemState),
    "step": (STEP, StepState),
    "payment": (PAYMENT, PaymentState),
    "service": (SERVICE, ServiceState),
    "subscription": (SUBSCRIPTION, SubscriptionState),
}
FIRST = {
    "order": "draft",
    "item": "acknowledged",
    "step": "waiting",
    "payment": "authorizing",
    "service": "designed",
    "subscription": "pending",
}
TERMINAL = {
    "order": "rejected cancelled completed partial failed superseded",
    "item": "completed failed cancelled",
    "step": "undone",
    "payment": "voided refunded",
    "service": "terminated",
    "subscription": "ended",
}
ALLOWED = {
    "order": {
        "draft": "acknowledged cancelled superseded",
        "acknowledged": "pending held in_progress assessing_cancellation rejected cancelled completed partial failed",
        "pending": "held in_progress assessing_cancellation rejected cancelled completed partial failed",
        "held": "pending in_progress assessing_cancellation pending_cancellation rejected cancelled completed partial failed",
        "in_progress": "pending held assessing_cancellation rejected cancelled completed partial failed",
        "assessing_cancellation": "pending held in_progress pending_cancellation",
        "pending_cancellation": "pending held in_progress cancelled completed partial failed",
    },
    "item": {
        "acknowledged": "in_progress held completed failed cancelled",
        "in_progress": "held completed failed cancelled",
        "held": "in_progress completed failed cancelled",
    },
    "step": {
        "waiting": "running skipped cancelled",
        "running": "waiting held done skipped failed cancelled undoing",
        "held": "waiting running done skipped failed cancelled undoing undone",
        "done": "running undoing",
        "skipped": "undoing",
        "failed": "undoing",
        "cancelled": "undoing",
        "undoing": "held undone",
    },
    "payment": {
        "authorizing": "pending authorized declined held releasing captured",
        "pending": "authorized declined releasing",
        "authorized": "capturing releasing",
        "declined": "releasing",
        "held": "authorizing authorized declined capturing captured releasing",
        "capturing": "captured held releasing",
        "captured": "releasing partially_refunded refunded",
        "releasing": "voided refunded partially_refunded declined held",
        "partially_refunded": "releasing refunded",
    },
    "service": {
        "designed": "reserved inactive active terminated",
        "reserved": "inactive active terminated",
        "inactive": "active terminating terminated",
        "active": "suspended terminating terminated",
        "suspended": "active terminating terminated",
        "terminating": "terminated active",
    },
    "subscription": {
        "pending": "trialing active ended",
        "trialing": "active past_due paused suspended cancel_scheduled ended",
        "active": "past_due paused suspended cancel_scheduled ended",
        "past_due": "active suspended cancel_scheduled ended",
        "paused": "active cancel_scheduled ended",
        "suspended": "active past_due cancel_scheduled ended",
        "cancel_scheduled": "active ended",
    },
}
EVERY_PAIR = [
    pytest.param(name, current, target, id=f"{name}-{current}-{target}")
    for name, (_, states) in MACHINES.items()
    for current, target in product(states, states)
    if current is not target
]
EVERY_STATE = [pytest.param(name, state, id=f"{name}-{state}") for name, (_, states) in MACHINES.items() for state in states]


def words(text: str) -> set[str]:
    return set(text.split())


@pytest.mark.parametrize(("name", "current", "target"), EVERY_PAIR)
def test_a_state_moves_only_where_its_table_says(name: str, current: StrEnum, target: StrEnum) -> None:
    machine, _ = MACHINES[name]

    if str(target) in words(ALLOWED[name].get(str(current), "")):
        assert move(machine, current, target) is target
    else:
        with pytest.raises(ValueError, match=f"cannot go from {current} to {target}"):
            move(machine, current, target)


@pytest.mark.parametrize(("name", "state"), EVERY_STATE)
def test_staying_where_one_is_is_no_move(name: str, state: StrEnum) -> None:
    machine, _ = MACHINES[name]

    assert move(machine, state, state) is state


@pytest.mark.parametrize("name", MACHINES)
def test_exactly_the_published_ends_are_terminal(name: str) -> None:
    machine, states = MACHINES[name]

    assert {str(state) for state in states if is_terminal(machine, state)} == words(TERMINAL[name])


@pytest.mark.parametrize("name", MACHINES)
def test_terminal_states_are_final(name: str) -> None:
    machine, states = MACHINES[name]

    left = {
        (str(end), str(target))
        for end, target in product(states, states)
        if str(end) in words(TERMINAL[name]) and end is not target and can_move(machine, end, target)
    }

    assert left == set()


def reached(machine: Any, states: type[StrEnum], start: StrEnum) -> set[StrEnum]:
    found, ahead = {start}, [start]
    while ahead:
        current = ahead.pop()
        for target in states:
            if target not in found and can_move(machine, current, target):
                found.add(target)
                ahead.append(target)
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_can_be_reached_from_the_first(name: str) -> None:
    machine, states = MACHINES[name]

    assert reached(machine, states, states(FIRST[name])) == set(states)


@pytest.mark.parametrize(("name", "state"), EVERY_STATE)
def test_no_state_is_a_dead_end(name: str, state: StrEnum) -> None:
    machine, states = MACHINES[name]

    assert {str(end) for end in reached(machine, states, state)} & words(TERMINAL[name])


ROLLED_UP: dict[frozenset[str], str] = {
    frozenset({"completed"}): "completed",
    frozenset({"completed", "failed"}): "partial",
    frozenset({"completed", "cancelled"}): "partial",
    frozenset({"completed", "failed", "cancelled"}): "partial",
    frozenset({"failed"}): "failed",
    frozenset({"failed", "cancelled"}): "failed",
    frozenset({"cancelled"}): "cancelled",
}
"""requirements.md: all items done → completed; one done and one failed or cancelled → partial; none done and one failed →
failed; all cancelled → cancelled. Which of the three ends occur decides, so these seven sets are all there is."""


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_settled_items_roll_up_as_published_whatever_their_order(count: int) -> None:
    settled = [ItemState.completed, ItemState.failed, ItemState.cancelled]

    wrong = [items for items in product(settled, repeat=count) if str(roll_up(items)) != ROLLED_UP[frozenset(map(str, items))]]

    assert wrong == []


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_an_order_with_an_unsettled_item_is_in_progress(count: int) -> None:
    unsettled = {ItemState.acknowledged, ItemState.in_progress, ItemState.held}

    wrong = [
        items
        for items in product(ItemState, repeat=count)
        if unsettled & set(items) and roll_up(items) is not OrderState.in_progress
    ]

    assert wrong == []


def test_one_failed_of_three_is_partial_and_never_completed() -> None:
    assert roll_up([ItemState.completed, ItemState.failed, ItemState.completed]) is OrderState.partial
