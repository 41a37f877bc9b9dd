"""/console/orders: every order with its live state, found by filter or by id."""

from typing import Any
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from activities.store import orders, views
from activities.store.views import OrderFilter, OrderLine
from api.console import frame, notices
from api.console.addresses import HOME, of_order, spelled_out
from api.console.chip import choice
from api.console.console import Console
from api.console.look import STATES, TONES, words
from api.console.order_rows import SLOT, columns, row_of
from api.console.pager import Pager
from api.console.panel import Panel
from api.console.visit import Visit
from domain.errors import NotFound
from domain.jeopardy import Jeopardy
from domain.states import OrderState

PAGE = 25
WAITS = {"approval": "an approval", "fallout": "an operator", "blocked": "a blocker", "payment": "a payment", "date": "a date"}
"""How the text of what an order waits on begins, by what a person calls it."""


def install(console: Console) -> None:
    @frame.page(console, "/orders", "Orders", "orders")
    async def orders_page(visit: Visit, request: Request) -> None:
        page = OrdersPage(visit, dict(request.query_params), str(request.base_url).removesuffix("/console/"))
        await page.refresh()
        visit.follow(page.refresh)


class OrdersPage:
    def __init__(self, visit: Visit, asked: dict[str, str], base: str) -> None:
        self._visit = visit
        self._base = visit.console.settings.public_url or base.rstrip("/")
        self._wanted = _filter(asked)
        with ui.element("div").classes("row-line"):
            notices.heading("Orders", 1)
            ui.element("div").classes("spread")
            self._finder()
        self._fitted = False
        """Whether the chart has been told its width, which it cannot know before the page is laid out."""
        self._bar = ui.echart(_bar({})).style("height:14px;width:100%")
        self._counts = Panel(self._draw_counts)
        self._filters()
        self._empty = Panel(self._draw_empty, "card flush")
        with ui.element("div").classes("card flush") as self._card:
            self._table = ui.table(columns=columns(), rows=[], row_key="id").classes("orders").props("flat hide-bottom")
            self._table.add_slot("body", SLOT)
        self._pager: Pager[int] = Pager(self.refresh)

    def _finder(self) -> None:
        field = ui.input(placeholder="Order id, such as O-1001").props("outlined dense clearable").classes("w-64")
        field.props('aria-label="Find an order by id"').on("keydown.enter", lambda: self._find(field.value or ""))
        with field.add_slot("prepend"):
            ui.icon("search")

    async def _find(self, text: str) -> None:
        wanted = text.strip().upper()
        wanted = f"O-{wanted}" if wanted.isdigit() else wanted
        try:
            async with self._visit.console.database.transaction() as connection:
                found = await orders.get(connection, wanted)
            ui.navigate.to(of_order(found.id))
        except NotFound as error:
            self._visit.tell(str(error), "warning")

    def _filters(self) -> None:
        wanted = self._wanted
        with ui.element("div").classes("filters"):
            ui.input("Customer", value=wanted.customer or "", on_change=lambda event: self._narrow(customer=event.value)).props(
                "outlined dense clearable debounce=300"
            )
            _select("Waiting on", WAITS, wanted.waiting_on, lambda value: self._narrow(waiting_on=value))
            flags = {str(flag): words(flag) for flag in Jeopardy}
            _select("Jeopardy", flags, wanted.jeopardy, lambda value: self._narrow(jeopardy=value))
            states = {str(state): words(state) for state in OrderState}
            self._state = _select("State", states, wanted.state, lambda value: self._narrow(state=value))

    async def _narrow(self, **changes: str | None) -> None:
        """Filter anew, from the first page, and keep the address in step."""
        given = {**self._wanted.model_dump(exclude_none=True), **{name: value or None for name, value in changes.items()}}
        self._wanted = OrderFilter.model_validate(given)
        self._pager.restart()
        kept = {name: str(value) for name, value in self._wanted.model_dump(exclude_none=True).items()}
        ui.navigate.history.replace(spelled_out(HOME) + (f"?{urlencode(kept)}" if kept else ""))
        await self.refresh()

    async def refresh(self) -> None:
        """Read what the page shows, and show it."""
        async with self._visit.console.database.transaction() as connection:
            counts = await views.counts_by_state(connection)
            lines = await views.order_lines(connection, self._wanted, self._pager.before, PAGE + 1)
        self._show_bar(counts)
        self._counts.show(counts, self._wanted.state)
        self._show_lines(lines[:PAGE], any_order=bool(counts))
        self._pager.show(lines[PAGE - 1].number if len(lines) > PAGE else None)

    def _show_lines(self, lines: list[OrderLine], *, any_order: bool) -> None:
        rows = [row_of(line, self._visit.now()) for line in lines]
        if rows != self._table.rows:
            self._table.rows = rows
        self._card.set_visibility(bool(rows))
        self._empty.show(not rows, any_order)

    def _show_bar(self, counts: dict[OrderState, int]) -> None:
        drawn = _bar({state: counts[state] for state in OrderState if counts.get(state)})
        self._bar.set_visibility(bool(counts))
        if self._bar.options != drawn:
            self._bar.options.clear()
            self._bar.options.update(drawn)
            self._bar.update()
        if not self._fitted and self._visit.client.has_socket_connection:
            self._fitted = True
            self._bar.run_chart_method("resize")

    def _draw_counts(self, counts: dict[OrderState, int], chosen: OrderState | None) -> None:
        present = [state for state in OrderState if counts.get(state)]
        if not present:
            return
        with ui.element("div").classes("legend"):
            for state in present:
                choice(state, f"{words(state)} {counts[state]}", state is chosen, self._toggle(state, chosen))

    def _toggle(self, state: OrderState, chosen: OrderState | None) -> Any:
        return lambda: self._state.set_value(None if state is chosen else str(state))

    def _draw_empty(self, is_empty: bool, any_order: bool) -> None:
        if not is_empty:
            return
        if any_order:
            notices_none_fit()
        else:
            notices.no_orders_yet(self._base)


