"""Plans: what can never run is refused with words, and what cannot be undone comes last."""

from collections.abc import Mapping
from datetime import timedelta
from graphlib import TopologicalSorter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.plans import ItemSteps, Node, Stage, Step, ancestors, check_plan, order_graph
from tests.domain.samples import plan, step


def test_a_plan_that_can_run_is_accepted() -> None:
    steps = [step("a"), step("b", needs=["a"]), step("c", needs=["a", "b"], stage="activate")]

    assert [each.id for each in plan("crm-team", "crm", steps).steps] == ["a", "b", "c"]


def test_a_plan_with_a_cycle_cannot_be_made() -> None:
    with pytest.raises(ValidationError, match="cycle"):
        plan("crm-team", "crm", [step("a", needs=["b"]), step("b", needs=["a"])])


def test_a_cycle_is_shown_step_by_step_and_without_those_outside_it() -> None:
    needs = {"start": [], "a": ["start", "c"], "b": ["a"], "c": ["b"], "end": ["c"]}

    with pytest.raises(ValueError, match="the steps form a cycle: ") as refused:
        check_plan([step(name, needs=needed) for name, needed in needs.items()])

    shown = str(refused.value).removeprefix("the steps form a cycle: ").split(" → ")
    assert shown[0] == shown[-1]
    assert sorted(shown[1:]) == ["a", "b", "c"]
    assert all(earlier in needs[later] for earlier, later in pairwise(shown))


def test_a_step_that_needs_itself_is_a_cycle() -> None:
    with pytest.raises(ValueError, match="cycle: a → a"):
        check_plan([step("a", needs=["a"])])


def test_an_unknown_need_names_the_step_and_the_need() -> None:
    with pytest.raises(ValueError, match="step 'b' needs 'x', which is not a step"):
        check_plan([step("a"), step("b", needs=["a", "x"])])


def test_a_step_that_appears_twice_is_named() -> None:
    with pytest.raises(ValueError, match="step 'b' appears twice"):
        check_plan([step("a"), step("b"), step("b", needs=["a"])])


def test_a_step_before_the_capture_cannot_need_one_after_it() -> None:
    with pytest.raises(ValueError, match="step 'b' runs before the capture but needs 'a'"):
        check_plan([step("a", stage="activate"), step("b", needs=["a"])])


