"""The drawing of an order's steps, with its legend."""

from nicegui import ui

from activities.store.views import OrderDetail
from api.console import dag, notices
from api.console.chip import chip
from api.console.panel import Panel
from domain.states import StepState

CONFIG = {
    "securityLevel": "strict",
    "htmlLabels": False,
    "theme": "base",
    "flowchart": {"htmlLabels": False, "useMaxWidth": False, "nodeSpacing": 18, "rankSpacing": 30, "padding": 8},
    "themeVariables": {"fontSize": "13px", "fontFamily": "Roboto, sans-serif"},
}


NONE_YET = "There are no steps yet: they are planned when the order is accepted."
NONE = "There is nothing to build: it changes what is live, which each subscription does by itself."


class DagPanel:
    """The drawing changes in place, so that it does not jump."""

    def __init__(self) -> None:
        with ui.element("div").classes("row-line"):
            notices.heading("Steps")
            ui.element("div").classes("spread")
            self._legend = Panel(_draw_legend)
        with ui.element("div").classes("dag") as self._box:
            self._drawing: ui.mermaid | None = None
        self._note = ui.label().classes("soft small")

    def show(self, detail: OrderDetail) -> None:
        if not detail.steps:
            self._note.set_text(NONE_YET if detail.order is None else NONE)
            return
        drawing = dag.draw(detail)
        self._legend.show([state for state in StepState if any(step.state is state for step in detail.steps)])
        self._note.set_text(f"{drawing.left_out} more items are not drawn." if drawing.left_out else "")
        self._note.set_visibility(bool(drawing.left_out))
        if self._drawing is None:
            with self._box:
                self._drawing = ui.mermaid(drawing.text, config=CONFIG)
        elif self._drawing.content != drawing.text:
            self._drawing.set_content(drawing.text)


def _draw_legend(states: list[StepState]) -> None:
    with ui.element("div").classes("legend"):
        for state in states:
            chip(state)
