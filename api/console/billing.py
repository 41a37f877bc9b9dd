"""The invoice of an order and what is in the ledger for it."""

from nicegui import ui

from activities.store.ledger import LedgerLine
from activities.store.views import Invoice
from api.console import moments, notices
from api.console.addresses import of_invoice
from api.console.chip import chip
from api.console.look import words
from api.console.table import table
from domain.money import total


def cards(invoice: Invoice | None, ledger: list[LedgerLine]) -> None:
    with ui.element("div").classes("stack"):
        if invoice:
            with ui.element("div").classes("card flush"):
                _invoice(invoice)
        if ledger:
            with ui.element("div").classes("card flush"):
                _ledger(ledger)


def _invoice(invoice: Invoice) -> None:
    with ui.element("div").classes("row-line px-4 pt-4 pb-1"):
        notices.heading("Invoice")
        chip(invoice.state)
        ui.link(invoice.number or invoice.id, of_invoice(invoice.id)).classes("plain small")
    lines = [[f"{line.name} (item {line.item})", str(line.quantity), str(line.amount)] for line in invoice.lines]
    taxes = [["Tax", "", str(invoice.tax)]] if invoice.tax else []
    notes = [[f"Credit: {note.reason or note.id}", "", str(-note.amount)] for note in invoice.credit_notes]
    table(
        ["Line", ">Quantity", ">Amount"],
        [*lines, *taxes, *notes, ["Total", "", str(invoice.total - invoice.credited)]],
        last_is_sum=True,
    )
    with ui.element("div").classes("facts small px-4 pb-4"):
        ui.label(f"paid {invoice.paid}").classes("number")
        ui.label(f"credited {invoice.credited}").classes("number")


def _ledger(ledger: list[LedgerLine]) -> None:
    balance = total([line.amount for line in ledger], ledger[0].amount.currency)
    with ui.element("div").classes("row-line px-4 pt-4 pb-1"):
        notices.heading("Ledger")
        chip("done" if not balance else "failed", "balanced" if not balance else "not balanced")
    rows = [[line.transaction, words(line.account), moments.clock(line.posted_at), str(line.amount)] for line in ledger]
    table(["Transaction", "Account", "Posted", ">Amount"], [*rows, ["Sum", "", "", str(balance)]], last_is_sum=True)
