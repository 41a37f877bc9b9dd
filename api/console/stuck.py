"""Something stuck, and what an operator may decide about it."""

from datetime import datetime

from nicegui import ui

from api import commands
from api.console import moments
from api.console.addresses import DISPUTES, of_order
from api.console.chip import chip
from api.console.dialog import asking, choices, reason_field
from api.console.visit import Visit
from api.context import Context
from api.requests import FalloutAnswer
from domain.errors import BadInput
from domain.fallout import OFFERED, Fallout, FalloutVerb, Subject
from domain.orders import Order
from domain.roles import Principal, Right

_CORRECTED = "Retry with corrected data"
_WORDS = {
    FalloutVerb.retry: ("Retry", "replay", "try it again as it was"),
    FalloutVerb.resolve: ("Mark done", "task_alt", "it was done by hand: say what shows it"),
    FalloutVerb.skip: ("Skip", "redo", "go on without it"),
    FalloutVerb.compensate: ("Give up and undo", "undo", "undo the item, or the order where it is about its payment"),
}


def anchor(record: Fallout) -> str:
    """Where a record stands on its order's page."""
    return "fallout-" + "".join(sign if sign.isalnum() else "-" for sign in record.id)


def entry(
    visit: Visit, order: str | None, record: Fallout, document: Order | None, now: datetime, *, linked: bool = False
) -> None:
    """The record with its buttons. `linked` names the order it belongs to; `document` has the data that can be corrected."""
    with ui.element("div").classes("entry").props(f"id={anchor(record)}"):
        with ui.element("div").classes("row-line"):
            if linked and order is not None:
                ui.link(order, f"{of_order(order)}#{anchor(record)}").classes("plain strong")
            elif linked:
                ui.link("Disputes", DISPUTES).classes("plain strong")
            ui.label(record.title).classes("strong")
            chip("open") if record.verb is None else chip("done", f"{_past(record.verb)} by {record.by}")
        _facts(record, now)
        if record.error:
            ui.label(record.error).classes("error")
        for said in (record.reason, record.evidence):
            if said:
                ui.label(f"“{said}”").classes("soft")
        _buttons(visit, order, record, document)


_ENDS = {
    Subject.undo: "to be decided",
    Subject.due: "to be decided",
    Subject.left_over: "to be decided",
    Subject.export: "to be decided",
    Subject.access: "to be decided",
    Subject.termination: "to be decided",
    Subject.evidence: "evidence due",
}
"""What the deadline of a record is; of what is not here, something decides by itself."""


def _past(verb: FalloutVerb) -> str:
    return {"retry": "retried", "resolve": "marked done", "skip": "skipped", "compensate": "given up"}[verb]


def _facts(record: Fallout, now: datetime) -> None:
    facts = [f"owner {record.owner}", f"{record.attempts} {'try' if record.attempts == 1 else 'tries'}"]
    facts.append(f"{record.money_at_stake} at stake")
    with ui.element("div").classes("row-line soft small"):
        for fact in facts:
            ui.label(fact)
        if record.verb is None:
            ui.label(f"stuck {moments.ago(record.opened_at, now)}").tooltip(moments.absolute(record.opened_at))
            ends = _ENDS.get(record.subject, "decided by itself")
            deadline = ui.label(f"{ends} {moments.until(record.deadline, now)}")
            deadline.tooltip(moments.absolute(record.deadline)).classes("wrong" if record.deadline < now else "")
        elif record.resolved_at:
            ui.label(f"decided {moments.ago(record.resolved_at, now)}").tooltip(moments.absolute(record.resolved_at))


def _buttons(visit: Visit, order: str | None, record: Fallout, document: Order | None) -> None:
    if record.verb is not None or not visit.may(Right.resolve_fallout):
        return
    with ui.element("div").classes("row-line"):
        for verb in FalloutVerb:
            if verb in OFFERED[record.subject]:
                _button(visit, order, record, verb, {})
                if verb is FalloutVerb.retry and (data := correctable(record, document)):
                    _button(visit, order, record, verb, data)


def correctable(record: Fallout, document: Order | None) -> dict[str, str]:
    """What can be corrected: the payment method of a payment, the characteristics of a step's item."""
    if document is None or record.subject not in {Subject.step, Subject.payment}:
        return {}
    if record.subject is Subject.payment:
        return {"payment_method": document.payment_method or ""}
    item = document.item(record.item or "")
    return dict(item.characteristics) if item else {}


def _button(visit: Visit, order: str | None, record: Fallout, verb: FalloutVerb, data: dict[str, str]) -> None:
    word, icon, _ = _WORDS[verb]
    label = _CORRECTED if data else word
    button = ui.button(label, icon="edit" if data else icon, on_click=lambda: _ask(visit, order, record, verb, data))
    colour = "negative" if verb is FalloutVerb.compensate else "primary"
    button.props(f"dense {'unelevated' if verb is FalloutVerb.retry and not data else 'outline'} color={colour}").classes(
        "px-3"
    )


def _ask(visit: Visit, order: str | None, record: Fallout, verb: FalloutVerb, data: dict[str, str]) -> None:
    word, _, meaning = _WORDS[verb]
    with asking(visit, f"{_CORRECTED if data else word}: {record.title}") as dialog:
        about = f"{order}: " if order else ""
        ui.label(f"{about}{'try it again with what stands below' if data else meaning}.").classes("soft")
        fields = {name: ui.input(name, value=value).props("outlined maxlength=500") for name, value in data.items()}
        evidence = reason_field("Evidence", "For example: ticket 4711") if verb is FalloutVerb.resolve else None
        reason = reason_field("Reason", "Kept with your name in the order’s history")

        async def do() -> bool:
            changed = {name: field.value or "" for name, field in fields.items() if (field.value or "") != data[name]}
            answer = FalloutAnswer(reason=reason.value or "", evidence=(evidence.value or "") if evidence else "", data=changed)
            return await visit.perform(
                lambda who: decide(visit.console.context, who, record, verb, answer, corrects=bool(data))
            )

        choices(dialog, _CORRECTED if data else word, do, grave=verb is FalloutVerb.compensate)


async def decide(
    context: Context, principal: Principal, record: Fallout, verb: FalloutVerb, answer: FalloutAnswer, *, corrects: bool
) -> str:
    """What the order answers. Raises as the API does."""
    if corrects and not answer.data:
        raise BadInput("data", "nothing was changed")
    return (await commands.resolve_fallout(context, principal, record.id, verb, answer)).message
