"""/console/invoices: every invoice with its state, what is owed and how old it is, and drafts that wait."""

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from activities.store import invoices, receivables
from activities.store.invoices import InvoiceSummary
from activities.store.receivables import Age, Receivable
from api.console import frame, notices
from api.console.addresses import INVOICES, of_invoice, of_order, spelled_out
from api.console.chip import chip
from api.console.console import Console
from api.console.look import TONES, words
from api.console.pager import Pager
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from domain.billing.invoice_states import InvoiceState
from domain.money import total
from domain.roles import Right
from domain.values import Value

PAGE = 25
SHADES = {
    Age.not_due: TONES["quiet"],
    Age.month: TONES["wait"],
    Age.second_month: TONES["stuck"],
    Age.third_month: TONES["bad"],
    Age.older: "#742a2a",
}


class Wanted(Value):
    """Conditions that all hold; None is any."""

    state: InvoiceState | None = None
    customer: str | None = None
    number: str | None = None


def install(console: Console) -> None:
    @frame.page(console, INVOICES, "Invoices", "invoices", Right.read_billing)
    async def invoices_page(visit: Visit, request: Request) -> None:
        page = InvoicesPage(visit, dict(request.query_params))
        await page.refresh()
        visit.follow(page.refresh)


class InvoicesPage:
    def __init__(self, visit: Visit, asked: dict[str, str]) -> None:
        self._visit = visit
        self._wanted = _wanted(asked)
        notices.heading("Invoices", 1)
        self._owed = Panel(_draw_owed)
        self._filters()
        self._list = Panel(self._draw, "card flush")
        self._pager: Pager[tuple[datetime, str]] = Pager(self.refresh)

    def _filters(self) -> None:
        with ui.element("div").classes("filters"):
            self._text("Number", "number", self._wanted.number)
            self._text("Customer", "customer", self._wanted.customer)
            states = {str(state): words(state) for state in InvoiceState}
            chosen = str(self._wanted.state) if self._wanted.state else None
            select = ui.select(states, label="State", value=chosen, clearable=True)
            select.props("outlined dense options-dense").on_value_change(lambda event: self._narrow(state=event.value))

    def _text(self, label: str, name: str, value: str | None) -> None:
        field = ui.input(label, value=value or "").props("outlined dense clearable debounce=300")
        field.on_value_change(lambda event: self._narrow(**{name: (event.value or "").strip()}))

    async def _narrow(self, **changes: str | None) -> None:
        """Filter anew, from the first page, and keep the address in step."""
        given = {**self._wanted.model_dump(exclude_none=True), **{name: value or None for name, value in changes.items()}}
        self._wanted = Wanted.model_validate(given)
        self._pager.restart()
        kept = {name: str(value) for name, value in self._wanted.model_dump(exclude_none=True).items()}
        ui.navigate.history.replace(spelled_out(INVOICES) + (f"?{urlencode(kept)}" if kept else ""))
        await self.refresh()

    async def refresh(self) -> None:
        """Read what the page shows, and show it."""
        async with self._visit.console.database.transaction() as connection:
            owed = await receivables.by_age(connection, self._visit.now().date())
            found = await invoices.page(connection, self._pager.before, PAGE + 1, **dict(self._wanted))
        self._owed.show(owed)
        self._list.show(found[:PAGE], self._wanted != Wanted())
        last = found[PAGE - 1] if len(found) > PAGE else None
        self._pager.show((last.gathered_at, last.id) if last else None)

    def _draw(self, found: list[InvoiceSummary], narrowed: bool) -> None:
        if not found:
            _none(narrowed=narrowed)
            return
        rows = [
            (
                partial(_name, line),
                line.customer,
                lambda line=line: chip(line.state),
                f"{line.due_date:%d %b %Y}",
                line.waiting_for or "",
                partial(_order, line.order),
                str(line.total),
                str(line.amount_due),
            )
            for line in found
        ]
        table(("Invoice", "Customer", "State", "Due", "Waits for", "Order", ">Total", ">Still due"), rows)


def _name(line: InvoiceSummary) -> None:
    ui.link(line.number or "draft", of_invoice(line.id)).classes("plain strong")


def _order(order: str | None) -> None:
    if order is not None:
        ui.link(order, of_order(order)).classes("plain")


def _none(*, narrowed: bool) -> None:
    with ui.element("div").classes("empty"):
        ui.icon("filter_alt_off" if narrowed else "receipt_long")
        notices.heading("No invoice fits" if narrowed else "No invoices yet")
        if narrowed:
            ui.link("Clear the filters", INVOICES)
        else:
            ui.label("An order is invoiced once what it ordered is fulfilled and paid.").classes("soft")


def _draw_owed(owed: list[Receivable]) -> None:
    """One bar a currency: what is owed, by how many days it has been overdue."""
    for currency in dict.fromkeys(each.owed.currency for each in owed):
        mine = [each for each in owed if each.owed.currency == currency]
        with ui.element("div").classes("card"):
            with ui.element("div").classes("row-line"):
                notices.heading(f"Owed: {total([each.owed for each in mine], currency)}")
                ui.label("by days overdue").classes("soft small")
            ui.echart(_bar(mine)).style("height:14px;width:100%")
            with ui.element("div").classes("legend"):
                for each in mine:
                    _key(each)


def _key(each: Receivable) -> None:
    with ui.element("span").classes("chip").style(f"--tone:{SHADES[each.age]}"):
        ui.label(f"{each.age}: {each.owed}, {each.invoices} open").classes("inline")


def _bar(owed: list[Receivable]) -> dict[str, Any]:
    series = [
        {
            "name": f"{each.age}: {each.owed}",
            "type": "bar",
            "stack": "owed",
            "barWidth": 12,
            "data": [each.owed.minor],
            "itemStyle": {"color": SHADES[each.age], "borderColor": "#ffffff55", "borderWidth": 1},
        }
        for each in owed
    ]
    return {
        "animationDuration": 200,
        "grid": {"left": 0, "right": 0, "top": 0, "bottom": 0},
        "xAxis": {"type": "value", "show": False, "max": sum(each.owed.minor for each in owed)},
        "yAxis": {"type": "category", "data": ["owed"], "show": False},
        "tooltip": {"trigger": "item", "formatter": "{a}", "confine": False, "appendToBody": True},
        "series": series,
    }


def _wanted(asked: dict[str, str]) -> Wanted:
    """From the page's address; what is no filter there is passed over."""
    state = asked.get("state", "")
    return Wanted(
        state=InvoiceState(state) if state in set(InvoiceState) else None,
        customer=asked.get("customer"),
        number=asked.get("number"),
    )
