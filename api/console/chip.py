"""A state as a chip: colour, icon and word, so that none of them has to be seen alone."""

from collections.abc import Callable

from nicegui import ui
from nicegui.element import Element

from api.console.look import icon_of, tone_of, words


def chip(state: str, text: str | None = None) -> Element:
    """`text` instead of the state's own word."""
    with ui.element("span").classes(f"chip tone-{tone_of(state)}").mark(f"state-{state}") as drawn:
        ui.icon(icon_of(state)).props("aria-hidden=true")
        ui.label(text or words(state)).classes("inline")
    return drawn


def choice(state: str, text: str, chosen: bool, choose: Callable[[], object]) -> Element:
    """A chip that can be pressed."""
    shape = f"chip tone-{tone_of(state)}" + (" chosen" if chosen else "")
    with ui.element("button").classes(shape).props(f"type=button aria-pressed={str(chosen).lower()}") as drawn:
        ui.icon(icon_of(state)).props("aria-hidden=true")
        ui.label(text).classes("inline")
    drawn.on("click", choose)
    return drawn
