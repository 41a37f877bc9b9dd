"""/console/test-clocks: the clocks that tell chosen customers their time, and making one."""

from datetime import datetime
from functools import partial

from nicegui import ui
from pydantic import ValidationError
from starlette.requests import Request

from activities.store import clocks
from api import test_clocks
from api.console import frame, moments, notices
from api.console.addresses import TEST_CLOCKS, of_clock
from api.console.chip import chip
from api.console.console import Console
from api.console.dialog import asking, choices
from api.console.facts import link
from api.console.pager import Pager
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from api.problems import bad_input
from api.test_clocks import NewClock
from domain.clocks import Clock
from domain.roles import Principal, Right

PAGE = 25


def install(console: Console) -> None:
    @frame.page(console, TEST_CLOCKS, "Test clocks", "test-clocks", Right.read_billing)
    async def clocks_page(visit: Visit, _request: Request) -> None:
        page = ClocksPage(visit)
        await page.refresh()
        visit.follow(page.refresh)


class ClocksPage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        with ui.element("div").classes("row-line"):
            notices.heading("Test clocks", 1)
            ui.element("div").classes("spread")
            if visit.may(Right.write_records):
                ui.button("New test clock", icon="add", on_click=self._ask).props("unelevated dense").classes("px-3")
        ui.label(
            "A clock stands still until it is advanced, and moves the customers attached to it through months in seconds. "
            "Nobody else sees it."
        ).classes("soft")
        self._list = Panel(self._draw, "card flush")
        self._pager: Pager[str] = Pager(self.refresh, ("Back", "On"))

    async def refresh(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            found = await clocks.page(connection, self._pager.before, PAGE + 1)
        self._list.show(found[:PAGE], moments.minute(self._visit.now()))
        self._pager.show(found[PAGE - 1].id if len(found) > PAGE else None)

    def _draw(self, found: list[Clock], _minute: datetime) -> None:
        if not found:
            with ui.element("div").classes("empty"):
                ui.icon("more_time")
                notices.heading("No test clocks yet")
            return
        rows = [
            (
                link(each.id, of_clock(each.id)),
                each.name if each.name != each.id else "",
                moments.absolute(each.now),
                partial(standing, each),
                f"{each.created_by}, {moments.ago(each.created_at, self._visit.now())}",
            )
            for each in found
        ]
        table(("Clock", "Name", "Shows", "State", "Made by"), rows)

    def _ask(self) -> None:
        with asking(self._visit, "New test clock") as dialog:
            id_ = ui.input("Id", placeholder="two-years").props("outlined maxlength=60")
            name = ui.input("Name", placeholder="What it is for").props("outlined maxlength=120")
            shows = ui.input("Shows, UTC", value=f"{self._visit.now():%Y-%m-%dT%H:%M}").props("outlined")

            async def do() -> bool:
                return await self._visit.perform(
                    lambda who: self._make(who, id_.value or "", name.value or "", shows.value or "")
                )

            choices(dialog, "Make it", do)

    async def _make(self, who: Principal, id_: str, name: str, shows: str) -> str:
        moment = moments.given(shows, "shows")
        try:
            request = NewClock(id=id_.strip(), name=name.strip() or None, now=moment)
        except ValidationError as error:
            raise bad_input(error) from None
        made = await test_clocks.make(self._visit.console.context, who, request)
        ui.navigate.to(of_clock(made.id))
        return f"Test clock {made.id} shows {moments.absolute(made.now)}"


def standing(clock: Clock) -> None:
    """Whether it is on its way."""
    if clock.target is None:
        chip("settled", "stands still")
    else:
        chip("in_progress", f"on its way to {moments.day(clock.target)}")
