"""/console/subscriptions: every subscription with its state, when it renews and up to when it is paid."""

from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from activities.store import clocks, subscriptions
from activities.store.subscriptions import StoredSubscription
from api.console import frame, moments, notices
from api.console.addresses import SUBSCRIPTIONS, of_customer, of_subscription, spelled_out
from api.console.chip import chip, choice
from api.console.console import Console
from api.console.facts import link
from api.console.look import words
from api.console.pager import Pager
from api.console.panel import Panel
from api.console.table import Cell, table
from api.console.visit import Visit
from domain.roles import Right
from domain.states import SubscriptionState
from domain.values import Value

PAGE = 25


class Wanted(Value):
    """Conditions that all hold; None is any."""

    state: SubscriptionState | None = None
    customer: str | None = None


def install(console: Console) -> None:
    @frame.page(console, SUBSCRIPTIONS, "Subscriptions", "subscriptions", Right.read_billing)
    async def subscriptions_page(visit: Visit, request: Request) -> None:
        page = SubscriptionsPage(visit, dict(request.query_params))
        await page.refresh()
        visit.follow(page.refresh)


class SubscriptionsPage:
    def __init__(self, visit: Visit, asked: dict[str, str]) -> None:
        self._visit = visit
        self._wanted = _wanted(asked)
        notices.heading("Subscriptions", 1)
        self._counts = Panel(self._draw_counts)
        self._filters()
        self._list = Panel(self._draw, "card flush")
        self._pager: Pager[tuple[datetime, str]] = Pager(self.refresh)

    def _filters(self) -> None:
        with ui.element("div").classes("filters"):
            field = ui.input("Customer", value=self._wanted.customer or "").props("outlined dense clearable debounce=300")
            field.on_value_change(lambda event: self._narrow(customer=(event.value or "").strip()))
            states = {str(state): words(state) for state in SubscriptionState if state is not SubscriptionState.pending}
            chosen = str(self._wanted.state) if self._wanted.state else None
            self._state = ui.select(states, label="State", value=chosen, clearable=True)
            self._state.props("outlined dense options-dense").on_value_change(lambda event: self._narrow(state=event.value))

    async def _narrow(self, **changes: str | None) -> None:
        """Filter anew, from the first page, and keep the address in step."""
        given = {**self._wanted.model_dump(exclude_none=True), **{name: value or None for name, value in changes.items()}}
        self._wanted = Wanted.model_validate(given)
        self._pager.restart()
        kept = {name: str(value) for name, value in self._wanted.model_dump(exclude_none=True).items()}
        ui.navigate.history.replace(spelled_out(SUBSCRIPTIONS) + (f"?{urlencode(kept)}" if kept else ""))
        await self.refresh()

    async def refresh(self) -> None:
        """Read what the page shows, and show it."""
        async with self._visit.console.database.transaction() as connection:
            counts = await subscriptions.counts(connection)
            found = await subscriptions.page(connection, self._pager.before, PAGE + 1, **dict(self._wanted))
            shown = await clocks.frozen(connection, {each.subscription.customer for each in found})
        self._counts.show(counts, self._wanted.state)
        self._list.show(found[:PAGE], shown, self._wanted != Wanted(), moments.minute(self._visit.now()))
        last = found[PAGE - 1] if len(found) > PAGE else None
        self._pager.show((last.created_at, last.subscription.id) if last else None)

    def _draw_counts(self, counts: dict[str, int], chosen: SubscriptionState | None) -> None:
        with ui.element("div").classes("legend"):
            for state in SubscriptionState:
                if counts.get(state) and state is not SubscriptionState.pending:
                    toggled = None if state is chosen else str(state)
                    choice(state, f"{words(state)} {counts[state]}", state is chosen, partial(self._state.set_value, toggled))

    def _draw(self, found: list[StoredSubscription], clocked: dict[str, datetime], narrowed: bool, minute: datetime) -> None:
        if not found:
            _none(narrowed=narrowed)
            return
        headings = ("Subscription", "Customer", "Plan", "State", "Next renewal", "Paid until")
        table(headings, [_row(each, clocked.get(each.subscription.customer) or minute) for each in found])


def _row(stored: StoredSubscription, now: datetime) -> tuple[Cell, ...]:
    facts = stored.subscription
    return (
        link(facts.id, of_subscription(facts.id)),
        link(facts.customer, of_customer(facts.customer)),
        f"{facts.plan_name} × {facts.quantity}",
        partial(_state, stored),
        partial(_moment, stored.next_renewal, now) if stored.next_renewal else "",
        partial(_moment, facts.paid_until, now, late="is past") if facts.paid_until else "",
    )


def _state(stored: StoredSubscription) -> None:
    chip(stored.state)
    facts = stored.subscription
    if facts.ending and not facts.ended_at:
        ui.label(f"ends {moments.day(facts.ending.at)}").classes("soft small")
    if facts.suspended_for:
        ui.label(", ".join(words(each) for each in facts.suspended_for)).classes("soft small")


def _moment(moment: datetime, now: datetime, late: str = "") -> None:
    ui.label(moments.day(moment)).classes("nowrap").tooltip(moments.absolute(moment))
    ui.label(late if late and moment < now else moments.until(moment, now)).classes("soft small nowrap")


def _none(*, narrowed: bool) -> None:
    with ui.element("div").classes("empty"):
        ui.icon("filter_alt_off" if narrowed else "autorenew")
        notices.heading("No subscription fits" if narrowed else "No subscriptions yet")
        if narrowed:
            ui.link("Clear the filters", SUBSCRIPTIONS)
        else:
            ui.label("Each item of an order begins one once it is live.").classes("soft")


def _wanted(asked: dict[str, str]) -> Wanted:
    """From the page's address; what is no filter there is passed over."""
    state = asked.get("state", "")
    return Wanted(
        state=SubscriptionState(state) if state in set(SubscriptionState) else None, customer=asked.get("customer") or None
    )
