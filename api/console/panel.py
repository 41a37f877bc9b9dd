"""A part of a page that is drawn again only when what it shows has changed."""

from collections.abc import Callable
from typing import Generic, ParamSpec

from nicegui import ui

Shown = ParamSpec("Shown")


class Panel(Generic[Shown]):
    """`draw` fills it; `classes` are those of the box around."""

    def __init__(self, draw: Callable[Shown, object], classes: str = "") -> None:
        self._draw = draw
        self._shown: object = None
        self._box = ui.element("div").classes(f"w-full {classes}")

    def show(self, *values: Shown.args, **named: Shown.kwargs) -> None:
        """Draw it with these values, unless they are the ones it shows."""
        if self._shown == (values, named):
            return
        self._shown = (values, named)
        self._box.clear()
        with self._box:
            self._draw(*values, **named)
