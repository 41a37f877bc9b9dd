"""/console/invoices/{id}: one invoice: what was charged and why, its tax, how far it is settled, and what it booked."""

from nicegui import ui
from starlette.requests import Request

from activities.store import collections, credit_notes, invoice_events, invoices, ledger
from activities.store.invoice_events import InvoiceEvent
from activities.store.invoices import StoredInvoice
from activities.store.ledger import LedgerLine
from api.console import frame, invoice_actions, moments, notices, processes
from api.console.addresses import INVOICES, of_customer, of_order
from api.console.chip import chip
from api.console.console import Console
from api.console.look import words
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from domain import keys
from domain.billing.credit_notes import CreditNote
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice
from domain.billing.tax.documents import TaxSubtotal
from domain.errors import NotFound
from domain.money import Money
from domain.roles import Right

MOST_ENTRIES = 200


def install(console: Console) -> None:
    @frame.page(console, f"{INVOICES}/{{invoice_id}}", "Invoice", "invoices", Right.read_billing)
    async def invoice_page(visit: Visit, request: Request) -> None:
        page = InvoicePage(visit, request.path_params["invoice_id"])
        try:
            await page.refresh()
        except NotFound as error:
            notices.missing(f"invoice {error}")
            return
        visit.follow(page.refresh)


class InvoicePage:
    def __init__(self, visit: Visit, invoice: str) -> None:
        self._visit = visit
        self._id = invoice
        self._head = Panel(self._draw_head)
        self._facts = Panel(_draw_facts)
        self._lines = Panel(_draw_lines)
        self._notes = Panel(_draw_notes)
        self._events = Panel(_draw_events)
        self._ledger = Panel(_draw_ledger)

    async def refresh(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            stored = await invoices.get(connection, self._id)
            events = await invoice_events.of_invoice(connection, self._id)
            collected = await collections.count(connection, self._id)
            notes = await credit_notes.of_invoice(connection, self._id)
            entries = await ledger.page(connection, 0, MOST_ENTRIES, subject=self._id)
        ui.page_title(f"{stored.invoice.number or 'Draft'} · Turnup")
        self._head.show(stored, collected, corrected=bool(events))
        self._facts.show(stored)
        self._lines.show(stored.invoice)
        self._notes.show(notes)
        self._events.show(events)
        self._ledger.show(entries)

    def _draw_processes(self, stored: StoredInvoice, collected: int, *, corrected: bool) -> None:
        """Those that there were: its order's, that which collects it, and that of what people did to it."""
        settings = self._visit.console.settings
        if stored.order is not None:
            processes.link(settings, keys.order_workflow(stored.order), "order")
        if collected:
            processes.link(settings, keys.collection_workflow(self._id), "payment")
        if corrected:
            processes.link(settings, keys.invoice_workflow(self._id), "corrections")

    def _draw_head(self, stored: StoredInvoice, collected: int, *, corrected: bool) -> None:
        with ui.element("div").classes("row-line"):
            notices.heading(f"Invoice {stored.invoice.number}" if stored.invoice.number else "Draft invoice", 1)
            chip(stored.invoice.state)
            ui.element("div").classes("spread")
            self._draw_processes(stored, collected, corrected=corrected)
            invoice_actions.buttons(self._visit, stored, self.refresh)
        if stored.waiting_for:
            with ui.element("div").classes("banner tone-wait"):
                ui.icon("hourglass_top")
                ui.label(f"It waits for {stored.waiting_for} and is issued once it is there.").classes("text")


def _draw_facts(stored: StoredInvoice) -> None:
    invoice = stored.invoice
    facts = {
        "Sold by": invoice.legal_entity,
        "Issued" if invoice.number else "To be issued": f"{invoice.issue_date:%d %b %Y}",
        "Due": f"{invoice.due_date:%d %b %Y}",
        "Total": str(invoice.gross) if invoice.taxed else "with its tax, once it is issued",
        "Paid": str(invoice.paid),
        "Credited": str(invoice.credited),
        "Written off": str(invoice.written_off) if invoice.written_off else "",
        "Still due": str(invoice.amount_due),
        "From credit": _from_credit(invoice),
        "Carried forward": _carried(invoice),
        "Id": invoice.id,
    }
    with ui.element("div").classes("card"), ui.element("div").classes("facts"):
        with ui.element("div").classes("fact"):
            ui.label("Customer").classes("name")
            ui.link(invoice.customer, of_customer(invoice.customer)).classes("plain value")
        for name, value in facts.items():
            if value:
                _fact(name, value)
        if stored.order is not None:
            with ui.element("div").classes("fact"):
                ui.label("Order").classes("name")
                ui.link(stored.order, of_order(stored.order)).classes("plain value")


def _fact(name: str, value: str) -> None:
    with ui.element("div").classes("fact"):
        ui.label(name).classes("name")
        ui.label(value).classes("value number")


def _from_credit(invoice: Invoice) -> str:
    settlement = invoice.settlement
    taken = settlement.balance_applied + settlement.prepaid_applied if settlement else None
    return str(taken) if taken else ""


def _carried(invoice: Invoice) -> str:
    carried = invoice.settlement.carried_forward if invoice.settlement else None
    return str(carried) if carried else ""


def _draw_lines(invoice: Invoice) -> None:
    rows = [
        (line.description, _period(invoice, index), line.explanation, str(_net(invoice, index)))
        for index, line in enumerate(invoice.lines)
    ]
    taxes = [(_tax(each), "", "", str(each.tax)) for each in invoice.taxed.subtotals] if invoice.taxed else []
    last = [("Total", "", "", str(invoice.gross))] if invoice.taxed else []
    with ui.element("div").classes("card flush"):
        notices.card_head("Lines")
        table(("Line", "Service period", "How it came about", ">Net"), [*rows, *taxes, *last], last_is_sum=bool(last))
    if invoice.state is InvoiceState.draft:
        ui.label("Coupons, tax and explanations are added when it is issued.").classes("soft small")


def _net(invoice: Invoice, index: int) -> Money:
    return invoice.taxed.lines[index].net if invoice.taxed else invoice.lines[index].discounted


def _period(invoice: Invoice, index: int) -> str:
    period = invoice.lines[index].period
    return f"{period.start:%d %b %Y} until {period.end:%d %b %Y}" if period else ""


def _tax(each: TaxSubtotal) -> str:
    kind = each.kind
    if not kind.tax:
        return kind.reason or "No tax"
    return f"{kind.tax} {kind.percent.normalize():f} % of {each.taxable} ({kind.jurisdiction})"


def _draw_notes(notes: list[CreditNote]) -> None:
    if not notes:
        return
    rows = [
        (note.number, f"{note.issue_date:%d %b %Y}", note.memo or note.reason.replace("_", " "), str(-note.taxed.gross))
        for note in notes
    ]
    with ui.element("div").classes("card flush"):
        notices.card_head("Credit notes")
        table(("Number", "Issued", "Why", ">Amount"), rows)


def _draw_events(events: list[InvoiceEvent]) -> None:
    if not events:
        return
    rows = [(event.summary, event.actor, moments.absolute(event.at)) for event in events]
    with ui.element("div").classes("card flush"):
        notices.card_head("What was done to it")
        table(("What", "Who", "When"), rows)


def _draw_ledger(entries: list[LedgerLine]) -> None:
    if not entries:
        return
    rows = [(line.description, words(line.account), moments.absolute(line.posted_at), str(line.amount)) for line in entries]
    with ui.element("div").classes("card flush"):
        notices.card_head("Ledger: what is due of it, and its tax")
        table(("Transaction", "Account", "Posted", ">Amount"), rows)
