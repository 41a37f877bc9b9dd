"""/console/subscriptions/{id}: one subscription: what it is, what lies ahead of it, what it was charged, and what happened."""

from datetime import datetime, timedelta

from nicegui import ui
from starlette.requests import Request

from activities.store import clocks, dunning_views, invoices, services, subscription_views, views
from activities.store.invoices import InvoiceSummary
from activities.store.services import Service
from activities.store.subscription_views import Billed, Paid
from activities.store.subscriptions import StoredEvent
from activities.store.views import FalloutRecord
from api.console import dunning_panel, frame, life_timeline, moments, notices, processes, stuck, subscription_actions
from api.console.addresses import SUBSCRIPTIONS, of_clock, of_customer, of_invoice, of_order
from api.console.chip import chip
from api.console.console import Console
from api.console.facts import facts, link
from api.console.look import words
from api.console.panel import Panel
from api.console.subscription_chart import chart
from api.console.table import Cell, table
from api.console.visit import Visit
from api.subscriptions import Ahead, ExportView, SubscriptionDetail, detail
from domain import keys
from domain.clocks import Clock
from domain.dunning import CaseState
from domain.errors import NotFound
from domain.provisioning import ExportState
from domain.roles import Right
from domain.states import SubscriptionState
from domain.subscriptions.policies import SuspendedTime

MOST_EVENTS = 60
MOST_PERIODS = 60
MOST_INVOICES = 24
MOST_CASES = 60
MOST_OPEN = 5
LATE = timedelta(minutes=2)
"""After which what is due in real time and has not happened is called late: it is handed out every 15 seconds."""
KINDS = {
    "renewal": "The next period is billed",
    "invoice": "An invoice over it is looked at, since it was paid or is overdue",
    "end": "It ends: billing and access stop",
    "unused": "What was billed and not used is credited",
    "change": "It changes to another plan or quantity",
    "pause": "It is paused: nothing is billed, and nothing may be used",
    "resume": "Its pause is over, and it goes on",
    "reminder": "Its customer is reminded of what lies ahead",
    "export": "What is in its service is given out, or cannot be fetched any more",
    "deprovision": "Its service is taken down",
    "dunning": "The next step about an invoice that is not paid",
    "restrict": "It is suspended or ended, since an invoice is not paid",
    "collect": "An invoice is collected",
}
NOT_CHARGED = {
    SuspendedTime.stop: "as long as it is suspended",
    SuspendedTime.credit: "the time is given back when it is not suspended any more",
}


def install(console: Console) -> None:
    @frame.page(console, f"{SUBSCRIPTIONS}/{{subscription_id}}", "Subscription", "subscriptions", Right.read_billing)
    async def subscription_page(visit: Visit, request: Request) -> None:
        page = SubscriptionPage(visit, request.path_params["subscription_id"])
        try:
            await page.refresh()
        except NotFound:
            notices.missing(f"subscription {page.id}")
            return
        ui.page_title(f"{page.id} · Turnup")
        visit.follow(page.refresh)


