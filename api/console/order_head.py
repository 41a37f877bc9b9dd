"""The top of an order's page: what it is, where else it can be seen, and what it waits for."""

from datetime import datetime

from nicegui import ui

from activities.runtime.settings import Settings
from activities.store.views import OrderDetail
from api.console import moments, notices, processes
from api.console.addresses import HOME, of_customer, of_order
from api.console.chip import chip
from api.console.look import tone_of
from domain import keys
from domain.jeopardy import Jeopardy
from domain.states import OrderState

ACTIONS = {
    "approval": "Somebody asked has to approve or reject it.",
    "fallout": "An operator has to decide what happens with what is stuck; see Fallout below.",
    "blocked": "It goes on by itself once the blocker clears.",
    "payment": "It goes on when the payment is settled.",
    "date": "It goes on by itself at that date.",
    "requested start": "It begins by itself at that date.",
}


def title(order: str) -> None:
    ui.link("Orders", HOME).classes("plain soft")
    ui.label("/").classes("soft")
    notices.heading(order, 1)


def links_row(settings: Settings, order: str) -> None:
    """The same order elsewhere."""
    processes.link(settings, keys.order_workflow(order))
    ui.link("JSON", f"{of_order(order)}/json", new_tab=True).classes("small")


def banner(
    state: OrderState, waiting_on: str | None, owner: str | None, deadline: datetime | None, reason: str, now: datetime
) -> None:
    """What it waits for, whose turn it is, until when, and what is needed; or why it ended as it did."""
    if not waiting_on and not reason:
        return
    with ui.element("div").classes(f"banner tone-{tone_of(state) if waiting_on else 'quiet'}").mark("banner"):
        ui.icon("pending_actions" if waiting_on else "info")
        with ui.element("div").classes("text"):
            if waiting_on:
                ui.label(f"Waiting on {waiting_on}").classes("strong")
                _turn(owner, deadline, now)
                needed = next((text for begins, text in ACTIONS.items() if waiting_on.startswith(begins)), None)
                ui.label(needed or "It goes on by itself once that is there.").classes("soft")
            if reason:
                ui.label(reason)


def _turn(owner: str | None, deadline: datetime | None, now: datetime) -> None:
    with ui.element("div").classes("row-line"):
        if owner:
            ui.label(f"owner {owner}")
        if deadline:
            label = ui.label(f"until {moments.absolute(deadline)} ({moments.until(deadline, now)})")
            label.classes("wrong" if deadline < now else "")


def facts(detail: OrderDetail, customer_name: str, now: datetime) -> None:
    """What does not change much, in one line or two."""
    with ui.element("div").classes("facts"):
        with ui.element("div").classes("fact"):
            ui.label("Customer").classes("name")
            name = f"{customer_name} ({detail.customer})" if customer_name else detail.customer
            ui.link(name, of_customer(detail.customer)).classes("plain value")
        _fact("Total", "not priced yet" if detail.state is OrderState.draft else str(detail.total))
        if detail.changes:
            _fact("Changes, charged by subscriptions", str(detail.changes))
        _fact("Version", str(detail.version))
        _fact("Placed by", detail.placed_by)
        _moment("Placed", detail.placed_at, moments.ago(detail.placed_at, now))
        asked = detail.order or detail.request
        if asked and asked.requested_completion:
            _moment("Requested by", asked.requested_completion, moments.until(asked.requested_completion, now))
        if detail.expected_completion and detail.expected_completion > now:
            _moment("Expected", detail.expected_completion, moments.until(detail.expected_completion, now))
        if asked and asked.external_reference:
            _fact("Reference", asked.external_reference)
        _jeopardy(detail)


def _fact(name: str, value: str) -> None:
    with ui.element("div").classes("fact"):
        ui.label(name).classes("name")
        ui.label(value).classes("value number")


def _moment(name: str, moment: datetime, relative: str) -> None:
    with ui.element("div").classes("fact"):
        ui.label(name).classes("name")
        ui.label(relative).classes("value").tooltip(moments.absolute(moment))


def _jeopardy(detail: OrderDetail) -> None:
    if detail.jeopardy is Jeopardy.normal:
        return
    with ui.element("div").classes("fact"):
        ui.label("Jeopardy").classes("name")
        with ui.element("div").classes("row-line"):
            chip(detail.jeopardy)
            if detail.jeopardy_step:
                ui.label(detail.jeopardy_step)
