"""/console/reconciliation: what gateway, ledger and invoices do not say alike, and money whose owner is not known."""

from datetime import datetime
from functools import partial

from nicegui import ui
from starlette.requests import Request

from activities.store import invoices, receipts, reconciliation
from activities.store.database import Connection
from activities.store.receipts import Assignment, Receipt
from activities.store.reconciliation import Run, WorkItem
from api.console import frame, moments, notices
from api.console.addresses import RECONCILIATION
from api.console.console import Console
from api.console.dialog import asking, choices, reason_field
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from domain.errors import BadInput
from domain.roles import Principal, Right

MOST = 100
"""Of each list, the oldest first: what is dealt with makes room for the rest."""


def install(console: Console) -> None:
    @frame.page(console, RECONCILIATION, "Reconciliation", "reconciliation", Right.reconcile)
    async def reconciliation_page(visit: Visit, _request: Request) -> None:
        page = ReconciliationPage(visit)
        await page.refresh()
        visit.follow(page.refresh)


class ReconciliationPage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        notices.heading("Reconciliation", 1)
        text = "Each day the gateway’s report, the ledger and the invoices are compared. Money is booked first, then matched."
        ui.label(text).classes("soft")
        self._runs = Panel(self._draw_runs)
        self._differences = Panel(self._draw_differences, "card flush")
        self._suspense = Panel(self._draw_suspense, "card flush")

    async def refresh(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            runs = await reconciliation.runs(connection, 1)
            items = await reconciliation.work_items(connection, None, MOST, is_open=True)
            waiting = await receipts.page(connection, None, MOST, in_suspense=True)
        minute = moments.minute(self._visit.now())
        self._runs.show(runs, minute)
        self._differences.show(items, minute)
        self._suspense.show(waiting)

    def _draw_runs(self, runs: list[Run], _minute: datetime) -> None:
        if not runs:
            ui.label("No day has been compared yet.").classes("soft")
        for run in runs:
            when = moments.ago(run.finished_at, self._visit.now())
            text = (
                f"{run.day:%d %b %Y} of {run.gateway} was compared {when}: {run.compared} looked at, {run.differences} differ."
            )
            ui.label(text).classes("soft")

    def _draw_differences(self, items: list[WorkItem], _minute: datetime) -> None:
        notices.card_head("Differences")
        if not items:
            _nothing("Gateway, ledger and invoices agree")
            return
        rows = [
            (
                item.subject,
                item.text,
                item.expected,
                item.found,
                item.owner,
                moments.ago(item.opened_at, self._visit.now()),
                partial(self._button, "Dealt with", partial(self._ask_resolved, item)),
            )
            for item in items
        ]
        table(("About", "What differs", "Expected", "Found", "Owner", "Since", ""), rows)

    def _draw_suspense(self, waiting: list[Receipt]) -> None:
        notices.card_head("Money in suspense")
        if not waiting:
            _nothing("All money that moved is matched")
            return
        rows = [
            (
                f"{receipt.booked_on:%d %b %Y}",
                receipt.account,
                receipt.remittance or receipt.reference,
                receipt.reason,
                receipt.owner or "",
                str(receipt.unmatched),
                partial(self._button, "Match", partial(self._ask_match, receipt)),
            )
            for receipt in waiting
        ]
        table(("Booked", "Account", "Text", "Why it is not matched", "Owner", ">Unmatched", ""), rows)

    def _button(self, word: str, ask: partial[None]) -> None:
        ui.button(word, on_click=ask).props("dense outline").classes("px-3")

    def _ask_resolved(self, item: WorkItem) -> None:
        with asking(self._visit, f"Dealt with: {item.subject}") as dialog:
            ui.label(f"{item.text}: expected {item.expected}, found {item.found}.").classes("soft")
            reason = reason_field("Reason", "What was found out, kept with your name")

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._resolve(who, item, reason.value or ""))

            choices(dialog, "Dealt with", do)

    async def _resolve(self, who: Principal, item: WorkItem, reason: str) -> str:
        _needed(reason)
        async with self._visit.console.database.transaction() as connection:
            await reconciliation.resolve(connection, item.key, who.name, reason.strip(), self._visit.now())
        await self.refresh()
        return f"{item.subject} is dealt with"

    def _ask_match(self, receipt: Receipt) -> None:
        with asking(self._visit, f"Match {receipt.unmatched}") as dialog:
            ui.label("What the invoice does not take becomes its customer’s credit.").classes("soft")
            invoice = ui.input("Invoice number").props("outlined maxlength=200")
            reason = reason_field("Reason", "How you know, kept with your name")

            async def do() -> bool:
                return await self._visit.perform(
                    lambda who: self._match(who, receipt, (invoice.value or "").strip(), reason.value or "")
                )

            choices(dialog, "Match", do)

    async def _match(self, who: Principal, receipt: Receipt, number: str, reason: str) -> str:
        _needed(reason)
        async with self._visit.console.database.transaction() as connection:
            invoice = await _invoice(connection, number)
            wanted = Assignment(receipt=receipt.key, invoice=invoice, by=who.name, reason=reason.strip())
            matched = await receipts.assign(connection, wanted, self._visit.now())
        await self.refresh()
        return f"{matched.amount - matched.unmatched} of {matched.amount} is matched"


def _needed(reason: str) -> None:
    if not reason.strip():
        raise BadInput("reason", "is kept with your name, so say something")


async def _invoice(connection: Connection, number: str) -> str:
    """The invoice of a number; where it is none, the text may be an id."""
    found = await invoices.page(connection, None, 2, number=number)
    if len(found) > 1:
        raise BadInput("invoice", f"{number} is a number of two legal entities; give the invoice's id")
    return found[0].id if found else number


def _nothing(text: str) -> None:
    with ui.element("div").classes("empty"):
        ui.icon("task_alt")
        notices.heading(text)
