"""/console/payment-methods: what customers have on file to pay with, and what of it ends soon."""

from functools import partial
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from activities.store import payment_methods
from api.console import frame, moments, notices
from api.console.addresses import PAYMENT_METHODS, spelled_out
from api.console.chip import chip
from api.console.console import Console
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from domain.payment_methods import EXPIRING_WITHIN, MethodFacts, StoredMethod
from domain.roles import Right

MOST = 100


def install(console: Console) -> None:
    @frame.page(console, PAYMENT_METHODS, "Payment methods", "payment-methods", Right.read_billing)
    async def payment_methods_page(visit: Visit, request: Request) -> None:
        page = PaymentMethodsPage(visit, dict(request.query_params))
        await page.refresh()
        visit.follow(page.refresh)


class PaymentMethodsPage:
    def __init__(self, visit: Visit, asked: dict[str, str]) -> None:
        self._visit = visit
        self._customer = asked.get("customer") or None
        self._expiring = asked.get("expiring") == "true"
        notices.heading("Payment methods", 1)
        ui.label("Cards and accounts as their gateways describe them. No card number is kept here.").classes("soft")
        self._filters()
        self._list = Panel(self._draw, "card flush")

    def _filters(self) -> None:
        with ui.element("div").classes("filters"):
            field = ui.input("Customer", value=self._customer or "").props("outlined dense clearable debounce=300")
            field.on_value_change(lambda event: self._narrow((event.value or "").strip() or None, self._expiring))
            box = ui.checkbox("Only those that end within 30 days", value=self._expiring)
            box.on_value_change(lambda event: self._narrow(self._customer, bool(event.value)))

    async def _narrow(self, customer: str | None, expiring: bool) -> None:
        """Filter anew, and keep the address in step."""
        self._customer, self._expiring = customer, expiring
        kept = {name: value for name, value in (("customer", customer), ("expiring", "true" if expiring else None)) if value}
        ui.navigate.history.replace(spelled_out(PAYMENT_METHODS) + (f"?{urlencode(kept)}" if kept else ""))
        await self.refresh()

    async def refresh(self) -> None:
        """Read what the page shows, and show it."""
        ends = self._visit.now() + EXPIRING_WITHIN if self._expiring else None
        async with self._visit.console.database.transaction() as connection:
            found = await payment_methods.page(connection, None, MOST, self._customer, ends)
            defaults = await payment_methods.defaults_of(connection, {method.customer for method in found})
        self._list.show(found, defaults, moments.minute(self._visit.now()))

    def _draw(self, found: list[StoredMethod], defaults: dict[str, str | None], _minute: object) -> None:
        if not found:
            with ui.element("div").classes("empty"):
                ui.icon("credit_card_off")
                notices.heading("No payment method")
                ui.label("POST /v1/payment-methods adds one.").classes("soft")
            return
        rows = [
            (
                partial(draw_name, method.facts),
                method.customer,
                lambda method=method: chip(method.state),
                "default" if defaults.get(method.customer) == method.id else "",
                partial(self._ends, method),
                ", ".join(sorted(method.tokens)),
                moments.ago(method.added_at, self._visit.now()),
            )
            for method in found
        ]
        table(("Method", "Customer", "State", "Charged", "Good through", "Gateways", "Added"), rows)

    def _ends(self, method: StoredMethod) -> None:
        facts = method.facts
        ui.label(f"{facts.exp_month:02}/{facts.exp_year}" if facts.exp_month and facts.exp_year else "–")
        if method.expires_soon(self._visit.now()):
            chip("waiting", "ends soon")


def draw_name(facts: MethodFacts) -> None:
    """What a person knows it by."""
    shown = (facts.brand or facts.kind).replace("_", " ")
    ui.label(f"{shown} •••• {facts.last4}" if facts.last4 else shown).classes("strong")
    if facts.brand:
        ui.label(facts.kind.replace("_", " ")).classes("soft")
