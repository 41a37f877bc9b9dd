"""How an amended order differs from the one at work."""

from collections.abc import Mapping

from domain.errors import Conflict
from domain.orders import Order
from domain.plans import ancestors
from domain.states import ITEM, ItemState, is_terminal
from domain.values import Value


class Difference(Value):
    """Item ids by what happens to them. `changed` items have another quantity or other characteristics."""

    added: list[str] = []
    removed: list[str] = []
    changed: list[str] = []
    kept: list[str] = []


def difference(before: Order, after: Order, states: Mapping[str, ItemState], past_return: Mapping[str, bool]) -> Difference:
    """What has to be done to turn `before` into `after`; Conflict where it is too late for an item."""
    removed = [item.id for item in before.items if after.item(item.id) is None]
    added = [item.id for item in after.items if before.item(item.id) is None]
    _refuse_again([item for item in added if item in states])
    changed = [
        item.id
        for item in after.items
        if (old := before.item(item.id)) is not None
        and (old.quantity, old.characteristics, old.action) != (item.quantity, item.characteristics, item.action)
    ]
    links = {item.id: set(item.after) for item in before.items}
    for item_id in [item for item, passed in past_return.items() if passed and item in links]:
        _refuse_undercut(item_id, ancestors(links, item_id) & set(removed))
    for item_id in [*removed, *changed]:
        _refuse_late(item_id, states, past_return)
    kept = [item.id for item in after.items if item.id not in {*added, *changed}]
    return Difference(added=added, removed=removed, changed=changed, kept=kept)


def _refuse_again(added: list[str]) -> None:
    """Partners know an item by its id for good: a removed one is not begun anew."""
    if added:
        raise Conflict(f"item {added[0]} was part of this order before and is settled; give what is added another id")


def _refuse_undercut(item_id: str, gone: set[str]) -> None:
    if gone:
        raise Conflict(f"item {item_id} is past its point of no return and was built on item {min(gone)}, which has to stay")


def _refuse_late(item_id: str, states: Mapping[str, ItemState], past_return: Mapping[str, bool]) -> None:
    if past_return.get(item_id):
        raise Conflict(f"item {item_id} is past its point of no return and can no longer be amended")
    state = states.get(item_id, ItemState.acknowledged)
    if is_terminal(ITEM, state):
        raise Conflict(f"item {item_id} is {state} and can no longer be amended")
