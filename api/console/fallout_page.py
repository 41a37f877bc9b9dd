"""/console/fallout: what is stuck over all orders, the oldest first."""

from datetime import datetime
from functools import partial

from nicegui import ui
from starlette.requests import Request

from activities.store import orders, views
from activities.store.views import FalloutFilter, FalloutRecord
from api.console import frame, moments, notices, stuck
from api.console.addresses import FALLOUT
from api.console.chip import choice
from api.console.console import Console
from api.console.panel import Panel
from api.console.visit import Visit
from domain.orders import Order

MOST = 100
"""Records shown; older ones come first, so that what is decided makes room for the rest."""


def install(console: Console) -> None:
    @frame.page(console, FALLOUT, "Fallout", "fallout")
    async def fallout_page(visit: Visit, request: Request) -> None:
        page = FalloutPage(visit, request.query_params.get("owner"))
        await page.refresh()
        visit.follow(page.refresh)


class FalloutPage:
    def __init__(self, visit: Visit, owner: str | None) -> None:
        self._visit = visit
        self._owner = owner
        notices.heading("Fallout", 1)
        ui.label(
            "Steps, undos and payments that cannot go on by themselves, services that a partner does not close, open or take"
            " down, and disputes that wait for evidence, the oldest first."
        ).classes("soft")
        self._owners = Panel(self._draw_owners)
        self._list = Panel(self._draw, "card flush")

    async def refresh(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            everybodys = await views.fallout_records(connection, FalloutFilter(open=True), None, MOST)
            records = everybodys
            if self._owner:
                records = await views.fallout_records(connection, FalloutFilter(open=True, owner=self._owner), None, MOST)
            stored = await orders.get_many(connection, [record.order for record in records if record.order])
        owners = {record.owner for record in everybodys} | ({self._owner} if self._owner else set())
        self._owners.show(sorted(owners), self._owner)
        documents: dict[str | None, Order | None] = {order: found.order for order, found in stored.items()}
        self._list.show(records, documents, moments.minute(self._visit.now()))

    def _draw_owners(self, owners: list[str], chosen: str | None) -> None:
        with ui.element("div").classes("legend"):
            for owner in owners:
                choice("open", owner, owner == chosen, partial(self._choose, owner))

    async def _choose(self, owner: str) -> None:
        self._owner = None if owner == self._owner else owner
        await self.refresh()

    def _draw(self, records: list[FalloutRecord], documents: dict[str | None, Order | None], _minute: datetime) -> None:
        if not records:
            with ui.element("div").classes("empty"):
                ui.icon("task_alt")
                notices.heading("Nothing is stuck")
                ui.label("Whatever cannot go on by itself appears here at once.").classes("soft")
        for record in records:
            stuck.entry(self._visit, record.order, record, documents.get(record.order), self._visit.now(), linked=True)
