"""A plain table whose rows fold into cards on a phone, and a few values side by side."""

from collections.abc import Callable, Iterable, Sequence

from nicegui import ui

Cell = str | Callable[[], object]
"""Text, shown as it is, or what draws the cell."""


def table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, last_is_sum: bool = False) -> None:
    """Headings that begin with `>` are of amounts, set to the right."""
    names = [heading.lstrip(">") for heading in headings]
    sides = ["right" if heading.startswith(">") else "" for heading in headings]
    drawn = list(rows)
    with ui.element("table").classes("list folds"):
        with ui.element("thead"), ui.element("tr"):
            for name, side in zip(names, sides, strict=True):
                with ui.element("th").classes(side):
                    ui.label(name)
        with ui.element("tbody"):
            for index, row in enumerate(drawn):
                is_sum = last_is_sum and index == len(drawn) - 1
                with ui.element("tr").classes("sum" if is_sum else ""):
                    for name, side, cell in zip(names, sides, row, strict=True):
                        _cell(name, side, cell)


def _cell(name: str, side: str, cell: Cell) -> None:
    absent = "absent" if cell == "" else ""
    with ui.element("td").classes(f"{side} {absent}") as drawn:
        drawn.props["data-label"] = name
        if isinstance(cell, str):
            ui.label(cell)
        else:
            cell()


def sums(values: Iterable[tuple[str, str]], mark: str) -> None:
    """What something comes to: names over their values."""
    with ui.element("div").classes("sums").mark(mark):
        for name, value in values:
            with ui.element("div"):
                ui.label(name).classes("soft small")
                ui.label(value).classes("value")
