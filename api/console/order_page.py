"""/console/orders/{id}: everything about one order, live, and what can be done about it."""

from datetime import datetime

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from activities.store import customers, views
from activities.store.views import OrderDetail, Subscription
from api import acceptance
from api.console import ballots, billing, cancellation, frame, moments, notices, stuck
from api.console.addresses import of_subscription
from api.console.chip import chip
from api.console.console import Console
from api.console.dag_panel import DagPanel
from api.console.facts import link
from api.console.items import items_table
from api.console.order_head import banner, facts, links_row, title
from api.console.panel import Panel
from api.console.payments import payment_entry
from api.console.table import table
from api.console.timeline import Timeline
from api.console.visit import Visit
from domain.errors import NotFound
from domain.facts import ApprovalStatus, ItemStatus, PaymentStatus
from domain.fallout import Fallout
from domain.orders import Order
from domain.roles import Principal, Right
from domain.states import ORDER, OrderState, is_terminal


def install(console: Console) -> None:
    @app.get("/orders/{order_id}/json", include_in_schema=False)
    async def as_json(order_id: str) -> Response:
        return await _json(console, order_id)

    @frame.page(console, "/orders/{order_id}", "Order", "orders")
    async def order_page(visit: Visit, request: Request) -> None:
        order_id = request.path_params["order_id"]
        try:
            page = OrderPage(visit, await _detail(console, order_id), await _customer_name(console, order_id))
        except NotFound:
            notices.missing(f"order {order_id}")
            return
        ui.page_title(f"{order_id} · Turnup")
        await page.refresh()
        visit.follow(page.refresh, order_id)


async def _json(console: Console, order_id: str) -> Response:
    """The order as the API says it, for a browser that has a session and no key."""
    principal = await console.sessions.principal()
    if principal is None or not principal.may(Right.read_orders):
        return JSONResponse({"detail": "sign in at /console first"}, 401)
    try:
        return JSONResponse((await _detail(console, order_id)).model_dump(mode="json"))
    except NotFound as error:
        return JSONResponse({"detail": str(error)}, 404)


async def _detail(console: Console, order_id: str) -> OrderDetail:
    async with console.database.transaction() as connection:
        return await views.order_detail(connection, order_id)


async def _customer_name(console: Console, order_id: str) -> str:
    async with console.database.transaction() as connection:
        detail = await views.order_detail(connection, order_id)
        try:
            return (await customers.get(connection, detail.customer)).name
        except NotFound:
            return ""


class OrderPage:
    def __init__(self, visit: Visit, detail: OrderDetail, customer_name: str) -> None:
        self._visit = visit
        self._id = detail.id
        self._customer_name = customer_name
        self._title = Panel(self._draw_title)
        self._banner = Panel(banner)
        self._facts = Panel(self._draw_facts, "card")
        with ui.element("div").classes("card"):
            self._dag = DagPanel()
        with ui.element("div").classes("two"):
            with ui.element("div").classes("stack"):
                self._fallout = Panel(self._draw_fallout)
                self._approvals = Panel(self._draw_approvals)
                self._items = Panel(self._draw_items)
                self._subscriptions = Panel(_draw_subscriptions)
                self._payments = Panel(self._draw_payments)
                self._billing = Panel(billing.cards)
            with ui.element("div").classes("card"):
                self._timeline = Timeline(visit, self._id)

    async def refresh(self) -> None:
        detail = await _detail(self._visit.console, self._id)
        minute = moments.minute(self._visit.now())
        self._title.show(detail.state, detail.order is None, detail.total.currency)
        self._banner.show(detail.state, detail.waiting_on, detail.owner, detail.deadline, detail.reason, minute)
        self._facts.show(detail.model_copy(update=_UNSHOWN), minute)
        self._dag.show(detail)
        self._fallout.show(detail.fallout, detail.order, minute)
        self._approvals.show(detail.approvals, minute)
        self._items.show(detail.items, detail.order)
        self._subscriptions.show(detail.subscriptions)
        self._payments.show(detail.payments)
        self._billing.show(detail.invoice, detail.ledger)
        await self._timeline.refresh()

    def _draw_title(self, state: OrderState, is_draft: bool, _currency: str) -> None:
        with ui.element("div").classes("row-line"):
            title(self._id)
            chip(state)
            ui.element("div").classes("spread")
            links_row(self._visit.console.settings, self._id)
            if is_draft and state is OrderState.draft and self._visit.may(Right.place_orders):
                ui.button("Submit", icon="send", on_click=self._submit).props("unelevated dense").classes("px-3")
            if not is_terminal(ORDER, state) and self._visit.may(Right.change_orders):
                button = ui.button("Cancel order", icon="cancel", on_click=lambda: cancellation.ask(self._visit, self._id))
                button.props("outline dense color=negative").classes("px-3")

    async def _submit(self) -> None:
        await self._visit.perform(self._submitted)

    async def _submitted(self, principal: Principal) -> str:
        placed = await acceptance.submit_draft(self._visit.console.context, principal, self._id)
        return f"{placed.id} over {placed.total} is accepted"

    def _draw_facts(self, detail: OrderDetail, _minute: datetime) -> None:
        facts(detail, self._customer_name, self._visit.now())

    def _draw_fallout(self, records: list[Fallout], document: Order | None, _minute: datetime) -> None:
        if not records:
            return
        with ui.element("div").classes("card flush"):
            notices.card_head("Fallout")
            for record in sorted(records, key=lambda record: record.verb is not None):
                stuck.entry(self._visit, self._id, record, document, self._visit.now())

    def _draw_approvals(self, approvals: list[ApprovalStatus], _minute: datetime) -> None:
        if not approvals:
            return
        with ui.element("div").classes("card flush"):
            notices.card_head("Approvals")
            for approval in approvals:
                ballots.entry(self._visit, self._id, approval, self._visit.now())

    def _draw_items(self, items: list[ItemStatus], order: Order | None) -> None:
        if not items:
            return
        with ui.element("div").classes("card flush"):
            notices.card_head("Items")
            items_table(items, order)

    def _draw_payments(self, payments: list[PaymentStatus]) -> None:
        if not payments:
            return
        with ui.element("div").classes("card flush"):
            notices.card_head("Payments")
            for payment in payments:
                payment_entry(payment)


def _draw_subscriptions(begun: list[Subscription]) -> None:
    if not begun:
        return
    rows = [
        (link(each.id, of_subscription(each.id)), f"item {each.item}", lambda each=each: chip(each.state)) for each in begun
    ]
    with ui.element("div").classes("card flush"):
        notices.card_head("Subscriptions")
        table(("Subscription", "Begun by", "State"), rows)


_UNSHOWN: dict[str, object] = {"items": [], "steps": [], "approvals": [], "fallout": [], "payments": [], "ledger": []}
"""What the facts at the top do not show, and so need not be drawn again for."""
