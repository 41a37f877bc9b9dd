"""An order's steps as a mermaid flowchart, coloured by state."""

import re
from collections.abc import Mapping

from activities.store.views import OrderDetail
from api.console.look import tone_of, words
from domain.facts import PaymentStatus, StepStatus
from domain.plans import Node, Stage, ancestors, order_graph
from domain.states import ORDER, PaymentState, StepState, is_terminal
from domain.values import Value

MARKS = {
    StepState.waiting: "○",
    StepState.running: "▶",
    StepState.held: "!",
    StepState.done: "✓",
    StepState.skipped: "↷",
    StepState.failed: "✗",
    StepState.cancelled: "✗",
    StepState.undoing: "↩",
    StepState.undone: "↩",
}
_TITLES = {Stage.provision: "Provision", Stage.activate: "Activate"}
MOST_DRAWN = 120
"""Steps in one drawing; beyond that nobody could read it."""
LONGEST_LABEL = 40
_PLAIN = re.compile(r"[^\W_]|[ .,/·×…-]")
_AT_WORK = frozenset({StepState.waiting, StepState.running, StepState.held, StepState.undoing})
Edges = Mapping[Node, set[Node]]


class Drawing(Value):
    """`left_out` counts items that were too many to draw."""

    text: str
    left_out: int = 0


def draw(detail: OrderDetail) -> Drawing:
    """The flowchart of an accepted order: its stages one below the other, with the payment's gates between, and in each the
    steps from left to right. Every id in it is our own, and every text from outside is escaped."""
    drawn = _chosen(detail)
    ids: dict[Node, str] = {(step.item, step.step): f"n{index}" for index, step in enumerate(drawn)}
    lines = ["flowchart TB", _gate("authorize", "Authorize payment", _authorized(detail))]
    lines += _stage(Stage.provision, drawn, detail, ids)
    lines.append(_gate("capture", "Capture payment", _captured(detail)))
    lines += _stage(Stage.activate, drawn, detail, ids)
    lines.append(_spine(drawn))
    items = {step.item for step in detail.steps}
    return Drawing(text="\n".join(lines), left_out=len(items) - len({step.item for step in drawn}))


def _spine(drawn: list[StepStatus]) -> str:
    """From gate to stage to gate: a stage without steps is passed over."""
    present = {step.stage for step in drawn}
    places = ("authorize", Stage.provision, "capture", Stage.activate)
    return " --> ".join(place for place in places if place in {"authorize", "capture"} | present)


def escaped(text: str) -> str:
    """`text` for a quoted label: everything but letters, digits and harmless marks as a numbered entity."""
    shown = " ".join(text.split())
    shown = shown if len(shown) <= LONGEST_LABEL else shown[: LONGEST_LABEL - 1] + "…"
    return "".join(sign if _PLAIN.fullmatch(sign) else f"#{ord(sign)};" for sign in shown if sign.isprintable())


def _chosen(detail: OrderDetail) -> list[StepStatus]:
    """All steps; of too many, those of whole items that are at work, as far as they fit."""
    if len(detail.steps) <= MOST_DRAWN:
        return detail.steps
    at_work = {step.item for step in detail.steps if step.state in _AT_WORK}
    chosen: list[StepStatus] = []
    for item in sorted({step.item for step in detail.steps}, key=lambda item: (item not in at_work, item)):
        steps = [step for step in detail.steps if step.item == item]
        if len(chosen) + len(steps) > MOST_DRAWN:
            break
        chosen += steps
    return chosen


def _stage(stage: Stage, drawn: list[StepStatus], detail: OrderDetail, ids: Mapping[Node, str]) -> list[str]:
    steps = [step for step in drawn if step.stage == stage]
    if not steps:
        return []
    lines = [f'subgraph {stage}["{_TITLES[stage]}"]', "direction LR"]
    for number, item in enumerate(dict.fromkeys(step.item for step in steps)):
        lines += [f'subgraph {stage}{number}["{_item_label(detail, item)}"]', "direction LR"]
        lines += [_node(ids[item, step.step], step) for step in steps if step.item == item]
        lines.append("end")
    edges = _edges(detail, steps, stage)
    lines += [f"{ids[need]} --> {ids[node]}" for node in edges for need in sorted(edges[node])]
    return [*lines, "end"]


def _item_label(detail: OrderDetail, item: str) -> str:
    ordered = detail.order.item(item) if detail.order else None
    what = f"{ordered.plan.name} × {ordered.quantity}" if ordered else "removed"
    return f"Item {escaped(item)} · {escaped(what)}"


def _node(node: str, step: StepStatus) -> str:
    flag = " · no return" if step.point_of_no_return else ""
    label = f"{MARKS[step.state]} {escaped(step.name)}<br/>{words(step.state)}{flag}"
    return f'{node}["{label}"]:::tone-{tone_of(step.state)}\nclass {node} state-{step.state}'


def _gate(node: str, title: str, state: StepState) -> str:
    return f'{node}(["{MARKS[state]} {title}<br/>{words(state)}"]):::tone-{tone_of(state)}\nclass {node} state-{state}'


def _authorized(detail: OrderDetail) -> StepState:
    payment = _last(detail)
    if payment is None:
        return _untouched(detail)
    known = {
        PaymentState.authorizing: StepState.running,
        PaymentState.pending: StepState.running,
        PaymentState.held: StepState.held,
        PaymentState.declined: StepState.failed,
        PaymentState.releasing: StepState.undoing,
        PaymentState.voided: StepState.undone,
    }
    return StepState.done if payment.captured else known.get(payment.state, StepState.done)


def _captured(detail: OrderDetail) -> StepState:
    payment = _last(detail)
    if payment is None:
        return _untouched(detail)
    if payment.captured:
        given_back = payment.refunded == payment.captured
        return StepState.undone if given_back else StepState.done
    return StepState.running if payment.state is PaymentState.capturing else _untouched(detail)


def _untouched(detail: OrderDetail) -> StepState:
    """Of something that did not happen: not yet, or never."""
    if not detail.total:
        return StepState.skipped
    return StepState.cancelled if is_terminal(ORDER, detail.state) else StepState.waiting


def _last(detail: OrderDetail) -> PaymentStatus | None:
    return detail.payments[-1] if detail.payments else None


def _edges(detail: OrderDetail, steps: list[StepStatus], stage: Stage) -> Edges:
    """What each of the steps of one stage waits for there, without what follows from the rest."""
    here = {(step.item, step.step): step.needs for step in steps}
    items = [item.steps for item in detail.order.items] if detail.order else []
    planned = order_graph(items, stage)
    graph = {node: planned.get(node, {(node[0], need) for need in needs}) & here.keys() for node, needs in here.items()}
    return {node: {need for need in needs if not _implied(graph, need, needs)} for node, needs in graph.items()}


def _implied(graph: Edges, need: Node, needs: set[Node]) -> bool:
    return any(need in ancestors(graph, other) for other in needs if other != need)
