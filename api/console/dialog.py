"""A question to the person at the screen, with fields and one thing to do."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from nicegui import ui

from api.console import notices
from api.console.visit import Visit


@contextmanager
def asking(visit: Visit, title: str) -> Iterator[ui.dialog]:
    """A dialog to be filled in the block, opened at its end, and gone for good once it is closed."""
    with visit.layer, ui.dialog() as dialog, ui.card().classes("ask"):
        notices.heading(title)
        yield dialog
    dialog.on("hide", dialog.delete)
    dialog.open()


def choices(dialog: ui.dialog, word: str, do: Callable[[], Awaitable[bool]], *, grave: bool = False) -> None:
    """The buttons below: close, or do it. It stays open where it was refused, so that nothing typed is lost."""

    async def confirm() -> None:
        button.disable()
        done = await do()
        if done:
            dialog.close()
        else:
            button.enable()

    with ui.element("div").classes("row-line justify-end"):
        ui.button("Close", on_click=dialog.close).props("flat color=secondary")
        button = ui.button(word, on_click=confirm).props("unelevated")
        button.props(f"color={'negative' if grave else 'primary'}")


def reason_field(label: str = "Reason", hint: str = "") -> ui.textarea:
    return ui.textarea(label, placeholder=hint).props("outlined autogrow maxlength=500 rows=2")
