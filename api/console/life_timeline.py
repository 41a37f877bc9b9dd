"""What happened to a subscription, the newest on top, by the customer's time."""

from collections.abc import Sequence

from nicegui import ui

from activities.store.subscriptions import StoredEvent
from api.console import moments, notices
from api.console.addresses import of_order
from api.console.look import icon_of, tone_of

KINDS = {
    "started": ("rocket_launch", "good"),
    "billed": ("receipt_long", "quiet"),
    "waived": ("redo", "quiet"),
    "renewed": ("autorenew", "good"),
    "past_due": ("schedule", "stuck"),
    "cancelled": ("event_busy", "undo"),
    "uncancelled": ("event_available", "good"),
    "ended": ("stop_circle", "quiet"),
    "price_changed": ("sell", "busy"),
    "changed": ("swap_horiz", "busy"),
    "resumed": ("play_arrow", "good"),
    "reinstated": ("play_arrow", "good"),
    "change_decided": ("edit_calendar", "busy"),
    "change_dropped": ("event_available", "quiet"),
    "not_changed": ("error", "stuck"),
    "pause_decided": ("edit_calendar", "wait"),
    "pause_dropped": ("event_available", "quiet"),
    "reminded": ("mail", "quiet"),
    "billing_stopped": ("money_off", "wait"),
    "billing_goes_on": ("payments", "good"),
    "throttled": ("speed", "wait"),
    "unthrottled": ("speed", "good"),
    "not_throttled": ("speed", "stuck"),
    "exported": ("download", "good"),
    "not_exported": ("download", "stuck"),
    "export_expired": ("timer_off", "quiet"),
    "undone": ("undo", "undo"),
    "hold": ("gavel", "wait"),
    "charge": ("credit_card", "wait"),
    "tell": ("mail", "quiet"),
    "throttle": ("speed", "wait"),
    "restrict": ("block", "stuck"),
    "end": ("event_busy", "stuck"),
    "waits": ("hourglass_top", "wait"),
    "unsuspended": ("lock_open", "good"),
}
"""Icon and tone by what happened; what is not here has those of its word as a state."""
BY_ITSELF = frozenset({"subscription", "deprovision", "dunning"})
"""Who is said to have done what nobody asked for."""


def timeline(events: Sequence[StoredEvent], *, more: bool) -> None:
    notices.heading("History")
    with ui.element("div").classes("timeline").mark("timeline"):
        for event in events:
            _draw(event)
    if more:
        ui.label("What is older is in the API, at …/timeline.").classes("soft small")


def _draw(event: StoredEvent) -> None:
    word = event.type.partition(".")[2]
    icon, tone = KINDS.get(word, (icon_of(word), tone_of(word)))
    with ui.element("div").classes(f"moment dated tone-{tone}"):
        ui.label(moments.day(event.at)).classes("soft small number").tooltip(moments.absolute(event.at))
        ui.icon(icon).props("aria-hidden=true")
        with ui.element("div").classes("said"):
            ui.label(moments.worded(event.summary))
            if event.actor not in BY_ITSELF:
                ui.label(event.actor).classes("soft small")
            if order := event.data.get("order"):
                ui.link(f"order {order}", of_order(order)).classes("small")