def notices_none_fit() -> None:
    with ui.element("div").classes("empty"):
        ui.icon("filter_alt_off")
        notices.heading("No order fits")
        ui.link("Clear the filters", HOME)


def _filter(asked: dict[str, str]) -> OrderFilter:
    """From the page's address; what is no filter there is passed over."""
    state, flag = asked.get("state", ""), asked.get("jeopardy", "")
    return OrderFilter(
        state=OrderState(state) if state in set(OrderState) else None,
        customer=asked.get("customer"),
        waiting_on=asked.get("waiting_on") if asked.get("waiting_on") in WAITS else None,
        jeopardy=Jeopardy(flag) if flag in set(Jeopardy) else None,
    )


def _select(name: str, options: dict[str, str], value: str | None, choose: Any) -> ui.select:
    chosen = str(value) if value else None
    return ui.select(options, label=name, value=chosen, clearable=True, on_change=lambda event: choose(event.value)).props(
        "outlined dense options-dense"
    )


def _bar(counts: dict[OrderState, int]) -> dict[str, Any]:
    """One thin bar, each state its share."""
    series = [
        {
            "name": words(state),
            "type": "bar",
            "stack": "orders",
            "barWidth": 12,
            "data": [count],
            "itemStyle": {"color": TONES[STATES[state][1]], "borderColor": "#ffffff55", "borderWidth": 1},
        }
        for state, count in counts.items()
    ]
    return {
        "animationDuration": 200,
        "grid": {"left": 0, "right": 0, "top": 0, "bottom": 0},
        "xAxis": {"type": "value", "show": False, "max": sum(counts.values())},
        "yAxis": {"type": "category", "data": ["orders"], "show": False},
        "tooltip": {"trigger": "item", "formatter": "{a}: {c}", "confine": False, "appendToBody": True},
        "series": series,
    }
