"""Cancellation: what is undone, what stays and why, and where every cent goes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.cancellation import CancellationPreview, CancelRequest, Fate, ItemStanding, assess
from domain.states import ItemState
from tests.domain.samples import eur


def standing(item: str, due: int = 1000, **changes: Any) -> ItemStanding:
    return ItemStanding.model_validate({"item": item, "state": "in_progress", "due": eur(due)} | changes)


def fates(preview: CancellationPreview) -> dict[str, str]:
    return {item.item: str(item.fate) for item in preview.items}


def reason(preview: CancellationPreview, item: str) -> str:
    return next(each.reason for each in preview.items if each.item == item)


def test_before_any_point_of_no_return_everything_is_undone() -> None:
    preview = assess("O-1", "EUR", [standing("1", 1000), standing("2", 250)])

    assert preview.possible
    assert preview.complete
    assert preview.undone == ["1", "2"]
    assert preview.released == eur(1250)  # 10.00 + 2.50, only authorized so far
    assert (preview.refunded, preview.kept) == (eur(0), eur(0))
    assert preview.message == "everything is undone"


def test_an_item_past_its_point_of_no_return_is_kept_at_its_price() -> None:
    preview = assess("O-1", "EUR", [standing("1", 1000, point_of_no_return_passed=True), standing("2", 250)])

    assert (preview.possible, preview.complete) == (True, False)
    assert fates(preview) == {"1": "kept", "2": "undone"}
    assert (preview.kept, preview.released, preview.refunded) == (eur(1000), eur(250), eur(0))
    assert "1 of 2 items are undone" in preview.message
    assert "item 1: past its point of no return" in preview.message


def test_what_was_captured_is_refunded_and_what_was_authorized_is_released() -> None:
    standings = [standing("1", 1000, captured=True), standing("2", 250), standing("3", 40, captured=True)]

    preview = assess("O-1", "EUR", standings)

    assert preview.refunded == eur(1040)  # 10.00 + 0.40
    assert preview.released == eur(250)


def test_nothing_can_be_undone_once_all_are_past_their_points_of_no_return() -> None:
    preview = assess("O-1", "EUR", [standing("1", point_of_no_return_passed=True)])

    assert (preview.possible, preview.complete) == (False, False)
    assert preview.kept == eur(1000)
    assert preview.message == "nothing can be undone any more"


def test_an_item_whose_dependant_stays_has_to_stay() -> None:
    standings = [standing("1", 1000), standing("2", 250, after=["1"], point_of_no_return_passed=True), standing("3", 40)]

    preview = assess("O-1", "EUR", standings)

    assert fates(preview) == {"1": "kept", "2": "kept", "3": "undone"}
    assert reason(preview, "1") == "item 2, which stays, depends on it"
    assert preview.kept == eur(1250)  # 10.00 + 2.50


def test_staying_is_handed_on_along_a_chain_whatever_the_order_of_items() -> None:
    chain = [standing("1"), standing("2", after=["1"]), standing("3", after=["2"], point_of_no_return_passed=True)]

    assert set(fates(assess("O-1", "EUR", chain)).values()) == {"kept"}
    assert set(fates(assess("O-1", "EUR", chain[::-1])).values()) == {"kept"}


def test_an_item_that_depends_on_one_that_stays_can_still_be_undone() -> None:
    standings = [standing("1", point_of_no_return_passed=True), standing("2", after=["1"])]

    assert fates(assess("O-1", "EUR", standings)) == {"1": "kept", "2": "undone"}


@pytest.mark.parametrize("state", [ItemState.completed, ItemState.failed, ItemState.cancelled])
def test_an_item_that_is_finished_is_settled(state: ItemState) -> None:
    preview = assess("O-1", "EUR", [standing("1", state=state), standing("2")])

    assert fates(preview) == {"1": "settled", "2": "undone"}
    assert reason(preview, "1") == state


def test_an_order_that_is_settled_altogether_cannot_be_cancelled() -> None:
    assert not assess("O-1", "EUR", [standing("1", state="cancelled"), standing("2", state="failed")]).possible


def test_only_the_items_asked_for_are_undone() -> None:
    preview = assess("O-1", "EUR", [standing("1", 1000), standing("2", 250), standing("3", 40)], ["2"])

    assert preview.undone == ["2"]
    assert (preview.released, preview.kept) == (eur(250), eur(1040))
    assert reason(preview, "1") == "not asked for"


def test_an_item_asked_for_stays_where_a_dependant_was_not_asked_for() -> None:
    preview = assess("O-1", "EUR", [standing("1"), standing("2", after=["1"])], ["1"])

    assert not preview.possible
    assert reason(preview, "1") == "item 2, which stays, depends on it"


@pytest.mark.parametrize("state", [ItemState.failed, ItemState.cancelled])
def test_a_dependant_that_was_given_up_keeps_nothing(state: ItemState) -> None:
    given_up = standing("2", after=["1"], state=state, point_of_no_return_passed=True)

    assert fates(assess("O-1", "EUR", [standing("1"), given_up])) == {"1": "undone", "2": "settled"}
    assert fates(assess("O-1", "EUR", [standing("1"), given_up], ["1"])) == {"1": "undone", "2": "settled"}


def test_the_reason_past_the_point_of_no_return_outweighs_not_being_asked_for() -> None:
    preview = assess("O-1", "EUR", [standing("1", point_of_no_return_passed=True), standing("2")], ["2"])

    assert reason(preview, "1") == "past its point of no return"


def test_a_request_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="accept_partail"):
        CancelRequest.model_validate({"accept_partail": True})


@st.composite
def circumstances(draw: st.DrawFn) -> tuple[list[ItemStanding], list[str]]:
    """Up to six items, each after some earlier ones, in any state; and the items a request names, or none."""
    standings: list[ItemStanding] = []
    for number in range(draw(st.integers(1, 6))):
        earlier = [each.item for each in standings]
        standings.append(
            standing(
                str(number),
                draw(st.integers(0, 10**6)),
                state=draw(st.sampled_from(ItemState)),
                captured=draw(st.booleans()),
                point_of_no_return_passed=draw(st.booleans()),
                after=draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else [],
            )
        )
    asked = draw(st.lists(st.sampled_from([each.item for each in standings]), unique=True))
    return draw(st.permutations(standings)), asked


@given(circumstances())
def test_every_cent_is_undone_kept_or_settled(given_case: tuple[list[ItemStanding], list[str]]) -> None:
    standings, asked = given_case
    preview = assess("O-1", "EUR", standings, asked)

    by_fate = {fate: sum(item.amount.minor for item in preview.items if item.fate is fate) for fate in Fate}

    assert sum(by_fate.values()) == sum(each.due.minor for each in standings)
    assert preview.refunded.minor + preview.released.minor == by_fate[Fate.undone]
    live = sum(each.due.minor for each in standings if each.state == "completed")
    assert preview.kept.minor == by_fate[Fate.kept] + live


@given(circumstances())
def test_an_item_is_settled_exactly_when_it_is_finished(given_case: tuple[list[ItemStanding], list[str]]) -> None:
    standings, asked = given_case
    finished = {each.item for each in standings if each.state in {"completed", "failed", "cancelled"}}

    found = fates(assess("O-1", "EUR", standings, asked))

    assert {item for item, fate in found.items() if fate == "settled"} == finished


@given(circumstances())
def test_nothing_is_undone_that_may_not_be(given_case: tuple[list[ItemStanding], list[str]]) -> None:
    standings, asked = given_case
    found = fates(assess("O-1", "EUR", standings, asked))

    for each in standings:
        if found[each.item] == "undone":
            assert not each.point_of_no_return_passed
            assert not asked or each.item in asked
        if found[each.item] == "kept":
            assert all(found[need] != "undone" for need in each.after)


@given(circumstances())
def test_nothing_is_kept_without_a_cause(given_case: tuple[list[ItemStanding], list[str]]) -> None:
    standings, asked = given_case
    found = fates(assess("O-1", "EUR", standings, asked))
    needed = {need for each in standings if found[each.item] == "kept" or each.state == "completed" for need in each.after}

    for each in standings:
        if found[each.item] == "kept":
            left_out = bool(asked) and each.item not in asked
            assert each.point_of_no_return_passed or left_out or each.item in needed


@given(circumstances())
def test_it_is_possible_when_something_is_undone_and_never_complete_when_something_is_kept(
    given_case: tuple[list[ItemStanding], list[str]],
) -> None:
    standings, asked = given_case
    preview = assess("O-1", "EUR", standings, asked)
    found = set(fates(preview).values())

    assert preview.possible is ("undone" in found)
    assert not (preview.complete and "kept" in found)
