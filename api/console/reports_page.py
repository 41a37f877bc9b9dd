"""/console/reports: recurring revenue, subscriptions and dunning over months, as charts and as numbers."""

from typing import Annotated
from urllib.parse import urlencode

from nicegui import ui
from pydantic import Field, ValidationError
from starlette.requests import Request

from activities.store import clocks, dunning_openings, recurring_revenue, subscriptions
from activities.store.dunning_openings import CurrencyDunning, Results, Tally
from activities.store.recurring_revenue import REAL_TIME, CurrencyRevenue, RevenueMonth
from api.console import frame, notices, report_charts
from api.console.addresses import REPORTS
from api.console.console import Console
from api.console.panel import Panel
from api.console.table import sums, table
from api.console.visit import Visit
from domain.clocks import Clock
from domain.months import Months, last_months
from domain.plans import Identifier
from domain.roles import Right
from domain.values import StrictValue

SPANS = (6, 12, 24, 60)
MOST_CLOCKS = 200
EVERY = 60.0
"""Seconds between two looks at reports, which read more than other pages do."""
MEASURED = (
    "A month of every subscription by its prices: a year’s charge counts a 12th, a week’s 52 12ths. Before discounts; without "
    "one-off charges, and what is on trial, paused or ended."
)


class Wanted(StrictValue):
    """What the address asks for; customers of no test clock, unless one is given."""

    months: Annotated[int, Field(ge=1, le=SPANS[-1])] = 12
    clock: Identifier | None = None


def install(console: Console) -> None:
    @frame.page(console, REPORTS, "Reports", "reports", Right.read_billing)
    async def reports_page(visit: Visit, request: Request) -> None:
        page = ReportsPage(visit, _wanted(request))
        await page.refresh()
        visit.follow(page.refresh, every=EVERY)


def _wanted(request: Request) -> Wanted:
    given = request.query_params
    try:
        return Wanted(months=int(given.get("months", 12)), clock=given.get("clock"))
    except (ValidationError, ValueError):
        return Wanted()


class ReportsPage:
    def __init__(self, visit: Visit, wanted: Wanted) -> None:
        self._visit = visit
        self._wanted = wanted
        notices.heading("Reports", 1)
        self._filters = Panel(self._draw_filters)
        self._revenue = Panel(_draw_revenue, "stack")
        self._states = Panel(_draw_states)
        self._dunning = Panel(_draw_dunning, "stack")

    async def refresh(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            known = await clocks.page(connection, None, MOST_CLOCKS)
            months, clock = self._months(known), self._wanted.clock or REAL_TIME
            revenue = await recurring_revenue.by_month(connection, months, clock)
            dunning = await dunning_openings.by_month(connection, months, clock)
            counts = await subscriptions.counts(connection)
        self._filters.show([each.id for each in known])
        self._revenue.show(revenue)
        self._states.show(counts)
        self._dunning.show(dunning)

    def _months(self, known: list[Clock]) -> Months:
        shown = next((each.now for each in known if each.id == self._wanted.clock), self._visit.now())
        return last_months(self._wanted.months, shown)

    def _draw_filters(self, known: list[str]) -> None:
        with ui.element("div").classes("filters"):
            spans = {span: f"{span} months" for span in sorted({*SPANS, self._wanted.months})}
            chosen = ui.select(spans, label="Time", value=self._wanted.months).props("outlined dense options-dense")
            chosen.on_value_change(lambda event: self._go(months=event.value))
            if known:
                names = {None: "real time"} | {each: each for each in {*known, *filter(None, [self._wanted.clock])}}
                by = ui.select(names, label="Customers in", value=self._wanted.clock).props("outlined dense options-dense")
                by.on_value_change(lambda event: self._go(clock=event.value))

    def _go(self, **changes: object) -> None:
        asked = {**self._wanted.model_dump(), **changes}
        kept = {name: value for name, value in asked.items() if value is not None}
        ui.navigate.to(f"{REPORTS}?{urlencode(kept)}")


def _draw_revenue(found: list[CurrencyRevenue]) -> None:
    notices.heading("Recurring revenue")
    ui.label(MEASURED).classes("soft small")
    if not found:
        ui.label("No subscription has been charged yet.").classes("soft")
    for shown in found:
        with ui.element("div").classes("card").mark(f"revenue-{shown.currency}"):
            last = shown.months[-1]
            values = (
                ("Monthly recurring revenue", str(last.monthly_recurring_revenue)),
                ("Annual recurring revenue", str(shown.annual_recurring_revenue)),
                ("Change this month", _signed(last)),
            )
            sums(values, f"revenue-sums-{shown.currency}")
            _chart(report_charts.revenue(shown), 260)
            with ui.expansion("As numbers").props("dense").classes("w-full"):
                table(REVENUE, [_revenue_row(each) for each in reversed(shown.months)])


REVENUE = ("Month", ">New", ">Expansion", ">Reactivation", ">Contraction", ">Churn", ">MRR at its end")


def _revenue_row(month: RevenueMonth) -> tuple[str, ...]:
    moved = (month.new, month.expansion, month.reactivation, month.contraction, month.churn)
    return (f"{month.month:%b %Y}", *(str(each) if each else "" for each in moved), str(month.monthly_recurring_revenue))


def _signed(month: RevenueMonth) -> str:
    moved = month.new + month.expansion + month.reactivation + month.contraction + month.churn
    return f"+{moved}" if moved.minor > 0 else str(moved)


def _draw_states(counts: dict[str, int]) -> None:
    with ui.element("div").classes("card"):
        notices.heading("Subscriptions by state")
        if not counts:
            ui.label("There are none yet.").classes("soft")
            return
        ui.label("As they are now, those on test clocks too.").classes("soft small")
        _chart(report_charts.states(counts), 200)


def _draw_dunning(found: list[CurrencyDunning]) -> None:
    notices.heading("Dunning")
    if not found:
        ui.label("No invoice was dunned in this time.").classes("soft")
    for shown in found:
        with ui.element("div").classes("card").mark(f"dunning-{shown.currency}"):
            _titled("Cases", "by the month in which they were opened, or came to an end", report_charts.cases(shown))
            _titled(
                f"Amounts in {shown.currency}",
                "what was paid while cases were open, and what was still due when they were given up",
                report_charts.amounts(shown),
            )
            if shown.by_attempts:
                _titled("Charges until they came to an end", "made by dunning itself", report_charts.attempts(shown))
            with ui.expansion("As numbers").props("dense").classes("w-full"):
                rows = [(f"{each.month:%b %Y}", _told(each.opened), *_results(each)) for each in reversed(shown.months)]
                table(("Month", "Opened", "Recovered", "Lost", "Withdrawn"), rows)
                tried = [(str(each.attempts), *_results(each)) for each in shown.by_attempts]
                table(("Charges", "Recovered", "Lost", "Withdrawn"), tried)


def _results(of: Results) -> tuple[str, ...]:
    return (_told(of.recovered), _told(of.lost), _told(of.withdrawn))


def _told(tally: Tally) -> str:
    return f"{tally.count} · {tally.amount}" if tally.count or tally.amount else ""


def _titled(title: str, text: str, options: dict[str, object]) -> None:
    with ui.element("div").classes("row-line"):
        notices.heading(title, 3)
        ui.label(text).classes("soft small")
    _chart(options, 200)


def _chart(options: dict[str, object], height: int) -> None:
    ui.echart(options).style(f"height:{height}px;width:100%")