class SubscriptionPage:
    def __init__(self, visit: Visit, subscription: str) -> None:
        self._visit = visit
        self.id = subscription
        self._head = Panel(self._draw_head)
        self._banners = Panel(_draw_banners, "stack")
        self._facts = Panel(_draw_facts, "card")
        self._chart = Panel(_draw_chart)
        with ui.element("div").classes("two"):
            with ui.element("div").classes("stack"):
                self._fallout = Panel(self._draw_fallout)
                self._dunning = Panel(dunning_panel.draw_cases, "stack")
                self._ahead = Panel(_draw_ahead, "card flush")
                self._exports = Panel(_draw_exports)
                self._invoices = Panel(_draw_invoices, "card flush")
            self._timeline = Panel(_draw_timeline, "card")

    async def refresh(self) -> None:
        """Raises NotFound."""
        async with self._visit.console.database.transaction() as connection:
            shown = await detail(connection, self._visit.principal, self.id)
            service = await services.get(connection, shown.service)
            clock = await clocks.of_customer(connection, shown.customer)
            billed = await subscription_views.billed(connection, self.id, MOST_PERIODS)
            on = await subscription_views.invoices_of(connection, self.id)
            paid = await subscription_views.paid(connection, on, MOST_PERIODS)
            listed = await invoices.page(connection, None, MOST_INVOICES + 1, ids=on)
            cases = await dunning_views.page(connection, None, MOST_CASES, subscription=self.id)
            unpaid = [each for each in cases if each.state is CaseState.open]
            dunned = await dunning_views.of(connection, unpaid[:MOST_OPEN], clock.now if clock else self._visit.now())
            records = await views.fallout_of_subscription(connection, self.id, shown.service)
            events = await subscription_views.latest_events(connection, self.id, MOST_EVENTS + 1)
        now = clock.now if clock else moments.minute(self._visit.now())
        self._head.show(shown, service)
        self._banners.show(shown, now)
        self._facts.show(shown, clock, now)
        self._chart.show(billed, paid, shown.currency)
        self._fallout.show(records, moments.minute(self._visit.now()))
        settings = self._visit.console.settings
        self._dunning.show(dunned, [each for each in cases if each.state is not CaseState.open], now, settings)
        self._ahead.show(shown, now)
        self._exports.show(shown.exports)
        self._invoices.show(listed)
        self._timeline.show(events)

    def _draw_processes(self, shown: SubscriptionDetail, service: Service) -> None:
        """Its own, and those that it has had opened."""
        settings = self._visit.console.settings
        processes.link(settings, keys.subscription_workflow(shown.id))
        if service.access_changes or service.throttle_changes:
            processes.link(settings, keys.access_workflow(service.id), "access")
        if shown.ended_at is not None:
            processes.link(settings, keys.deprovision_workflow(shown.id), "deprovisioning")

    def _draw_fallout(self, records: list[FalloutRecord], _minute: datetime) -> None:
        if not records:
            return
        with ui.element("div").classes("card flush"):
            notices.card_head("Fallout")
            for record in records:
                stuck.entry(self._visit, record.order, record, None, self._visit.now())

    def _draw_head(self, shown: SubscriptionDetail, service: Service) -> None:
        with ui.element("div").classes("row-line"):
            ui.link("Subscriptions", SUBSCRIPTIONS).classes("plain soft")
            ui.label("/").classes("soft")
            notices.heading(shown.id, 1)
            chip(shown.state)
            ui.element("div").classes("spread")
            self._draw_processes(shown, service)
            subscription_actions.buttons(self._visit, shown, self.refresh)


def _draw_banners(shown: SubscriptionDetail, now: datetime) -> None:
    """What somebody who looks has to know first."""
    for each in (each for each in shown.ahead if each.trouble):
        _banner("stuck", "pan_tool", f"{_what(each)}: due since {moments.absolute(each.due_at)}", each.trouble or "")
    if shown.owed:
        _banner("stuck", "schedule", "It is past due", _past_due(len(shown.owed)))
    if shown.suspended_for:
        _banner("wait", "pause_circle", "It is suspended", ", ".join(words(each) for each in shown.suspended_for))
    if shown.paused_since:
        until = shown.pausing.until if shown.pausing else None
        goes_on = f"It goes on by itself on {moments.absolute(until)}." if until else "It waits to be resumed."
        _banner("wait", "pause_circle", f"It is paused since {moments.day(shown.paused_since)}", goes_on)
    for change in shown.changes:
        to = ", ".join(filter(None, (change.plan, f"quantity {change.quantity}" if change.quantity else "")))
        _banner("busy", "swap_horiz", f"It changes on {moments.absolute(change.at)}: {to}", f"by {change.by}")
    if shown.ending and not shown.ended_at:
        why = f"{words(shown.ending.reason)}, by {shown.ending.by}" + (f": {shown.ending.words}" if shown.ending.words else "")
        _banner("undo", "event_busy", f"It ends on {moments.absolute(shown.ending.at)} ({_until(shown.ending.at, now)})", why)
    if shown.legal_hold:
        _banner("wait", "gavel", "Its data is kept for a legal reason", shown.legal_hold)


def _past_due(count: int) -> str:
    return "One invoice is past its due date." if count == 1 else f"{count} invoices are past their due dates."


def _banner(tone: str, icon: str, title: str, text: str) -> None:
    with ui.element("div").classes(f"banner tone-{tone}"):
        ui.icon(icon).props("aria-hidden=true")
        with ui.element("div").classes("text"):
            ui.label(title).classes("strong")
            if text:
                ui.label(text)


def _draw_facts(shown: SubscriptionDetail, clock: Clock | None, now: datetime) -> None:
    ended = shown.ended_at is not None
    facts(
        {
            "Customer": link(shown.customer, of_customer(shown.customer)),
            "Plan": f"{shown.plan_name} × {shown.quantity}",
            "Price": f"{shown.price}, version {shown.price_version}",
            "Next charge": _next_charge(shown, now),
            "Next renewal": _when(shown.next_renewal, now),
            "Paid until": moments.day(shown.paid_until) if shown.paid_until else "nothing paid yet",
            "Trial ends": _when(shown.trial_ends, now) if shown.state is SubscriptionState.trialing else "",
            "Began": moments.day(shown.started_at),
            "Ended": moments.day(shown.ended_at) if ended and shown.ended_at else "",
            "Slowed down": _slowed(len(shown.throttled_for)),
            "Not charged": f"since {moments.day(shown.billing_stop.since)}, {NOT_CHARGED[shown.billing_stop.mode]}"
            if shown.billing_stop
            else "",
            "Charged to": shown.payment_method or "what the customer has as its default",
            "Order": link(f"{shown.order}, item {shown.item}", of_order(shown.order)),
            "Version": str(shown.version),
            "Time": link(f"{moments.absolute(clock.now)}, by test clock {clock.id}", of_clock(clock.id)) if clock else "",
        }
    )