@pytest.mark.parametrize(
    ("incomplete", "missing"),
    [
        ({"adapter": None}, "adapter and a verb"),
        ({"verb": None}, "adapter and a verb"),
        ({"kind": "wait_partner", "adapter": None}, "adapter whose callback"),
        ({"kind": "wait_until"}, "date_from"),
        ({"point_of_no_return": True, "undo": "terminate"}, "point of no return cannot have an undo"),
        ({"target": 0}, "target"),
        ({"needs": ["not a name"]}, "needs"),
        ({"id": ""}, "id"),
        ({"verb": "export"}, "no step of a plan"),
    ],
)
def test_a_step_that_could_not_be_carried_out_says_what_is_missing(incomplete: dict[str, object], missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        step("a", **incomplete)


@pytest.mark.parametrize(
    ("given_step", "patience"),
    [
        (step("a"), timedelta(seconds=30)),
        (step("a", timeout=5), timedelta(seconds=5)),
        (step("a", kind="manual"), timedelta(days=3)),
        (step("a", kind="wait_partner", timeout=3600), timedelta(hours=1)),
    ],
)
def test_a_call_has_half_a_minute_and_a_wait_three_days_unless_the_step_says_otherwise(
    given_step: Step, patience: timedelta
) -> None:
    assert given_step.patience == patience


def test_a_step_waits_for_its_own_needs_within_the_stage() -> None:
    item = ItemSteps(item="1", steps=[step("a"), step("b", needs=["a"]), step("c", needs=["a", "b"], stage="activate")])

    assert order_graph([item], Stage.provision) == {("1", "a"): set(), ("1", "b"): {("1", "a")}}
    assert order_graph([item], Stage.activate) == {("1", "c"): set()}


def test_an_item_waits_for_every_step_of_the_items_it_comes_after() -> None:
    first = ItemSteps(item="1", steps=[step("a"), step("b")])
    second = ItemSteps(item="2", steps=[step("c"), step("d", needs=["c"])], after=["1"])

    graph = order_graph([first, second], Stage.provision)

    assert graph["2", "c"] == {("1", "a"), ("1", "b")}
    assert graph["2", "d"] == {("1", "a"), ("1", "b"), ("2", "c")}


def test_an_item_that_is_no_longer_at_work_is_not_waited_for() -> None:
    second = ItemSteps(item="2", steps=[step("c")], after=["1"])

    assert order_graph([second], Stage.provision) == {("2", "c"): set()}


def test_independent_items_run_side_by_side() -> None:
    items = [ItemSteps(item=name, steps=[step("a")]) for name in ("1", "2")]

    assert order_graph(items, Stage.provision) == {("1", "a"): set(), ("2", "a"): set()}


def test_a_point_of_no_return_waits_for_what_can_be_undone_in_any_item() -> None:
    dig = ItemSteps(item="1", steps=[step("dig", point_of_no_return=True)])
    account = ItemSteps(item="2", steps=[step("account"), step("grant", needs=["account"])])

    graph = order_graph([dig, account], Stage.provision)

    assert graph["1", "dig"] == {("2", "account"), ("2", "grant")}


def test_what_follows_a_point_of_no_return_is_not_waited_for_by_another() -> None:
    fibre = ItemSteps(item="1", steps=[step("dig", point_of_no_return=True), step("test", needs=["dig"])])
    cable = ItemSteps(item="2", steps=[step("lay", point_of_no_return=True)])

    graph = order_graph([fibre, cable], Stage.provision)

    assert graph["2", "lay"] == set()
    assert graph["1", "dig"] == set()


def test_two_points_of_no_return_each_after_a_reversible_step_of_the_other_item_form_no_cycle() -> None:
    first = ItemSteps(item="1", steps=[step("a"), step("dig", needs=["a"], point_of_no_return=True), step("b", needs=["dig"])])
    second = ItemSteps(item="2", steps=[step("c"), step("lay", needs=["c"], point_of_no_return=True), step("d", needs=["lay"])])

    graph = order_graph([first, second], Stage.provision)

    assert graph["1", "dig"] == {("1", "a"), ("2", "c")}
    assert graph["2", "lay"] == {("1", "a"), ("2", "c")}


def test_ancestors_are_needs_and_the_needs_of_needs() -> None:
    graph: dict[Node, set[Node]] = {
        ("1", "a"): set(),
        ("1", "b"): {("1", "a")},
        ("1", "c"): {("1", "b")},
        ("2", "a"): {("1", "c")},
    }

    assert ancestors(graph, ("1", "c")) == {("1", "a"), ("1", "b")}
    assert ancestors(graph, ("1", "a")) == set()


@st.composite
def orders(draw: st.DrawFn) -> list[ItemSteps]:
    """Up to four items whose steps and items depend on earlier ones only, listed in any order."""
    items: list[ItemSteps] = []
    for number in range(draw(st.integers(1, 4))):
        steps: list[Step] = []
        for place in range(draw(st.integers(1, 5))):
            needs = draw(st.lists(st.sampled_from(steps), unique_by=lambda each: each.id, max_size=3)) if steps else []
            late = any(need.stage is Stage.activate for need in needs) or draw(st.booleans())
            steps.append(
                step(
                    f"s{place}",
                    needs=[need.id for need in needs],
                    stage=Stage.activate if late else Stage.provision,
                    point_of_no_return=draw(st.booleans()),
                )
            )
        after = draw(st.lists(st.sampled_from(items), unique_by=lambda each: each.item, max_size=3)) if items else []
        items.append(
            ItemSteps(item=str(number), steps=draw(st.permutations(steps)), after=sorted(other.item for other in after))
        )
    return draw(st.permutations(items))


def comes_before(graph: Mapping[Node, set[Node]], node: Node) -> set[Node]:
    direct = graph[node]
    return direct.union(*(comes_before(graph, need) for need in direct))


def items_before(items: list[ItemSteps]) -> dict[str, set[str]]:
    """For each item those it comes after, directly or through others."""
    direct = {(item.item, ""): {(other, "") for other in item.after} for item in items}
    return {item.item: {name for name, _ in comes_before(direct, (item.item, ""))} for item in items}


def nodes(items: list[ItemSteps], stage: Stage) -> dict[Node, Step]:
    return {(item.item, each.id): each for item in items for each in item.steps if each.stage is stage}


@given(orders(), st.sampled_from(Stage))
def test_the_graph_of_any_order_has_every_step_of_its_stage_and_no_cycle(items: list[ItemSteps], stage: Stage) -> None:
    graph = order_graph(items, stage)

    assert set(TopologicalSorter(graph).static_order()) == set(nodes(items, stage))


@given(orders(), st.sampled_from(Stage))
def test_no_step_of_any_order_begins_before_what_it_needs(items: list[ItemSteps], stage: Stage) -> None:
    graph, steps = order_graph(items, stage), nodes(items, stage)

    for item in items:
        own = {(item.item, each.id): each for each in item.steps if each.stage is stage}
        others = {node for node in steps if node[0] in item.after}
        for node, each in own.items():
            assert {(item.item, need) for need in each.needs} & set(steps) <= graph[node]
            assert others <= graph[node]


@given(orders(), st.sampled_from(Stage))
def test_all_that_can_be_undone_is_done_before_any_point_of_no_return_unless_one_leads_to_it(
    items: list[ItemSteps], stage: Stage
) -> None:
    graph, steps = order_graph(items, stage), nodes(items, stage)
    final = {node for node, each in steps.items() if each.point_of_no_return}
    before = {node: comes_before(graph, node) for node in graph}

    for reversible in set(steps) - final:
        follows_one = bool(before[reversible] & final)
        assert follows_one or all(reversible in before[node] for node in final)


@given(orders(), st.sampled_from(Stage))
def test_a_step_waits_for_nothing_it_was_not_told_to_except_at_a_point_of_no_return(
    items: list[ItemSteps], stage: Stage
) -> None:
    graph, steps, earlier = order_graph(items, stage), nodes(items, stage), items_before(items)

    for item in items:
        for each in item.steps:
            if each.stage is stage and not each.point_of_no_return:
                told = {(item.item, need) for need in each.needs} | {node for node in steps if node[0] in earlier[item.item]}
                assert graph[item.item, each.id] <= told
