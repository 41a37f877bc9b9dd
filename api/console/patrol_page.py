"""/console/patrol: what must never be and was found, and when somebody last looked."""

from datetime import datetime
from functools import partial

from nicegui import ui
from starlette.requests import Request

from activities.store import patrol
from activities.store.patrol import Finding, LastRound
from api.console import frame, moments, notices
from api.console.addresses import of_order
from api.console.console import Console
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from domain.invariants.catalogue import INVARIANTS

MOST = 100
SAYS = {invariant.name: invariant.says for invariant in INVARIANTS}


def install(console: Console) -> None:
    @frame.page(console, "/patrol", "Patrol", "patrol")
    async def patrol_page(visit: Visit, _request: Request) -> None:
        page = PatrolPage(visit)
        await page.refresh()
        visit.follow(page.refresh)


class PatrolPage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        notices.heading("Patrol", 1)
        ui.label("What must never be: looked for every few minutes in every order that is new or at work.").classes("soft")
        self._round = Panel(self._draw_round)
        self._list = Panel(self._draw, "card flush")

    async def refresh(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            last = await patrol.last_round(connection)
            found = await patrol.findings(connection, is_open=True, before=None, limit=MOST)
        self._round.show(last, moments.minute(self._visit.now()))
        self._list.show(found, moments.minute(self._visit.now()))

    def _draw_round(self, last: LastRound, _minute: datetime) -> None:
        if last.finished_at is None:
            ui.label("No round has been made yet.").classes("soft")
        else:
            when = moments.ago(last.finished_at, self._visit.now())
            ui.label(f"Last round {when}, {last.orders} orders looked at, {len(INVARIANTS)} rules.").classes("soft")

    def _draw(self, found: list[Finding], _minute: datetime) -> None:
        if not found:
            with ui.element("div").classes("empty"):
                ui.icon("task_alt")
                notices.heading("Nothing is wrong")
                ui.label("Money, access and progress of every order looked at are as they must be.").classes("soft")
            return
        rows = [
            (
                partial(_subject, finding),
                SAYS.get(finding.invariant, finding.invariant),
                finding.expected,
                finding.found,
                moments.ago(finding.opened_at, self._visit.now()),
            )
            for finding in found
        ]
        table(("Found at", "Rule", "Expected", "Found", "Since"), rows)


def _subject(finding: Finding) -> None:
    if finding.order_id is not None and finding.subject.startswith(finding.order_id):
        ui.link(finding.subject, of_order(finding.order_id)).classes("plain strong")
    else:
        ui.label(finding.subject).classes("strong")