def _slowed(invoices: int) -> str:
    if not invoices:
        return ""
    return "since one invoice is not paid" if invoices == 1 else f"since {invoices} invoices are not paid"


def _next_charge(shown: SubscriptionDetail, now: datetime) -> str:
    if shown.next_charge is None or shown.next_renewal is None:
        return "none"
    return f"{shown.next_charge} before discounts and tax, {_until(shown.next_renewal, now)}"


def _when(moment: datetime | None, now: datetime) -> str:
    return f"{moments.day(moment)} ({_until(moment, now)})" if moment else ""


def _until(moment: datetime, now: datetime) -> str:
    return moments.until(moment, now)


def _draw_chart(billed: list[Billed], paid: list[Paid], currency: str) -> None:
    if not billed and not paid:
        return
    with ui.element("div").classes("card"):
        with ui.element("div").classes("row-line"):
            notices.heading("Periods and payments")
            ui.label(f"in {currency}: billed before tax, where the period begins; payments as they were taken").classes(
                "soft small"
            )
        ui.echart(chart(billed, paid, currency)).style("height:220px;width:100%").mark("life-chart")


def _what(ahead: Ahead) -> str:
    return KINDS.get(ahead.kind, words(ahead.kind))


def _draw_ahead(shown: SubscriptionDetail, now: datetime) -> None:
    notices.card_head("What lies ahead")
    if not shown.ahead:
        ui.label("Nothing is due to it any more.").classes("soft px-4 pb-4")
        return
    table(("What", "When", "Trouble"), [_ahead_row(each, now) for each in shown.ahead])


def _ahead_row(ahead: Ahead, now: datetime) -> tuple[Cell, ...]:
    def when() -> None:
        ui.label(moments.day(ahead.due_at)).classes("nowrap").tooltip(moments.absolute(ahead.due_at))
        late = ahead.due_at < now - LATE
        ui.label(_until(ahead.due_at, now)).classes("small nowrap " + ("wrong" if late else "soft"))

    def trouble() -> None:
        ui.label(ahead.trouble or "").classes("wrong small")

    return (_what(ahead), when, trouble if ahead.trouble else "")


def _draw_exports(made: list[ExportView]) -> None:
    """What its customer can fetch. Who may not hand the address on is not shown it."""
    if not made:
        return
    with ui.element("div").classes("card flush").mark("exports"):
        notices.card_head("Its data")
        table(("System", "State", "Since", "Until", "Address"), [_export_row(each) for each in made])


def _export_row(export: ExportView) -> tuple[Cell, ...]:
    def address() -> None:
        ui.link("fetch", export.address or "", new_tab=True).props('rel="noopener noreferrer"').classes("plain")

    since = moments.day(export.ready_at or export.asked_at)
    until = moments.day(export.expires_at) if export.expires_at else ""
    hidden = "kept from you" if export.state is ExportState.ready else ""
    return (export.system, lambda: chip(export.state), since, until, address if export.address else hidden)


def _draw_invoices(listed: list[InvoiceSummary]) -> None:
    notices.card_head("Invoices")
    if not listed:
        ui.label("Nothing was invoiced for it yet.").classes("soft px-4 pb-4")
        return
    invoices_table(listed[:MOST_INVOICES])
    if len(listed) > MOST_INVOICES:
        ui.label(f"The last {MOST_INVOICES}.").classes("soft small px-4 pb-4")


def invoices_table(listed: list[InvoiceSummary]) -> None:
    rows = [
        (
            link(each.number or "draft", of_invoice(each.id)),
            lambda each=each: chip(each.state),
            f"{each.due_date:%d %b %Y}",
            str(each.total),
            str(each.amount_due),
        )
        for each in listed
    ]
    table(("Invoice", "State", "Due", ">Total", ">Still due"), rows)


def _draw_timeline(events: list[StoredEvent]) -> None:
    life_timeline.timeline(events[:MOST_EVENTS], more=len(events) > MOST_EVENTS)
