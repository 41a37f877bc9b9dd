"""The dialog that cancels an order, which first shows what that would come to."""

from collections.abc import Callable

from nicegui import ui

from api import commands
from api.console.chip import chip
from api.console.dialog import asking, choices, reason_field
from api.console.table import sums, table
from api.console.visit import Visit
from api.context import Context
from domain.cancellation import CancellationPreview, CancelRequest, Fate, ItemCancellation
from domain.errors import TurnupError
from domain.roles import Principal

FATES = {Fate.undone: "undone", Fate.kept: "kept", Fate.settled: "settled"}


async def ask(visit: Visit, order: str) -> None:
    """Show the preview of cancelling `order`, and offer what is possible."""
    principal = await visit.console.sessions.principal()
    if principal is None:
        visit.leave()
        return
    try:
        preview = await commands.preview_cancellation(visit.console.context, principal, order)
    except TurnupError as error:
        visit.tell(str(error), "negative")
        return
    _show(visit, preview)


def _show(visit: Visit, preview: CancellationPreview) -> None:
    with asking(visit, f"Cancel {preview.order}") as dialog:
        _sums(preview)
        if preview.items:
            table(["Item", "Outcome", ">Amount", "Why"], [_row(item) for item in preview.items])
        ui.label(preview.message[:1].upper() + preview.message[1:] + ".").classes("strong")
        if not preview.possible:
            ui.button("Close", on_click=dialog.close).props("flat color=secondary").classes("self-end")
            return
        ui.label("What is undone cannot be brought back; a new order would be needed.").classes("soft small")
        reason = reason_field()

        async def do() -> bool:
            request = CancelRequest(reason=reason.value or "", accept_partial=not preview.complete)
            return await visit.perform(lambda who: cancel(visit.console.context, who, preview.order, request))

        choices(dialog, "Cancel the order" if preview.complete else "Cancel what can be undone", do, grave=True)


def _sums(preview: CancellationPreview) -> None:
    amounts = (("Refunded", preview.refunded), ("Released", preview.released), ("Kept", preview.kept))
    sums([(name, str(amount)) for name, amount in amounts], "cancel-sums")


def _row(item: ItemCancellation) -> tuple[str, Callable[[], object], str, str]:
    return item.item, lambda: chip(FATES[item.fate]), str(item.amount), item.reason


async def cancel(context: Context, principal: Principal, order: str, request: CancelRequest) -> str:
    """What the order answers. Raises as the API does."""
    answer = await commands.cancel(context, principal, order, request)
    return f"Cancelling {order}: {answer.preview.message}"
