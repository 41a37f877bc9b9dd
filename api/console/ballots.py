"""One approval: how far it is, who decided what, and the buttons to decide."""

from datetime import datetime

from nicegui import ui

from api.console import decisions, moments
from api.console.chip import chip
from api.console.visit import Visit
from domain.approvals import Ballot, CastDecision, Verdict
from domain.facts import ApprovalStatus

_PAST = {Verdict.approve: "approved", Verdict.reject: "rejected", Verdict.delegate: "delegated"}


def entry(visit: Visit, order: str, approval: ApprovalStatus, now: datetime) -> None:
    ballot = approval.ballot
    with ui.element("div").classes("entry"):
        with ui.element("div").classes("row-line"):
            ui.label(decisions.subject_words(approval.subject)).classes("strong")
            ui.label(ballot.requirement.reason).classes("soft")
            chip(*_standing(approval))
        _quorum(ballot)
        _asked(approval, now)
        for cast in ballot.cast:
            _cast(cast, now)
        decisions.buttons(visit, order, approval)


def _standing(approval: ApprovalStatus) -> tuple[str, str]:
    if approval.outcome is None:
        return "pending", "open"
    known = {verdict.value: past for verdict, past in _PAST.items()}
    return (approval.outcome, known[approval.outcome]) if approval.outcome in known else ("failed", approval.outcome)


def _quorum(ballot: Ballot) -> None:
    share = min(100, 100 * ballot.approvals // ballot.requirement.quorum)
    with ui.element("div").classes("row-line").style("flex-wrap:nowrap"):
        ui.label(f"{ballot.approvals} of {ballot.requirement.quorum} approved").classes("number").style("white-space:nowrap")
        with ui.element("div").classes("meter tone-good"):
            ui.element("div").style(f"width:{share}%")


def _asked(approval: ApprovalStatus, now: datetime) -> None:
    ballot = approval.ballot
    who = ", ".join(sorted(ballot.entitled)) if ballot.requirement.approvers else "anyone with the right to approve"
    with ui.element("div").classes("row-line soft small"):
        ui.label(f"asked: {who}")
        if ballot.escalated:
            ui.label(f"escalated to {ballot.requirement.escalate_to}")
        if approval.outcome is None:
            deadline = ui.label(f"rejected by itself {moments.until(approval.deadline, now)}")
            deadline.tooltip(moments.absolute(approval.deadline))


def _cast(cast: CastDecision, now: datetime) -> None:
    to = f" to {cast.to}" if cast.to else ""
    with ui.element("div").classes("row-line"):
        chip(cast.decision, f"{_PAST[cast.decision]}{to}")
        ui.label(cast.by).classes("strong")
        ui.label(moments.ago(cast.at, now)).classes("soft small").tooltip(moments.absolute(cast.at))
        if cast.reason:
            ui.label(f"“{cast.reason}”")
