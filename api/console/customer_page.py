"""/console/customers/{id}: one customer: what it has, what it owes, what it may use and why not, and its open orders."""

from datetime import datetime
from functools import partial

from nicegui import ui
from starlette.requests import Request

from activities.store import (
    balances,
    clocks,
    customer_views,
    customers,
    dunning_views,
    erasures,
    invoices,
    payment_methods,
    services,
    subscriptions,
    views,
    wallets,
)
from activities.store.customer_views import Owed
from activities.store.database import Connection
from activities.store.invoices import InvoiceSummary
from activities.store.subscriptions import StoredSubscription
from activities.store.views import OrderFilter, OrderLine
from api.console import customer_access, dunning_panel, frame, moments, notices, privacy_panel, processes
from api.console.addresses import CUSTOMERS, INVOICES, PAYMENT_METHODS, SUBSCRIPTIONS, of_clock, of_order, of_subscription
from api.console.chip import chip
from api.console.console import Console
from api.console.facts import facts, link
from api.console.panel import Panel
from api.console.payment_methods_page import draw_name
from api.console.subscription_page import invoices_table
from api.console.table import table
from api.console.visit import Visit
from domain import keys
from domain.billing.credits import Wallet
from domain.clocks import Clock
from domain.customers import Customer
from domain.dunning import CaseState
from domain.errors import NotFound
from domain.money import Money, total
from domain.payment_methods import StoredMethod
from domain.roles import Right

MOST = 25
MOST_ACCESS = 100


def install(console: Console) -> None:
    @frame.page(console, f"{CUSTOMERS}/{{customer_id}}", "Customer", "customers", Right.read_records)
    async def customer_page(visit: Visit, request: Request) -> None:
        page = CustomerPage(visit, request.path_params["customer_id"])
        try:
            await page.refresh()
        except NotFound:
            notices.missing(f"customer {page.id}")
            return
        ui.page_title(f"{page.id} · Turnup")
        visit.follow(page.refresh)


class CustomerPage:
    """What is about money is shown to whoever may read it."""

    def __init__(self, visit: Visit, customer: str) -> None:
        self._visit = visit
        self.id = customer
        self._head = Panel(_draw_head)
        self._facts = Panel(_draw_facts, "card")
        self._money = Panel(_draw_money)
        self._dunning = Panel(dunning_panel.draw_list)
        self._subscriptions = Panel(self._draw_subscriptions)
        self._orders = Panel(self._draw_orders)
        self._invoices = Panel(self._draw_invoices)
        self._access = Panel(customer_access.cards, "stack")
        self._methods = Panel(self._draw_methods)
        self._privacy = Panel(privacy_panel.PrivacyPanel(visit, customer, self.refresh).draw)

    async def refresh(self) -> None:
        """Raises NotFound."""
        async with self._visit.console.database.transaction() as connection:
            customer = await customers.get(connection, self.id)
            clock = await clocks.of_customer(connection, self.id)
            now = clock.now if clock else moments.minute(self._visit.now())
            self._head.show(customer)
            self._facts.show(customer, clock)
            if self._visit.may(Right.read_billing):
                await self._refresh_money(connection, now)
            wanted = OrderFilter(customer=self.id, is_open=True)
            self._orders.show(await views.order_lines(connection, wanted, None, MOST), moments.minute(self._visit.now()))
            entitled = await customer_views.entitled(connection, self.id, MOST_ACCESS)
            blocked = await customer_views.blocked(connection, self.id)
            self._privacy.show(await erasures.find(connection, self.id))
            self._access.show(await services.page(connection, None, MOST_ACCESS, self.id), entitled, blocked)

    async def _refresh_money(self, connection: Connection, now: datetime) -> None:
        self._money.show(
            await customer_views.owed(connection, self.id),
            await balances.of_customer(connection, self.id),
            await wallets.of_customer(connection, self.id),
        )
        self._subscriptions.show(await subscriptions.page(connection, None, MOST, customer=self.id), now)
        unpaid = await dunning_views.page(connection, None, MOST, customer=self.id, state=CaseState.open)
        self._dunning.show(unpaid, now)
        self._invoices.show(await invoices.page(connection, None, MOST, customer=self.id))
        methods = await payment_methods.of_customer(connection, self.id)
        self._methods.show(methods, await payment_methods.default_of(connection, self.id))

    def _draw_subscriptions(self, found: list[StoredSubscription], now: datetime) -> None:
        if not found:
            return
        rows = [
            (
                link(each.subscription.id, of_subscription(each.subscription.id)),
                f"{each.subscription.plan_name} × {each.subscription.quantity}",
                lambda each=each: chip(each.state),
                f"{moments.day(each.next_renewal)}, {moments.until(each.next_renewal, now)}" if each.next_renewal else "",
                moments.day(each.subscription.paid_until) if each.subscription.paid_until else "",
            )
            for each in found
        ]
        with ui.element("div").classes("card flush"):
            _card_head("Subscriptions", f"{SUBSCRIPTIONS}?customer={self.id}")
            table(("Subscription", "Plan", "State", "Next renewal", "Paid until"), rows)

    def _draw_orders(self, found: list[OrderLine], _minute: datetime) -> None:
        if not found:
            return
        rows = [
            (
                link(each.id, of_order(each.id)),
                lambda each=each: chip(each.state),
                each.waiting_on or "",
                moments.ago(each.placed_at, self._visit.now()),
                str(each.total),
                lambda each=each: self._temporal(each.id),
            )
            for each in found
        ]
        with ui.element("div").classes("card flush"):
            _card_head("Open orders", f"/orders?customer={self.id}")
            table(("Order", "State", "Waits on", "Placed", ">Total", "Process"), rows)

    def _temporal(self, order: str) -> None:
        processes.link(self._visit.console.settings, keys.order_workflow(order))

    def _draw_invoices(self, found: list[InvoiceSummary]) -> None:
        if not found:
            return
        with ui.element("div").classes("card flush"):
            _card_head("Invoices", f"{INVOICES}?customer={self.id}")
            invoices_table(found)

    def _draw_methods(self, found: list[StoredMethod], default: str | None) -> None:
        if not found and not default:
            return
        with ui.element("div").classes("card flush"):
            _card_head("Payment methods", f"{PAYMENT_METHODS}?customer={self.id}")
            if default and default not in {each.id for each in found}:
                ui.label("Charged is a token of the gateway, of which nothing more is kept here.").classes("soft px-4 pb-4")
            rows = [
                (
                    partial(draw_name, each.facts),
                    lambda each=each: chip(each.state),
                    "default" if each.id == default else "",
                    f"{each.facts.exp_month:02}/{each.facts.exp_year}" if each.facts.exp_month and each.facts.exp_year else "",
                )
                for each in found
            ]
            if rows:
                table(("Method", "State", "Charged", "Good through"), rows)


