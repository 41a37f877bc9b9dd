"""Invariants of progress: no order is lost, none stands still unseen, and what is said of one is said in order."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from domain.invariants.facts import Facts, Found, OrderFacts
from domain.states import ORDER, OrderState, is_terminal

SKEW = timedelta(seconds=5)
"""By how much the clocks of two machines may differ."""

MOST_ATTEMPTS = 10
"""Tries after which a message that is tried again and again is overdue, although it is never due for long."""


def order_moves(facts: Facts) -> Iterator[Found]:
    for order in facts.orders:
        if is_terminal(ORDER, order.state) or order.state in {OrderState.draft, OrderState.acknowledged} or _waits(order):
            continue
        silent = facts.now - order.changed_at
        if silent > facts.grace:
            said = f"{order.state}, waiting on {order.waiting_on or 'nothing'}, silent for {int(silent.total_seconds())} s"
            yield Found(order.id, order.id, "an end, or a wait with an owner and a deadline", said)


def _waits(order: OrderFacts) -> bool:
    return order.waiting_on is not None and order.owner is not None and order.deadline is not None


def order_starts(facts: Facts) -> Iterator[Found]:
    for order in facts.orders:
        due = max(order.placed_at, order.starts_at or order.placed_at, order.changed_at)
        if order.state is OrderState.acknowledged and facts.now - due > facts.grace:
            yield Found(order.id, order.id, "a process at work", f"acknowledged since {due:%Y-%m-%d %H:%M:%S} UTC")


def order_exists(facts: Facts) -> Iterator[Found]:
    known = {order.id for order in facts.orders}
    for promise in facts.promises:
        if promise.order not in known:
            yield Found(promise.order, promise.order, f"the order that key {promise.key} was promised", "no such order")


def one_order_per_key(facts: Facts) -> Iterator[Found]:
    made: dict[str, set[str]] = defaultdict(set)
    keys: dict[str, set[str]] = defaultdict(set)
    for promise in facts.promises:
        made[promise.key].add(promise.order)
        keys[promise.order].add(promise.key)
    for key, orders in made.items():
        if len(orders) > 1:
            yield Found(key, min(orders), "one order, however often it is asked for", ", ".join(sorted(orders)))
    for order, named in keys.items():
        if len(named) > 1:
            yield Found(order, order, "an order of one key", ", ".join(sorted(named)))


def events_are_gapless(facts: Facts) -> Iterator[Found]:
    for order in facts.orders:
        numbers = [event.seq for event in order.events]
        if numbers != list(range(1, order.event_count + 1)):
            yield Found(order.id, order.id, f"events 1 to {order.event_count}", f"{_odd(numbers, order.event_count)}")
        for before, after in zip(order.events, order.events[1:], strict=False):
            if before.at - after.at > SKEW:
                yield Found(f"{order.id}:{after.seq}", order.id, f"not before {before.at}", str(after.at))


def _odd(numbers: list[int], count: int) -> str:
    missing = sorted(set(range(1, count + 1)) - set(numbers))
    more = sorted(set(numbers) - set(range(1, count + 1)))
    return f"missing {missing[:10]}, beyond {more[:10]}"


def queue_is_current(facts: Facts) -> Iterator[Found]:
    for queued in facts.queued:
        late = facts.now - queued.due_at
        if late > facts.grace or queued.attempts >= MOST_ATTEMPTS:
            said = f"due for {int(late.total_seconds())} s, tried {queued.attempts} times"
            yield Found(queued.key, queued.order, "told to Temporal when it is due", said)
