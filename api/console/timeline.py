"""An order's history, the newest on top, growing as things happen."""

from nicegui import ui
from nicegui.element import Element

from activities.store import views
from activities.store.views import StoredEvent
from api.console import moments, notices
from api.console.look import icon_of, tone_of
from api.console.visit import Visit

FIRST_SHOWN = 60
_ICONS = {
    "approval": "how_to_vote",
    "fallout": "pan_tool",
    "payment": "payments",
    "callback": "call_received",
    "invoice": "receipt_long",
    "credit": "receipt_long",
    "order": "shopping_bag",
}


class Timeline:
    def __init__(self, visit: Visit, order: str) -> None:
        self._visit = visit
        self._order = order
        self._seen = 0
        self._first: int | None = None
        notices.heading("History")
        self._list = ui.element("div").classes("timeline").props("aria-live=polite").mark("timeline")
        self._earlier = ui.button("Show all", on_click=self._show_all).props("flat dense")
        self._earlier.set_visibility(False)

    async def refresh(self) -> None:
        """Add what has happened since."""
        if self._first is None:
            await self._begin()
        for event in await self._after(self._seen):
            if event.seq > self._seen:
                self._seen = event.seq
                self._draw(event).move(self._list, target_index=0)

    async def _begin(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            page = await views.event_page(connection, self._order, 0, 1)
        self._first = self._seen = max(0, page.last - FIRST_SHOWN)
        self._earlier.set_visibility(self._first > 0)

    async def _after(self, seq: int) -> list[StoredEvent]:
        found: list[StoredEvent] = []
        while True:
            async with self._visit.console.database.transaction() as connection:
                page = await views.event_page(connection, self._order, found[-1].seq if found else seq, 500)
            found += page.items
            if not page.items or found[-1].seq >= page.last:
                return found

    async def _show_all(self) -> None:
        first, self._first = self._first or 0, 0
        self._earlier.set_visibility(False)
        for event in reversed([event for event in await self._after(0) if event.seq <= first]):
            self._draw(event)

    def _draw(self, event: StoredEvent) -> Element:
        noun, _, word = event.type.partition(".")
        with self._list, ui.element("div").classes(f"moment tone-{tone_of(word)}") as drawn:
            ui.label(moments.clock(event.at)).classes("soft small number").tooltip(moments.absolute(event.at))
            ui.icon(_ICONS.get(noun) or icon_of(word)).props("aria-hidden=true")
            with ui.element("div").classes("said"):
                ui.label(moments.worded(event.summary))
                if event.actor != "turnup":
                    ui.label(event.actor).classes("soft small")
        return drawn
