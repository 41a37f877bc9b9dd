"""What is being done about unpaid invoices: each case's steps as a timeline, done and to come, and why it waits."""

from collections.abc import Sequence
from datetime import datetime

from nicegui import ui

from activities.runtime.settings import Settings
from activities.store.dunning_views import CaseStep, DunningLine, DunningView
from api.console import moments, notices, processes
from api.console.addresses import of_invoice, of_subscription
from api.console.chip import chip
from api.console.facts import facts, link
from api.console.look import words
from api.console.table import Cell, table
from domain import keys
from domain.dunning import AtEnd, CaseState, Track

ICONS = {
    Track.charge: "credit_card",
    Track.tell: "mail",
    Track.throttle: "speed",
    Track.restrict: "block",
    Track.end: "event_busy",
}
WORDS = {Track.charge: "Charged again", Track.throttle: "Slowed down", Track.restrict: "Suspended", Track.end: "The last day"}
STATES = {
    CaseState.open: "finalized",
    CaseState.settled: "paid",
    CaseState.stopped: "cancelled",
    CaseState.exhausted: "uncollectible",
}
"""Whose look a case has that is in this state."""


def draw_cases(views: Sequence[DunningView], past: Sequence[DunningLine], now: datetime, settings: Settings) -> None:
    """Those that are open one by one, and the others as a list."""
    for view in views:
        with ui.element("div").classes("card").mark("dunning-case"):
            _draw_case(view, now, settings)
    if past:
        with ui.element("div").classes("card flush"):
            notices.card_head("Dunning that is over")
            table(("Invoice", "Outcome", "Opened", "Charges made", ">Still due"), [_past_row(each) for each in past])


def _past_row(case: DunningLine) -> tuple[Cell, ...]:
    return (
        link(case.number or case.invoice, of_invoice(case.invoice)),
        lambda: chip(STATES[case.state], words(case.state)),
        moments.day(case.opened_at),
        f"{case.attempts_used} of {case.attempts_allowed}",
        str(case.due),
    )


def draw_list(cases: Sequence[DunningLine], now: datetime) -> None:
    """Those of a customer that are open."""
    if not cases:
        return
    with ui.element("div").classes("card flush"):
        notices.card_head("Dunning")
        table(("Invoice", "Subscription", "Next", "Charges made", ">Still due"), [_row(each, now) for each in cases])


def _row(case: DunningLine, now: datetime) -> tuple[Cell, ...]:
    def following() -> None:
        ui.label(_next(case, now))
        if case.waits_for:
            ui.label(f"waits, since {case.waits_for}").classes("small soft")

    return (
        link(case.number or case.invoice, of_invoice(case.invoice)),
        link(case.subscription, of_subscription(case.subscription)),
        following,
        f"{case.attempts_used} of {case.attempts_allowed}",
        str(case.due),
    )


def _next(case: DunningLine, now: datetime) -> str:
    if case.next_step is None or case.next_at is None:
        return "nothing more"
    return (
        f"{_what(case.next_step.track, case.next_step.text)} on {moments.day(case.next_at)}, {moments.until(case.next_at, now)}"
    )


def _what(track: Track, text: str | None, at_end: AtEnd | None = None) -> str:
    if track is Track.tell:
        return f"Told: {words(text or 'nothing')}"
    return f"{WORDS[track]}: {words(at_end)}" if track is Track.end and at_end else WORDS[track]


def _draw_case(view: DunningView, now: datetime, settings: Settings) -> None:
    with ui.element("div").classes("row-line"):
        notices.heading("Dunning")
        link(view.number or view.invoice, of_invoice(view.invoice))()
        chip(STATES[view.state], words(view.state))
        ui.element("div").classes("spread")
        processes.link(settings, keys.subscription_workflow(view.subscription), "dunning")
        if view.attempts_used:
            processes.link(settings, keys.collection_workflow(view.invoice), "charges")
    if view.waits_for:
        with ui.element("div").classes("banner tone-wait"):
            ui.icon("hourglass_top").props("aria-hidden=true")
            ui.label(f"The next step waits, since {view.waits_for}.").classes("text")
    facts(
        {
            "Still due": str(view.due),
            "Due since": f"{view.due_date:%d %b %Y}",
            "Next": _next(view, now),
            "Charges left": f"{view.attempts_allowed - view.attempts_used} of {view.attempts_allowed}",
            "Declined lately": _cap(view),
            "Not tried again": f"{len(view.refused)} that were declined for good" if view.refused else "",
            "Policy": f"{view.policy}, version {view.policy_version}" if view.policy_version else f"{view.policy}, as shipped",
        }
    )
    with ui.element("div").classes("timeline"):
        coming = next((index for index, step in enumerate(view.steps) if not step.done), None)
        for index, step in enumerate(view.steps):
            _draw_step(step, view.at_end, is_next=index == coming)


def _cap(view: DunningView) -> str:
    if view.cap is None:
        return "nothing on file can be charged"
    whose = view.cap.brand or "unknown brand"
    return f"{view.cap.declined} of {view.cap.limit} in {view.cap.days} days ({whose})"


def _draw_step(step: CaseStep, at_end: AtEnd, *, is_next: bool) -> None:
    passed_over = step.summary.startswith("not charged")
    tone = "quiet" if passed_over else "good" if step.done else "wait" if is_next else "quiet"
    icon = "redo" if passed_over else "check_circle" if step.done else ICONS[step.track]
    with ui.element("div").classes(f"moment dated tone-{tone}" + ("" if step.done or is_next else " to-come")):
        ui.label(moments.day(step.at)).classes("soft small number").tooltip(moments.absolute(step.at))
        ui.icon(icon).props("aria-hidden=true")
        with ui.element("div").classes("said"):
            ui.label(moments.worded(step.summary) if step.done else _what(step.track, step.text, at_end))
            ui.label(f"day {step.day}" + (", next" if is_next else "")).classes("soft small")
