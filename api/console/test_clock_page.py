"""/console/test-clocks/{id}: one clock: whose time it tells, advancing it, and what happens on the way, line by line."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from nicegui import background_tasks, ui
from nicegui.element import Element
from pydantic import ValidationError
from starlette.requests import Request

from activities.store import clock_events, clocks, due_rows, views
from activities.store.clock_events import ClockEvent
from activities.store.due_rows import DueRow
from activities.store.views import FalloutRecord
from api import test_clocks
from api.auth import demand
from api.console import frame, moments, notices, stuck
from api.console.addresses import FALLOUT, TEST_CLOCKS, of_customer, of_invoice, of_order, of_subscription
from api.console.console import Console
from api.console.dialog import asking, choices
from api.console.facts import facts, link
from api.console.look import icon_of, tone_of, words
from api.console.panel import Panel
from api.console.subscription_page import KINDS
from api.console.table import Cell, table
from api.console.test_clocks_page import standing
from api.console.visit import Visit
from api.problems import bad_input
from api.test_clocks import AdvanceRequest, Begun
from domain.clocks import Clock
from domain.errors import BadInput, NotFound, TurnupError
from domain.money import Money
from domain.roles import Principal, Right

MOST_EVENTS = 200
MOST_AHEAD = 8
MOST_HALTING = 20
EVERY = 0.5
"""Seconds between two looks at a clock."""
STEPS = {"P1M": "By a month", "P1Y": "By a year"}
NOUNS = {"subscription": "autorenew", "invoice": "receipt_long", "payment": "payments", "credit_note": "undo"}


def install(console: Console) -> None:
    @frame.page(console, f"{TEST_CLOCKS}/{{clock_id}}", "Test clock", "test-clocks", Right.read_billing)
    async def clock_page(visit: Visit, request: Request) -> None:
        page = ClockPage(visit, request.path_params["clock_id"])
        try:
            await page.refresh()
        except NotFound:
            notices.missing(f"test clock {page.id}")
            return
        ui.page_title(f"{page.id} · Turnup")
        visit.follow(page.look, every=EVERY)


class ClockPage:
    def __init__(self, visit: Visit, clock: str) -> None:
        self._visit = visit
        self.id = clock
        self._since: datetime | None = None
        self._halt = ""
        self._clock: Clock | None = None
        self._seen: set[str] = set()
        self._head = Panel(self._draw_head)
        self._progress = Panel(_draw_progress)
        self._banner = Panel(_draw_halt)
        self._facts = Panel(self._draw_facts, "card")
        self._ahead = Panel(_draw_ahead, "card flush")
        with ui.element("div").classes("card"):
            notices.heading("What happened")
            self._nothing = ui.label("Nothing yet.").classes("soft")
            self._list = ui.element("div").classes("timeline").props("aria-live=polite").mark("clock-events")

    async def look(self) -> None:
        """Read what happened where the clock has moved, or is moving."""
        async with self._visit.console.database.transaction() as connection:
            found = await clocks.get(connection, self.id)
        if found != self._clock or found.target is not None:
            await self.refresh()

    async def refresh(self) -> None:
        """Raises NotFound."""
        async with self._visit.console.database.transaction() as connection:
            clock = await clocks.get(connection, self.id)
            attached = await clocks.customers_of(connection, self.id)
            ahead = await due_rows.of_clock(connection, self.id, MOST_AHEAD)
            events = await clock_events.latest(connection, self.id, MOST_EVENTS)
            halting = await views.halting(connection, self.id, MOST_HALTING)
        if clock.target is None or self._since is None:
            self._since = clock.now
        self._clock = clock
        self._head.show(clock)
        self._progress.show(clock, self._since)
        self._banner.show(self._halt, halting)
        self._facts.show(clock, attached)
        self._ahead.show(ahead, clock.now)
        self._nothing.set_visibility(not events)
        for event in reversed(events):
            if event.id not in self._seen:
                self._seen.add(event.id)
                _draw_event(self._list, event).move(self._list, target_index=0)

    def _draw_head(self, clock: Clock) -> None:
        with ui.element("div").classes("row-line"):
            ui.link("Test clocks", TEST_CLOCKS).classes("plain soft")
            ui.label("/").classes("soft")
            notices.heading(clock.id, 1)
            standing(clock)
            ui.element("div").classes("spread")
            if self._visit.may(Right.write_records):
                self._buttons()

    def _buttons(self) -> None:
        _button("Attach a customer", "person_add", self._ask_customer)
        for step, word in STEPS.items():
            _button(word, "fast_forward", self._step(step))
        _button("To a date", "event", self._ask_date)

    def _draw_facts(self, clock: Clock, attached: list[str]) -> None:
        def whose() -> None:
            with ui.element("div").classes("row-line"):
                for customer in attached:
                    ui.link(customer, of_customer(customer)).classes("plain value")

        facts(
            {
                "Shows": moments.absolute(clock.now),
                "Name": clock.name if clock.name != clock.id else "",
                "Customers": whose if attached else "none yet: attach one that has not ordered anything",
                "Made by": clock.created_by,
            }
        )

    def _step(self, step: str) -> Callable[[], Awaitable[None]]:
        async def do() -> None:
            await self._visit.perform(lambda who: self._advance(who, by=step))

        return do

    def _ask_date(self) -> None:
        shown = self._clock.now if self._clock else self._visit.now()
        with asking(self._visit, f"Advance {self.id} to a date") as dialog:
            ui.label(f"It shows {moments.absolute(shown)}, and goes forward only.").classes("soft")
            to = ui.input("Date and time, UTC", value=f"{shown:%Y-%m-%dT%H:%M}").props("outlined")

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._advance(who, to=to.value or ""))

            choices(dialog, "Advance", do)

    async def _advance(self, who: Principal, by: str | None = None, to: str | None = None) -> str:
        demand(who, Right.write_records)
        moment = None if to is None else moments.given(to, "to")
        try:
            request = AdvanceRequest(to=moment, by=by)
        except ValidationError as error:
            raise bad_input(error) from None
        begun = await test_clocks.advance(self._visit.console.context, self.id, request)
        self._since, self._halt = begun.since, ""
        background_tasks.create(self._await(begun), name=f"advance of {self.id}")
        return f"{self.id} is on its way to {moments.absolute(begun.to)}"

    async def _await(self, begun: Begun) -> None:
        """It goes on, and is told in the page's history, also when nobody looks."""
        try:
            await begun.ended
        except TurnupError as error:
            self._halt = str(error)
        if not self._visit.client.is_deleted:
            with self._visit.layer:
                await self.refresh()

    def _ask_customer(self) -> None:
        with asking(self._visit, f"Attach a customer to {self.id}") as dialog:
            ui.label("For good, and only one that has not ordered anything yet.").classes("soft")
            customer = ui.input("Customer id", placeholder="C-900").props("outlined maxlength=40")

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._attach(who, (customer.value or "").strip()))

            choices(dialog, "Attach", do)

    async def _attach(self, who: Principal, customer: str) -> str:
        demand(who, Right.write_records)
        if not customer or "\0" in customer:
            raise BadInput("customer", "is the id of one, such as C-900")
        async with self._visit.console.database.transaction() as connection:
            await clocks.attach(connection, self.id, customer)
        await self.refresh()
        return f"{customer} goes by {self.id} from now on"


