"""/console/customers: customers in order of id, and the way to one of them by its id."""

from nicegui import ui
from starlette.requests import Request

from activities.store import customer_views, customers
from api.console import frame, notices
from api.console.addresses import CUSTOMERS, of_clock, of_customer
from api.console.console import Console
from api.console.facts import link
from api.console.pager import Pager
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from domain.errors import NotFound
from domain.roles import Right

PAGE = 25


def install(console: Console) -> None:
    @frame.page(console, CUSTOMERS, "Customers", "customers", Right.read_records)
    async def customers_page(visit: Visit, _request: Request) -> None:
        page = CustomersPage(visit)
        await page.refresh()
        visit.follow(page.refresh)


class CustomersPage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._begins = ""
        with ui.element("div").classes("row-line"):
            notices.heading("Customers", 1)
            ui.element("div").classes("spread")
            self._finder()
        self._list = Panel(self._draw, "card flush")
        self._pager: Pager[str] = Pager(self.refresh, ("Back", "On"))

    def _finder(self) -> None:
        field = ui.input(placeholder="Customer id, such as C-100").props("outlined dense clearable").classes("w-64")
        field.on_value_change(lambda event: self._narrow((event.value or "").strip()))
        field.props('aria-label="Find a customer by id"').on("keydown.enter", lambda: self._find(field.value or ""))
        with field.add_slot("prepend"):
            ui.icon("search")

    async def _find(self, text: str) -> None:
        try:
            async with self._visit.console.database.transaction() as connection:
                found = await customers.get(connection, _storable(text.strip()))
            ui.navigate.to(of_customer(found.id))
        except NotFound as error:
            self._visit.tell(f"{error}; the list shows those from there on", "warning")

    async def _narrow(self, begins: str) -> None:
        self._begins = _storable(begins)
        self._pager.restart()
        await self.refresh()

    async def refresh(self) -> None:
        """Read what the page shows, and show it."""
        begins = self._pager.before or self._begins
        async with self._visit.console.database.transaction() as connection:
            found = await customer_views.from_id(connection, begins, PAGE + 1)
        self._list.show(found[:PAGE])
        self._pager.show(found[PAGE][0] if len(found) > PAGE else None)

    def _draw(self, found: list[tuple[str, str, str | None]]) -> None:
        if not found:
            with ui.element("div").classes("empty"):
                ui.icon("group")
                notices.heading("No customer from there on" if self._begins else "No customers yet")
                ui.label("POST /v1/customers adds one.").classes("soft")
            return
        rows = [
            (link(id_, of_customer(id_)), name, link(f"test clock {clock}", of_clock(clock)) if clock else "")
            for id_, name, clock in found
        ]
        table(("Customer", "Name", "Time"), rows)


def _storable(text: str) -> str:
    """PostgreSQL has no text with a null character in it, so no id has one."""
    return text.replace("\0", "")
