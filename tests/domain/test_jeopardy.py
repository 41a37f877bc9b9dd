"""Jeopardy: the critical path by hand, the flag, the step to look at, and when it gets worse."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.jeopardy import Forecast, Jeopardy, StepForecast, expected_starts, forecast
from domain.plans import Node
from tests.domain.samples import NOW

Graph = Mapping[Node, set[Node]]
GRAVITY = [Jeopardy.normal, Jeopardy.hazard, Jeopardy.critical]
SECOND = timedelta(seconds=1)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def ahead(step_id: str, target: float, started: float | None = None, item: str = "1") -> StepForecast:
    """A step of `target` minutes that began `started` minutes ago, if it has."""
    began = None if started is None else NOW - minutes(started)
    return StepForecast(node=(item, step_id), name=f"Step {step_id}", target=minutes(target), started_at=began)


def needs(**steps: str) -> dict[Node, set[Node]]:
    """Steps of item 1, each with the ids of its needs as one word."""
    return {("1", step_id): {("1", need) for need in before} for step_id, before in steps.items()}


def look(stages: Sequence[Graph], steps: Sequence[StepForecast], requested: float | None = None, at: float = 0) -> Forecast:
    now = NOW + minutes(at)
    return forecast(stages, {each.node: each for each in steps}, now, None if requested is None else NOW + minutes(requested))


def test_steps_one_after_another_add_up() -> None:
    # 30 + 15 = 45 minutes
    found = look([needs(a="", b="a")], [ahead("a", 30), ahead("b", 15)])

    assert found.expected_completion == NOW + minutes(45)


def test_of_steps_side_by_side_the_longest_decides() -> None:
    # a → c is 10 + 25 = 35, b → c is 20 + 25 = 45
    found = look([needs(a="", b="", c="ab")], [ahead("a", 10), ahead("b", 20), ahead("c", 25)])

    assert found.expected_completion == NOW + minutes(45)
    assert found.step == "item 1: Step b"


def test_a_later_stage_begins_when_the_earlier_one_ends() -> None:
    # the longer of 30 and 20, then 5
    found = look([needs(a="", b=""), needs(c="")], [ahead("a", 30), ahead("b", 20), ahead("c", 5)])

    assert found.expected_completion == NOW + minutes(35)
    assert found.step == "item 1: Step a"


def test_finished_steps_take_no_more_time() -> None:
    found = look([needs(a="", b="a", c="b")], [ahead("c", 15)])

    assert found.expected_completion == NOW + minutes(15)
    assert found.step == "item 1: Step c"


def test_a_step_at_work_has_only_the_rest_of_its_target_left() -> None:
    # 60 − 20 = 40 minutes, then 15
    found = look([needs(a="", b="a")], [ahead("a", 60, started=20), ahead("b", 15)])

    assert found.expected_completion == NOW + minutes(55)


def test_a_step_that_overran_its_target_is_expected_to_end_now() -> None:
    # began 90 minutes ago with a target of 60, then 15
    found = look([needs(a="", b="a")], [ahead("a", 60, started=90), ahead("b", 15)])

    assert found.expected_completion == NOW + minutes(15)
    assert found.step == "item 1: Step a"


def test_an_order_with_nothing_left_to_do_is_done_now() -> None:
    found = look([needs(a=""), needs(b="")], [])

    assert (found.expected_completion, found.step) == (NOW, None)


@pytest.mark.parametrize(
    ("work", "flag"),
    [
        (10, Jeopardy.normal),
        (80, Jeopardy.normal),  # slack 100 − 80 = 20, which is 20 % of the 100 minutes left: just enough
        (81, Jeopardy.hazard),  # slack 19 < 20
        (100, Jeopardy.hazard),  # just in time, without slack
        (101, Jeopardy.critical),
    ],
)
def test_less_than_a_fifth_of_slack_is_a_hazard_and_none_is_critical(work: float, flag: Jeopardy) -> None:
    found = look([needs(a="")], [ahead("a", work)], requested=100)

    assert found.jeopardy is flag
    assert found.step == "item 1: Step a"


def test_without_a_requested_date_nothing_is_in_jeopardy() -> None:
    found = look([needs(a="")], [ahead("a", 10_000)])

    assert (found.jeopardy, found.changes_at) == (Jeopardy.normal, None)


def test_a_date_that_has_passed_is_critical() -> None:
    assert look([needs(a="")], [ahead("a", 1)], requested=-1).jeopardy is Jeopardy.critical


def test_the_step_named_is_the_one_at_work_on_the_longest_way() -> None:
    # item 1: 50 − 10 left, then 30 = 70; item 2: 60
    graph: Graph = {("1", "a"): set(), ("1", "b"): {("1", "a")}, ("2", "a"): set()}
    steps = [ahead("a", 50, started=10), ahead("b", 30), ahead("a", 60, item="2")]

    assert look([graph], steps, requested=71).step == "item 1: Step a"


def test_a_normal_flag_says_when_it_becomes_a_hazard() -> None:
    # 40 minutes of work are more than 80 % of what is left once less than 50 minutes are left: after 100 − 50 = 50
    found = look([needs(a="")], [ahead("a", 40)], requested=100)

    assert found.jeopardy is Jeopardy.normal
    assert found.changes_at == NOW + minutes(50) + SECOND


def test_a_hazard_says_when_it_becomes_critical() -> None:
    # 90 minutes of work can begin 100 − 90 = 10 minutes from now at the latest
    found = look([needs(a="")], [ahead("a", 90)], requested=100)

    assert found.jeopardy is Jeopardy.hazard
    assert found.changes_at == NOW + minutes(10) + SECOND


def test_a_critical_flag_does_not_get_worse() -> None:
    assert look([needs(a="")], [ahead("a", 101)], requested=100).changes_at is None


def test_an_order_done_but_for_its_end_is_late_once_its_date_has_passed() -> None:
    found = look([needs(a="")], [], requested=100)

    assert found.jeopardy is Jeopardy.normal
    assert found.changes_at == NOW + minutes(100) + SECOND


def test_steps_are_expected_to_start_when_what_they_need_ends() -> None:
    # a ends at 30; of a and b the later end, 30, is where c begins; the second stage begins at 30 + 5
    stages = [needs(a="", b="", c="ab"), needs(d="")]
    steps = {each.node: each for each in [ahead("a", 30), ahead("b", 20), ahead("c", 5), ahead("d", 10)]}

    starts = expected_starts(stages, steps, NOW)

    assert {node[1]: start - NOW for node, start in starts.items()} == {
        "a": minutes(0),
        "b": minutes(0),
        "c": minutes(30),
        "d": minutes(35),
    }


def test_a_finished_step_is_not_expected_to_start() -> None:
    steps = {("1", "b"): ahead("b", 20)}

    assert expected_starts([needs(a="", b="a")], steps, NOW) == {("1", "b"): NOW}


@st.composite
def chains(draw: st.DrawFn, begun: bool) -> tuple[dict[Node, set[Node]], list[StepForecast]]:
    """A graph of up to six steps, each after some earlier ones; those that need nothing may have begun."""
    graph: dict[Node, set[Node]] = {}
    steps: list[StepForecast] = []
    for number in range(draw(st.integers(1, 6))):
        node = ("1", str(number))
        graph[node] = set(draw(st.lists(st.sampled_from(sorted(graph)), unique=True))) if graph else set()
        started = draw(st.none() | st.integers(0, 200)) if begun and not graph[node] else None
        steps.append(ahead(str(number), draw(st.integers(1, 60)), started))
    return graph, steps


@given(chains(begun=False), st.integers(-60, 600))
def test_where_nothing_has_begun_the_flag_is_worse_when_it_was_said_to_change(
    case: tuple[Graph, list[StepForecast]], requested: int
) -> None:
    graph, steps = case
    found = look([graph], steps, requested)

    if found.changes_at is None:
        assert found.jeopardy is Jeopardy.critical
    else:
        then = look([graph], steps, requested, at=(found.changes_at - NOW) / minutes(1))
        assert GRAVITY.index(then.jeopardy) > GRAVITY.index(found.jeopardy)


@given(chains(begun=True), st.integers(-60, 600), st.floats(0, 1))
def test_the_flag_never_gets_worse_before_it_was_said_to(
    case: tuple[Graph, list[StepForecast]], requested: int, share: float
) -> None:
    graph, steps = case
    found = look([graph], steps, requested)

    if found.changes_at is not None:
        assert found.changes_at > NOW
        between = max(timedelta(0), found.changes_at - NOW - 2 * SECOND) * share
        then = look([graph], steps, requested, at=between / minutes(1))
        assert GRAVITY.index(then.jeopardy) <= GRAVITY.index(found.jeopardy)


@given(chains(begun=True), st.integers(1, 120))
def test_waiting_never_brings_the_end_nearer(case: tuple[Graph, list[StepForecast]], later: int) -> None:
    graph, steps = case

    now, then = look([graph], steps), look([graph], steps, at=later)

    assert now.expected_completion <= then.expected_completion <= now.expected_completion + minutes(later)
