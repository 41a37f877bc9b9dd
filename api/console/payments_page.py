"""/console/payments: what each gateway was asked and by which rule, and how well the gateways answer."""

import re
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from activities.store import attempts
from activities.store.attempts import StoredPayment, Wanted
from api.console import frame, moments, notices
from api.console.addresses import PAYMENTS, of_order, of_payment, spelled_out
from api.console.chip import chip
from api.console.console import Console
from api.console.gateways_panel import GatewaysPanel
from api.console.look import words
from api.console.pager import Pager
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from domain.payments import Outcome
from domain.roles import Right
from domain.states import PaymentState

PAGE = 25
_OF_A_PERIOD = re.compile(r"(S-[^:]+):[^:]+:[^:]+:v\d+:period:(\d+):invoice:payment:(\d+)")


def install(console: Console) -> None:
    @frame.page(console, PAYMENTS, "Payments", "payments", Right.read_billing)
    async def payments_page(visit: Visit, request: Request) -> None:
        page = PaymentsPage(visit, dict(request.query_params))
        await page.refresh()
        visit.follow(page.refresh)


class PaymentsPage:
    def __init__(self, visit: Visit, asked: dict[str, str]) -> None:
        self._visit = visit
        self._wanted = _wanted(asked)
        notices.heading("Payments", 1)
        self._gateways = GatewaysPanel(visit.console.settings)
        self._filters()
        self._list = Panel(self._draw, "card flush")
        self._pager: Pager[tuple[datetime, str]] = Pager(self.refresh)

    def _filters(self) -> None:
        with ui.element("div").classes("filters"):
            self._text("Order", "order", self._wanted.order)
            self._text("Invoice", "invoice", self._wanted.invoice)
            self._text("Customer", "customer", self._wanted.customer)
            self._choice("Gateway", "gateway", sorted(self._visit.console.settings.all_gateways()), self._wanted.gateway)
            self._choice("State", "state", list(PaymentState), self._wanted.state)
            self._choice("Answer", "outcome", list(Outcome), self._wanted.outcome)

    def _text(self, label: str, name: str, value: str | None) -> None:
        field = ui.input(label, value=value or "").props("outlined dense clearable debounce=300")
        field.on_value_change(lambda event: self._narrow(**{name: (event.value or "").strip()}))

    def _choice(self, label: str, name: str, values: list[str], value: str | None) -> None:
        chosen = value if value in values else None
        select = ui.select({str(each): words(each) for each in values}, label=label, value=chosen, clearable=True)
        select.props("outlined dense options-dense").on_value_change(lambda event: self._narrow(**{name: event.value}))

    async def _narrow(self, **changes: str | None) -> None:
        """Filter anew, from the first page, and keep the address in step."""
        given = {**self._wanted.model_dump(exclude_none=True), **{name: value or None for name, value in changes.items()}}
        self._wanted = Wanted.model_validate(given)
        self._pager.restart()
        kept = {name: str(value) for name, value in self._wanted.model_dump(exclude_none=True).items()}
        ui.navigate.history.replace(spelled_out(PAYMENTS) + (f"?{urlencode(kept)}" if kept else ""))
        await self.refresh()

    async def refresh(self) -> None:
        """Read what the page shows, and show it."""
        now = self._visit.now()
        async with self._visit.console.database.transaction() as connection:
            found = await attempts.page(connection, self._pager.before, PAGE + 1, self._wanted)
            await self._gateways.refresh(connection, now)
        self._list.show(found[:PAGE], self._wanted != Wanted(), moments.minute(now))
        last = found[PAGE - 1] if len(found) > PAGE else None
        self._pager.show((last.asked_at, last.key) if last else None)

    def _draw(self, found: list[StoredPayment], narrowed: bool, now: datetime) -> None:
        if not found:
            _none(narrowed=narrowed)
            return
        payments_table(found, now)


def payments_table(found: list[StoredPayment], now: datetime) -> None:
    rows = [
        (
            partial(_name, payment),
            partial(_order, payment.order),
            payment.gateway,
            partial(chip, payment.state),
            words(payment.outcome) if payment.outcome else "no answer yet",
            payment.rule,
            moments.ago(payment.asked_at, now),
            "" if payment.latency_ms is None else f"{payment.latency_ms} ms",
            str(payment.amount),
        )
        for payment in found
    ]
    table(("Payment", "Order", "Gateway", "State", "Answer", "Rule", "Asked", ">Took", ">Amount"), rows)


def _name(payment: StoredPayment) -> None:
    ui.link(_called(payment.key), of_payment(payment.key)).classes("plain strong").tooltip(payment.key)


def _called(key: str) -> str:
    """The key, or of a period that is invoiced alone, what people call it."""
    found = _OF_A_PERIOD.fullmatch(key)
    return "{}, period {}, payment {}".format(*found.groups()) if found else key


def _order(order: str | None) -> None:
    if order is not None:
        ui.link(order, of_order(order)).classes("plain nowrap")


def _none(*, narrowed: bool) -> None:
    with ui.element("div").classes("empty"):
        ui.icon("filter_alt_off" if narrowed else "credit_card")
        notices.heading("No payment fits" if narrowed else "No payments yet")
        if narrowed:
            ui.link("Clear the filters", PAYMENTS)
        else:
            ui.label("A payment is here from the moment at which its gateway is chosen.").classes("soft")


def _wanted(asked: dict[str, str]) -> Wanted:
    """From the page's address; what is no filter there is passed over."""
    known = {name: asked[name] for name in ("customer", "order", "invoice", "gateway") if asked.get(name)}
    state, outcome = asked.get("state", ""), asked.get("outcome", "")
    return Wanted(
        **known,
        state=PaymentState(state) if state in set(PaymentState) else None,
        outcome=Outcome(outcome) if outcome in set(Outcome) else None,
    )
