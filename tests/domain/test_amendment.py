"""Amendments: what differs between two orders, and what it is too late for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.amendment import Difference, difference
from domain.entry import freeze
from domain.errors import Conflict
from domain.orders import Order
from domain.states import ItemState
from tests.domain.samples import item, order, placing, request


def fibre(item_id: str, **changes: Any) -> dict[str, Any]:
    return item(item_id, "fibre", "fibre-100", **changes)


def test_each_item_is_added_removed_changed_or_kept() -> None:
    before = order(item("1"), fibre("2"), fibre("3", quantity=1))
    after = order(item("1"), fibre("3", quantity=2), fibre("4"))

    assert difference(before, after, {}, {}) == Difference(added=["4"], removed=["2"], changed=["3"], kept=["1"])


def test_an_order_does_not_differ_from_itself() -> None:
    same = order(item("1"), fibre("2"))

    assert difference(same, same, {}, {}) == Difference(kept=["1", "2"])


@pytest.mark.parametrize("change", [{"quantity": 2}, {"characteristics": {"address": "Hafen 1"}}, {"action": "no_change"}])
def test_another_quantity_characteristic_or_action_is_a_change(change: dict[str, Any]) -> None:
    before, after = order(item("1"), active=["crm"]), order(item("1", **change), active=["crm"])

    assert difference(before, after, {}, {}).changed == ["1"]


@pytest.mark.parametrize("after", [[item("1", quantity=2), fibre("2")], [fibre("2")]])
def test_an_item_past_its_point_of_no_return_is_neither_changed_nor_removed(after: list[dict[str, Any]]) -> None:
    with pytest.raises(Conflict, match="item 1 is past its point of no return"):
        difference(order(item("1"), fibre("2")), order(*after), {}, {"1": True})


@pytest.mark.parametrize("state", [ItemState.completed, ItemState.failed, ItemState.cancelled])
def test_an_item_that_is_finished_is_not_changed_any_more(state: ItemState) -> None:
    with pytest.raises(Conflict, match=f"item 1 is {state}"):
        difference(order(item("1")), order(item("1", quantity=2)), {"1": state}, {})


@pytest.mark.parametrize("state", [ItemState.acknowledged, ItemState.in_progress, ItemState.held])
def test_an_item_at_work_may_be_changed(state: ItemState) -> None:
    assert difference(order(item("1")), order(item("1", quantity=2)), {"1": state}, {"1": False}).changed == ["1"]


def test_an_item_that_cannot_be_changed_may_be_kept_while_others_change() -> None:
    before, after = order(item("1"), fibre("2")), order(item("1"), fibre("2", quantity=2))

    found = difference(before, after, {"1": ItemState.completed}, {"1": True})

    assert (found.kept, found.changed) == (["1"], ["2"])


def quantities(given_quantities: dict[str, int]) -> Order:
    return freeze(request(*(fibre(name, quantity=count) for name, count in given_quantities.items())), placing())


QUANTITIES = st.dictionaries(st.sampled_from("12345"), st.integers(1, 2), min_size=1)


@given(QUANTITIES, QUANTITIES)
def test_a_difference_accounts_for_every_item_once(before: dict[str, int], after: dict[str, int]) -> None:
    found = difference(quantities(before), quantities(after), {}, {})

    assert sorted(found.removed + found.changed + found.kept) == sorted(before)
    assert sorted(found.added + found.changed + found.kept) == sorted(after)
    assert all(before[name] == after[name] for name in found.kept)
    assert all(before[name] != after[name] for name in found.changed)


def test_an_item_that_was_removed_does_not_come_back_under_its_id() -> None:
    with pytest.raises(Conflict, match="item 2 was part of this order before"):
        difference(order(item("1")), order(item("1"), fibre("2")), {"2": ItemState.cancelled}, {})
