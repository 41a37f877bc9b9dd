"""The order's page in Temporal's UI, as Markdown: where it stands, its items, and what a person can do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.facts import OrderStatus
from domain.states import StepState

if TYPE_CHECKING:
    from workflows.book import Book

MARKS = {
    StepState.waiting: "○",
    StepState.running: "▶",
    StepState.held: "!",
    StepState.done: "✓",
    StepState.skipped: "–",
    StepState.failed: "✗",
    StepState.cancelled: "✗",
    StepState.undoing: "↩",
    StepState.undone: "↩",
}


def page(book: Book, status: OrderStatus) -> str:
    """Well below Temporal's limit of 20 KB for an order of the largest size: items beyond the fortieth are counted only."""
    order = book.order
    lines = [f"## Order {order.id} is {_words(status.state)}", f"Customer **{order.customer.id}**, total **{order.total}**"]
    if status.reason:
        lines.append(f"Reason: {_cell(status.reason)}")
    if status.waiting_on:
        lines.append(
            f"Waiting on **{_cell(status.waiting_on)}**, owner **{status.owner}**, until {status.deadline:%d %b %H:%M} UTC"
        )
    if status.jeopardy_step:
        lines.append(f"Jeopardy **{status.jeopardy}**: {_cell(status.jeopardy_step)}")
    if book.ended_elsewhere:
        return "\n\n".join([*lines, "It had ended so already; what became of its items is kept with the order, not here."])
    return "\n\n".join([*lines, _items(book), *_actions(book)])


def _items(book: Book) -> str:
    rows = ["| item | product | state | steps |", "|---|---|---|---|"]
    shown = list(book.items.values())[:40]
    for item in shown:
        ordered = book.order.item(item.item)
        what = f"{ordered.plan.name} × {ordered.quantity}" if ordered else "removed"
        if ordered and ordered.change:
            what = f"{ordered.change.subscription}: {ordered.change.words}"
        steps = ", ".join(f"{MARKS[s.state]} {_cell(s.name)}" for node, s in book.steps.items() if node[0] == item.item)
        rows.append(f"| {item.item} | {_cell(what)} | {_words(item.state)} | {steps} |")
    hidden = len(book.items) - len(shown)
    return "\n".join(rows) + (f"\n\nand {hidden} more items" if hidden else "")


def _actions(book: Book) -> list[str]:
    """What a person can send now, ready to be typed into the update dialog."""
    actions = []
    for approval in book.approvals.values():
        if approval.outcome is None and approval.subject in {"order"} | set(book.waits):
            actions.append(
                f"**Approval needed** ({_cell(approval.ballot.requirement.reason)}): {approval.ballot.approvals} of"
                f" {approval.ballot.requirement.quorum}. Send update `approve` with"
                ' `{"decision": "approve", "by": "your name", "reason": "…"}`'
            )
    for record in book.fallout.values():
        if record.verb is None:
            actions.append(
                f"**Stuck: {_cell(record.title)}** after {record.attempts} tries: {_cell(record.error)}. Send update"
                f' `resolve_fallout` with `{{"fallout": "{record.id}", "verb": "retry", "by": "your name"}}`'
            )
    return actions


def _words(state: object) -> str:
    return str(state).replace("_", " ")


def _cell(text: str) -> str:
    """Text from outside, harmless within Markdown."""
    return text.replace("|", "/").replace("`", "'").replace("<", "‹").replace("\n", " ")[:200]
