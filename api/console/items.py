"""The items of an order as a table."""

from collections.abc import Callable

from nicegui import ui

from api.console import moments
from api.console.addresses import of_subscription
from api.console.chip import chip
from api.console.table import Cell, table
from domain.facts import ItemStatus
from domain.orders import Order, OrderItem


def items_table(items: list[ItemStatus], order: Order | None) -> None:
    headings = ["Item", "State", "Service", ">Amount", "Point of no return"]
    table(headings, [_row(status, order.item(status.item) if order else None) for status in items])


def _row(status: ItemStatus, ordered: OrderItem | None) -> list[Cell]:
    return [
        lambda: _what(status, ordered),
        lambda: _state(status),
        "" if ordered and ordered.change else lambda: chip(status.service),
        lambda: _amount(status, ordered),
        _no_return(status),
    ]


def _what(status: ItemStatus, ordered: OrderItem | None) -> None:
    if ordered and ordered.change:
        ui.label(ordered.change.words).classes("strong").style("min-width:150px")
        with ui.element("div").classes("soft small"):
            ui.label(f"item {status.item} · subscription")
            ui.link(ordered.change.subscription, of_subscription(ordered.change.subscription))
        return
    ui.label(f"{ordered.plan.name} × {ordered.quantity}" if ordered else "removed").classes("strong")
    ui.label(f"item {status.item}" + (f" · {ordered.product.name}" if ordered else "")).classes("soft small")
    for name, value in (ordered.characteristics if ordered else {}).items():
        ui.label(f"{name}: {value}").classes("soft small")


def _state(status: ItemStatus) -> None:
    chip(status.state)
    if status.reason:
        ui.label(moments.worded(status.reason)).classes("soft small")


def _amount(status: ItemStatus, ordered: OrderItem | None) -> None:
    if ordered and ordered.change:
        ui.label(str(ordered.change.cost)).classes("nowrap")
        ui.label("charged by its subscription").classes("soft small nowrap")
        return
    if ordered:
        ui.label(str(ordered.due)).classes("nowrap")
    ui.label(_money(status)).classes("soft small nowrap")


def _no_return(status: ItemStatus) -> Cell:
    if status.point_of_no_return_passed:
        return _tone("lock", "passed", status)
    if status.point_of_no_return_at is None:
        return "none"
    return _tone("event", f"{status.point_of_no_return_at:%d %b %H:%M}", status)


def _tone(icon: str, text: str, status: ItemStatus) -> Callable[[], None]:
    def draw() -> None:
        with ui.element("span").style("display:inline-flex;gap:5px;align-items:center"):
            ui.icon(icon).classes("soft")
            label = ui.label(text)
        if status.point_of_no_return_at:
            label.tooltip(moments.absolute(status.point_of_no_return_at))

    return draw


def _money(status: ItemStatus) -> str:
    if status.refunded:
        return "refunded"
    return "captured" if status.captured else "not captured"