def _card_head(title: str, every: str) -> None:
    with ui.element("div").classes("row-line px-4 pt-4 pb-1"):
        notices.heading(title)
        ui.element("div").classes("spread")
        ui.link("All", every).classes("plain small")


def _draw_head(customer: Customer) -> None:
    with ui.element("div").classes("row-line"):
        ui.link("Customers", CUSTOMERS).classes("plain soft")
        ui.label("/").classes("soft")
        notices.heading(f"{customer.name} ({customer.id})", 1)
        chip(customer.risk, f"risk {customer.risk}") if customer.risk != "normal" else None


def _draw_facts(customer: Customer, clock: Clock | None) -> None:
    facts(
        {
            "Country": customer.country,
            "Verified": "yes" if customer.verified else "no",
            "VAT id": customer.tax.vat_id or "",
            "Exemptions": str(len(customer.tax.exemptions)) if customer.tax.exemptions else "",
            "Language": customer.language or "",
            "Time zone": str(customer.timezone or ""),
            "Sold by": customer.legal_entity or "",
            "Reference": customer.buyer_reference or "",
            "Time": link(f"{moments.absolute(clock.now)}, by test clock {clock.id}", of_clock(clock.id)) if clock else "",
        }
    )


def _draw_money(owed: list[Owed], credit: list[Money], prepaid: list[Wallet]) -> None:
    with ui.element("div").classes("card"):
        notices.heading("Money")
        left = [total([grant.left for grant in wallet.grants], wallet.currency) for wallet in prepaid]
        facts(
            {
                "Due": ", ".join(
                    f"{each.due} on {each.invoices} {'invoice' if each.invoices == 1 else 'invoices'}" for each in owed
                )
                or "nothing",
                "Of that overdue": ", ".join(str(each.overdue) for each in owed if each.overdue) or "",
                "Balance": ", ".join(_balance(each) for each in credit if each) or "even",
                "Prepaid credit": ", ".join(str(each) for each in left if each),
            }
        )


def _balance(credit: Money) -> str:
    return f"{credit} as credit" if credit.minor > 0 else f"{-credit} carried forward"
