"""The way through a list that is shown a page at a time."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from nicegui import ui

from api.console.panel import Panel

Cursor = TypeVar("Cursor")


class Pager(Generic[Cursor]):
    """`turn` reads the page after `before`; where the first one begins, that is None. `words` are for the way back and on."""

    def __init__(self, turn: Callable[[], Awaitable[None]], words: tuple[str, str] = ("Newer", "Older")) -> None:
        self._turn = turn
        self._words = words
        self._cursors: list[Cursor] = []
        self._panel = Panel(self._draw)

    @property
    def before(self) -> Cursor | None:
        return self._cursors[-1] if self._cursors else None

    def restart(self) -> None:
        self._cursors = []

    def show(self, following: Cursor | None) -> None:
        """`following` is where the next page begins; None on the last one."""
        self._panel.show(len(self._cursors), following)

    def _draw(self, depth: int, following: Cursor | None) -> None:
        if not depth and following is None:
            return
        with ui.element("div").classes("row-line"):
            ui.button(self._words[0], icon="chevron_left", on_click=self._newer).props("outline dense").set_enabled(depth > 0)
            ui.label(f"Page {depth + 1}").classes("soft")
            older = ui.button(self._words[1], icon="chevron_right", on_click=lambda: self._older(following))
            older.props("outline dense").set_enabled(following is not None)

    async def _newer(self) -> None:
        self._cursors.pop()
        await self._turn()

    async def _older(self, following: Cursor | None) -> None:
        if following is not None:
            self._cursors.append(following)
        await self._turn()
