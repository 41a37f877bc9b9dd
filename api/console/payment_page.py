"""/console/payments/{key}: which gateways one payment and its fellows were sent to, why, and what they answered."""

from datetime import datetime

from nicegui import ui
from starlette.requests import Request

from activities.store import attempts
from activities.store.attempts import StoredPayment
from api.console import frame, moments, notices, processes
from api.console.addresses import PAYMENTS, of_invoice, of_order
from api.console.chip import chip
from api.console.console import Console
from api.console.panel import Panel
from api.console.payments_page import payments_table
from api.console.table import table
from api.console.visit import Visit
from domain import keys
from domain.errors import NotFound
from domain.roles import Right


def install(console: Console) -> None:
    @frame.page(console, f"{PAYMENTS}/{{payment_key}}", "Payment", "payments", Right.read_billing)
    async def payment_page(visit: Visit, request: Request) -> None:
        page = PaymentPage(visit, request.path_params["payment_key"])
        try:
            await page.refresh()
        except NotFound:
            notices.missing(f"payment {page.key}")
            return
        visit.follow(page.refresh)


class PaymentPage:
    def __init__(self, visit: Visit, key: str) -> None:
        self._visit = visit
        self.key = key
        self._head = Panel(self._draw_head, "card")
        self._looks = Panel(_draw_looks, "card flush")
        self._asked = Panel(_draw_asked, "card flush")

    async def refresh(self) -> None:
        """Raises NotFound."""
        async with self._visit.console.database.transaction() as connection:
            payment = await attempts.get(connection, self.key)
            asked = await attempts.of_subject(connection, keys.paid_subject(self.key))
        self._head.show(payment)
        self._looks.show(payment)
        self._asked.show(asked, moments.minute(self._visit.now()))

    def _draw_head(self, payment: StoredPayment) -> None:
        with ui.element("div").classes("row-line"):
            notices.heading(f"Payment {payment.key}", 1)
            chip(payment.state)
            ui.element("div").classes("spread")
            processes.link(self._visit.console.settings, processes.of_payment(payment.key))
        with ui.element("div").classes("facts"):
            for name, value in _facts(payment):
                with ui.element("div").classes("fact"):
                    ui.label(name).classes("name")
                    ui.label(value).classes("value")
        if payment.order:
            ui.link(f"Order {payment.order}", of_order(payment.order))
        else:
            invoice = keys.paid_subject(payment.key)
            ui.link(f"Invoice {invoice}", of_invoice(invoice))


def _facts(payment: StoredPayment) -> list[tuple[str, str]]:
    """Those that are known."""
    facts = (
        ("Amount", str(payment.amount)),
        ("Captured", str(payment.captured) if payment.captured else None),
        ("Refunded", str(payment.refunded) if payment.refunded else None),
        ("Gateway", payment.gateway),
        ("Rule", payment.rule),
        ("Customer", payment.customer or None),
        ("Asked", moments.absolute(payment.asked_at)),
        ("Answer", str(payment.outcome or "none yet").replace("_", " ")),
        ("Code", payment.code),
        ("Took", None if payment.latency_ms is None else f"{payment.latency_ms} ms"),
        ("Failed before", f"{payment.failures} times" if payment.failures else None),
        ("Gateway's reference", payment.reference),
        ("Gateway's request", payment.request_id),
    )
    return [(name, value) for name, value in facts if value]


def _draw_looks(payment: StoredPayment) -> None:
    notices.card_head("Why it went there")
    table(("Rule", "Decided", "Because"), [(look.rule, "yes" if look.decided else "no", look.why) for look in payment.looks])


def _draw_asked(asked: list[StoredPayment], now: datetime) -> None:
    notices.card_head("All payments for the same")
    payments_table(asked, now)
