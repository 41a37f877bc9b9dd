"""/console/approvals: the orders that wait for somebody's word."""

from datetime import datetime

from nicegui import ui
from starlette.requests import Request

from activities.store import views
from activities.store.views import OrderDetail, OrderFilter
from api.console import ballots, frame, moments, notices
from api.console.addresses import of_order
from api.console.chip import chip
from api.console.console import Console
from api.console.panel import Panel
from api.console.visit import Visit

MOST = 25
WAITING = "approval"


def install(console: Console) -> None:
    @frame.page(console, "/approvals", "Approvals", "approvals")
    async def approvals_page(visit: Visit, _request: Request) -> None:
        page = ApprovalsPage(visit)
        await page.refresh()
        visit.follow(page.refresh)


class ApprovalsPage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        notices.heading("Approvals", 1)
        ui.label("Orders that wait for a decision, the newest first. Nobody decides on an order they placed.").classes("soft")
        self._list = Panel(self._draw, "stack")

    async def refresh(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            lines = await views.order_lines(connection, OrderFilter(waiting_on=WAITING), None, MOST)
            waiting = [await views.order_detail(connection, line.id) for line in lines]
        self._list.show(waiting, moments.minute(self._visit.now()))

    def _draw(self, waiting: list[OrderDetail], _minute: datetime) -> None:
        if not waiting:
            with ui.element("div").classes("card"), ui.element("div").classes("empty"):
                ui.icon("task_alt")
                notices.heading("Nothing waits for approval")
        for detail in waiting:
            with ui.element("div").classes("card flush"):
                self._entry(detail)

    def _entry(self, detail: OrderDetail) -> None:
        with ui.element("div").classes("row-line p-4 pb-0"):
            ui.link(detail.id, of_order(detail.id)).classes("plain strong")
            chip(detail.state)
            ui.label(detail.customer)
            ui.label(str(detail.total if detail.total or not detail.changes else detail.changes)).classes("strong number")
            if detail.changes:
                ui.label(f"and {detail.changes} for changes" if detail.total else "for changes").classes("soft")
            ui.label(f"placed by {detail.placed_by}").classes("soft")
        for approval in detail.approvals:
            if approval.outcome is None:
                ballots.entry(self._visit, detail.id, approval, self._visit.now())
