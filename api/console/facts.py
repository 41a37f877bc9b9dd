"""Facts of a thing in one line or two: a name above each value."""

from collections.abc import Callable, Mapping

from nicegui import ui

from api.console.table import Cell


def facts(shown: Mapping[str, Cell]) -> None:
    """Those whose value is not empty."""
    with ui.element("div").classes("facts"):
        for name, value in shown.items():
            if value != "":
                _fact(name, value)


def _fact(name: str, value: Cell) -> None:
    with ui.element("div").classes("fact"):
        ui.label(name).classes("name")
        if isinstance(value, str):
            ui.label(value).classes("value number")
        else:
            value()


def link(text: str, target: str) -> Callable[[], object]:
    """A cell or a fact that leads to another page."""
    return lambda: ui.link(text, target).classes("plain value")
