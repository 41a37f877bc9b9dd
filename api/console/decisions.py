"""Approving, rejecting and delegating: what was asked, and the buttons that answer it."""

from nicegui import ui

from api import commands
from api.console.dialog import asking, choices, reason_field
from api.console.visit import Visit
from api.context import Context
from api.requests import DecisionRequest
from domain.approvals import Verdict
from domain.errors import BadInput, TurnupError
from domain.facts import ApprovalStatus
from domain.roles import Principal, Right

_VERBS = {
    Verdict.approve: ("Approve", "thumb_up", "positive"),
    Verdict.reject: ("Reject", "thumb_down", "negative"),
    Verdict.delegate: ("Delegate", "forward", "secondary"),
}
WHOLE_ORDER = "order"


def subject_words(subject: str) -> str:
    item, _, step = subject.partition(":")
    return "The whole order" if subject == WHOLE_ORDER else f"Item {item}, step {step}"


def buttons(visit: Visit, order: str, approval: ApprovalStatus) -> None:
    """None for whoever may not approve, or when it is decided; why not, for whoever may approve others."""
    if approval.outcome is not None or not visit.may(Right.approve):
        return
    if (refusal := approval.ballot.refusal(visit.principal.name)) is not None:
        with ui.element("div").classes("row-line soft").style("flex-wrap:nowrap"):
            ui.icon("block").props("aria-hidden=true")
            ui.label(_said(refusal))
        return
    with ui.element("div").classes("row-line"):
        for verdict, (word, icon, colour) in _VERBS.items():
            button = ui.button(word, icon=icon, on_click=lambda verdict=verdict: _ask(visit, order, approval, verdict))
            button.props(f"dense color={colour} " + ("unelevated" if verdict is Verdict.approve else "outline"))
            button.classes("px-3").mark(f"{verdict}-{order}")


def _said(refusal: TurnupError) -> str:
    return refusal.message if isinstance(refusal, BadInput) else str(refusal)


def _ask(visit: Visit, order: str, approval: ApprovalStatus, verdict: Verdict) -> None:
    word = _VERBS[verdict][0]
    with asking(visit, f"{word} {order}") as dialog:
        ui.label(f"{subject_words(approval.subject)}: {approval.ballot.requirement.reason}").classes("soft")
        to = ui.input("Who decides instead").props("outlined maxlength=80") if verdict is Verdict.delegate else None
        reason = reason_field("Reason", "Kept with your name in the order’s history")

        async def do() -> bool:
            request = _request(approval.subject, verdict, reason.value or "", to.value if to else None)
            return await visit.perform(lambda who: decide(visit.console.context, who, order, request))

        choices(dialog, word, do, grave=verdict is Verdict.reject)


def _request(subject: str, verdict: Verdict, reason: str, to: str | None) -> dict[str, str | None]:
    item, _, step = ("", "", "") if subject == WHOLE_ORDER else subject.partition(":")
    return {"decision": verdict, "reason": reason, "to": (to or "").strip() or None, "item": item or None, "step": step or None}


async def decide(context: Context, principal: Principal, order: str, given: dict[str, str | None]) -> str:
    """What the order answers. Raises as the API does."""
    if given["decision"] == Verdict.delegate and not given["to"]:
        raise BadInput("to", "delegating needs who decides instead")
    answer = await commands.decide(context, principal, order, DecisionRequest.model_validate(given))
    return answer.message