def _button(word: str, icon: str, do: Callable[[], object]) -> None:
    ui.button(word, icon=icon, on_click=do).props("outline dense color=primary").classes("px-3")


def _draw_progress(clock: Clock, since: datetime) -> None:
    if clock.target is None:
        return
    done = (clock.now - since) / (clock.target - since) if clock.target > since else 0.0
    with ui.element("div").classes("meter tone-busy").props(f"role=progressbar aria-valuenow={done * 100:.0f}"):
        ui.element("div").style(f"width:{min(max(done, 0.02), 1) * 100:.1f}%")


def _draw_halt(halt: str, halting: list[FalloutRecord]) -> None:
    if not halt and not halting:
        return
    with ui.element("div").classes("banner tone-stuck").mark("halt"):
        ui.icon("pan_tool").props("aria-hidden=true")
        with ui.element("div").classes("text"):
            ui.label(halt or "It cannot go on").classes("strong")
            for record in halting:
                with ui.element("div").classes("row-line"):
                    ui.label(f"{record.title}: {record.error}")
                    where = FALLOUT if record.order is None else of_order(record.order)
                    ui.link(f"Fallout, owner {record.owner}", f"{where}#{stuck.anchor(record)}")
            ui.label("Advance it again once that is out of the way: it goes on from there.")


def _draw_ahead(ahead: list[DueRow], now: datetime) -> None:
    notices.card_head("What comes next")
    if not ahead:
        ui.label("Nothing is due to its customers, except perhaps open charges and invoices.").classes("soft px-4 pb-4")
        return
    table(("When", "What", "Of", "Trouble"), [_ahead_row(row, now) for row in ahead])


def _ahead_row(row: DueRow, now: datetime) -> tuple[Cell, ...]:
    when = f"{moments.day(row.due_at)}, {moments.until(row.due_at, now)}" if row.due_at != now else "now"
    subject: Cell = link(row.subject, of_subscription(row.subject)) if row.subject.startswith("S-") else row.subject
    return (when, KINDS.get(row.kind, words(row.kind)), subject, row.error or "")


def _draw_event(box: Element, event: ClockEvent) -> Element:
    noun, _, word = event.type.partition(".")
    with box, ui.element("div").classes(f"moment dated tone-{tone_of(word)}") as drawn:
        ui.label(moments.day(event.at)).classes("soft small number").tooltip(moments.absolute(event.at))
        ui.icon(NOUNS.get(noun) or icon_of(word)).props("aria-hidden=true")
        with ui.element("div").classes("said"):
            amount = Money(minor=event.amount, currency=event.currency) if event.currency and event.amount is not None else None
            said = moments.worded(event.summary)
            ui.label(f"{said}: {words(word)}, {amount}" if amount else said)
            with ui.element("div").classes("row-line small"):
                is_life = noun == "subscription"
                ui.link(event.subject, of_subscription(event.subject) if is_life else of_invoice(event.subject)).classes(
                    "plain"
                )
                ui.link(event.customer, of_customer(event.customer)).classes("plain soft")
    return drawn
