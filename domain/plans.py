"""A fulfilment plan: the steps that turn an order item into a live service, as a graph of data."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Self, TypeVar

from pydantic import Field, model_validator

from domain.provisioning import Verb
from domain.values import StrictValue, as_utc

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$", examples=["crm-team"])]
Seconds = Annotated[int, Field(ge=1, le=90 * 86400)]


class StepKind(StrEnum):
    adapter = "adapter"
    """One call to a provisioning adapter."""
    manual = "manual"
    """A person does it and marks it done with evidence."""
    approval = "approval"
    wait_partner = "wait_partner"
    """Wait for the partner's callback about this item; a silent partner is polled."""
    wait_until = "wait_until"
    """Wait until the date that the item's characteristic named by `date_from` holds."""


class Stage(StrEnum):
    provision = "provision"
    """Before the money is captured."""
    activate = "activate"
    """After the money is captured: what gives the customer access."""


class OnFailure(StrEnum):
    fallout = "fallout"
    """An operator decides, until the deadline."""
    compensate = "compensate"
    """The item fails at once and is undone."""


class Retry(StrictValue):
    """Retries of one call before it counts as stuck; the wait doubles from `first_wait` up to `longest_wait` seconds."""

    attempts: Annotated[int, Field(ge=1, le=1000)] = 6
    first_wait: Seconds = 1
    longest_wait: Seconds = 60


UNPLANNED = frozenset({Verb.throttle, Verb.unthrottle, Verb.export})


class Step(StrictValue):
    """One step of a plan. `target` is how long it should take in seconds; `timeout` bounds one call or the whole wait."""

    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=80)]
    kind: StepKind = StepKind.adapter
    adapter: Identifier | None = None
    verb: Verb | None = None
    undo: Verb | None = None
    needs: list[Identifier] = []
    stage: Stage = Stage.provision
    owner: Identifier = "operations"
    target: Seconds = 60
    timeout: Seconds | None = None
    poll_every: Seconds = 900
    retry: Retry = Retry()
    point_of_no_return: bool = False
    on_failure: OnFailure = OnFailure.fallout
    date_from: Identifier | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind is StepKind.adapter and (self.adapter is None or self.verb is None):
            raise ValueError("a step of kind 'adapter' needs an adapter and a verb")
        if self.verb in UNPLANNED or self.undo in UNPLANNED:
            raise ValueError("throttle, unthrottle and export are for services that run or have ended, and no step of a plan")
        if self.kind is StepKind.wait_partner and self.adapter is None:
            raise ValueError("a step of kind 'wait_partner' needs the adapter whose callback it waits for")
        if self.kind is StepKind.wait_until and self.date_from is None:
            raise ValueError("a step of kind 'wait_until' needs date_from, the characteristic that holds the date")
        if self.point_of_no_return and self.undo is not None:
            raise ValueError("a point of no return cannot have an undo")
        return self

    @property
    def patience(self) -> timedelta:
        """How long one call (default 30 s) or one wait for a person or partner (default 3 days) may last."""
        default = 30 if self.kind is StepKind.adapter else 3 * 86400
        return timedelta(seconds=self.timeout or default)


def date_of(step: Step, characteristics: Mapping[str, str]) -> datetime:
    """The date that a step of kind `wait_until` waits for, in UTC. ValueError where the item does not give one."""
    given = characteristics.get(step.date_from or "")
    if given is None:
        raise ValueError(f"{step.name!r} waits until this date: give one, for example 2026-12-01T09:00:00Z")
    return as_utc(datetime.fromisoformat(given))


def check_plan(steps: list[Step]) -> None:
    """Refuse what could never run: ValueError that names the step."""
    known = {step.id for step in steps}
    if len(known) < len(steps):
        doubled = next(step.id for index, step in enumerate(steps) if step.id in {s.id for s in steps[:index]})
        raise ValueError(f"step {doubled!r} appears twice; step ids are unique within a plan")
    stages = {step.id: step.stage for step in steps}
    for step in steps:
        for need in step.needs:
            if need not in known:
                raise ValueError(f"step {step.id!r} needs {need!r}, which is not a step of this plan")
            if step.stage is Stage.provision and stages[need] is Stage.activate:
                raise ValueError(f"step {step.id!r} runs before the capture but needs {need!r}, which runs after it")
    refuse_cycle({step.id: set(step.needs) for step in steps}, "steps")


def refuse_cycle(graph: Mapping[str, set[str]], what: str) -> None:
    """ValueError that shows the cycle, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise ValueError(f"the {what} form a cycle: {' → '.join(error.args[1])}") from None


Node = tuple[str, str]
"""(item id, step id)."""

Key = TypeVar("Key")


class ItemSteps(StrictValue):
    """The steps of one item, and the items that must come before it."""

    item: str
    steps: list[Step]
    after: list[str] = []


def order_graph(items: Iterable[ItemSteps], stage: Stage) -> dict[Node, set[Node]]:
    """What each step of a whole order waits for in one stage.

    A step waits for its own needs and for all of each item its item comes after. A point of no return also waits for every
    step, of any item, that no point of no return leads to: what can still be undone is done first.
    """
    items = list(items)
    everything = {item.item: [step for step in item.steps if step.stage is stage] for item in items}
    direct = {item.item: set(item.after) for item in items}
    after = {item: ancestors(direct, item) for item in direct}
    graph: dict[Node, set[Node]] = {}
    for item, steps in everything.items():
        inside = {step.id for step in steps}
        before = {(other, step.id) for other in after[item] if other in everything for step in everything[other]}
        for step in steps:
            graph[item, step.id] = before | {(item, need) for need in step.needs if need in inside}
    final = {(item, step.id) for item, steps in everything.items() for step in steps if step.point_of_no_return}
    reversible = {node for node in graph if node not in final and not (ancestors(graph, node) & final)}
    for node in final:
        graph[node] = graph[node] | (reversible - {node})
    return graph


def ancestors(graph: Mapping[Key, set[Key]], node: Key) -> set[Key]:
    """Everything that must come before `node`."""
    found: set[Key] = set()
    ahead = list(graph.get(node, ()))
    while ahead:
        current = ahead.pop()
        if current not in found:
            found.add(current)
            ahead.extend(graph.get(current, ()))
    return found
