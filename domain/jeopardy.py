"""Whether an order will meet its requested date, said before it is missed."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from graphlib import TopologicalSorter

from domain.plans import Node
from domain.values import Instant, Value

MARGIN = 0.2
"""An order is in hazard when less than this share of the remaining time to its date is left over as slack."""


class Jeopardy(StrEnum):
    normal = "normal"
    hazard = "hazard"
    critical = "critical"


class StepForecast(Value):
    """A step that is not finished: its target duration, and since when it runs, if it does."""

    node: Node
    name: str
    target: timedelta
    started_at: Instant | None = None


class Forecast(Value):
    """`step` names what decides the expected completion; `changes_at` is when the flag gets worse if nothing moves."""

    jeopardy: Jeopardy
    expected_completion: Instant
    step: str | None = None
    changes_at: Instant | None = None


def forecast(
    stages: Sequence[Mapping[Node, set[Node]]],
    open_steps: Mapping[Node, StepForecast],
    now: datetime,
    requested: datetime | None,
) -> Forecast:
    """When the remaining steps will be done, by the critical path of each stage in turn over target durations.

    A step that overran its target is expected to end now. Without a requested date the flag is always normal.
    """
    moment, culprit = now, None
    for graph in stages:
        moment, last = _critical_path(graph, open_steps, moment, now)
        culprit = culprit or last
    if requested is None:
        return Forecast(jeopardy=Jeopardy.normal, expected_completion=moment, step=culprit)
    jeopardy = _flag(now, moment, requested)
    return Forecast(
        jeopardy=jeopardy,
        expected_completion=moment,
        step=culprit,
        changes_at=_next_change(jeopardy, now, moment, requested),
    )


def expected_starts(
    stages: Sequence[Mapping[Node, set[Node]]], open_steps: Mapping[Node, StepForecast], now: datetime
) -> dict[Node, datetime]:
    """When each step that has not begun is expected to, by the same reckoning as `forecast`."""
    starts: dict[Node, datetime] = {}
    begin = now
    for graph in stages:
        ends = _ends(graph, open_steps, begin, now)
        starts |= {node: max((ends[need] for need in graph[node] if need in graph), default=begin) for node in graph}
        begin = max([begin, *ends.values()])
    return {node: start for node, start in starts.items() if node in open_steps and open_steps[node].started_at is None}


def _ends(
    graph: Mapping[Node, set[Node]], open_steps: Mapping[Node, StepForecast], begin: datetime, now: datetime
) -> dict[Node, datetime]:
    """The expected end of every step of one stage, in an order in which each comes after its needs."""
    ends: dict[Node, datetime] = {}
    for node in TopologicalSorter({node: needs & graph.keys() for node, needs in graph.items()}).static_order():
        ready = max((ends[need] for need in graph[node] if need in graph), default=begin)
        ends[node] = _expected_end(open_steps.get(node), ready, now)
    return ends


def _critical_path(
    graph: Mapping[Node, set[Node]], open_steps: Mapping[Node, StepForecast], begin: datetime, now: datetime
) -> tuple[datetime, str | None]:
    ends = _ends(graph, open_steps, begin, now)
    latest = max((node for node in graph if node in open_steps), key=lambda node: (ends[node], node), default=None)
    if latest is None:
        return begin, None
    return max(begin, ends[latest]), _bottleneck(graph, open_steps, ends, latest)


def _expected_end(step: StepForecast | None, ready: datetime, now: datetime) -> datetime:
    if step is None:
        return ready
    if step.started_at is None:
        return ready + step.target
    return max(now, step.started_at + step.target)


def _bottleneck(
    graph: Mapping[Node, set[Node]], open_steps: Mapping[Node, StepForecast], ends: Mapping[Node, datetime], last: Node
) -> str:
    """The step on the critical path that is at work now, or the first to come: what an operator can do something about."""
    path = [last]
    while needs := [need for need in graph[path[-1]] if need in open_steps]:
        path.append(max(needs, key=lambda node: (ends[node], node)))
    item, _ = path[-1]
    return f"item {item}: {open_steps[path[-1]].name}"


def _flag(now: datetime, expected: datetime, requested: datetime) -> Jeopardy:
    if expected > requested:
        return Jeopardy.critical
    slack = requested - expected
    return Jeopardy.hazard if slack < MARGIN * (requested - now) else Jeopardy.normal


def _next_change(jeopardy: Jeopardy, now: datetime, expected: datetime, requested: datetime) -> datetime | None:
    """With nothing moving, the expected completion slides with the clock: slack = requested - now - work."""
    work = expected - now
    if jeopardy is Jeopardy.critical:
        return None
    if jeopardy is Jeopardy.hazard:
        return max(now, requested - work) + timedelta(seconds=1)
    return max(now, requested - work / (1 - MARGIN)) + timedelta(seconds=1)
