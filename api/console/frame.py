"""What is around every page: the header with who is signed in, the way to the other pages, and the door."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from nicegui import app, ui
from nicegui.element import Element
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from activities.store import views
from api.console import notices
from api.console.addresses import HOME, SIGN_IN, spelled_out
from api.console.console import Console
from api.console.look import dress
from api.console.panel import Panel
from api.console.visit import Visit
from domain.errors import TurnupError
from domain.roles import Principal, Right

PAGES = (
    ("orders", "Orders", "list_alt", Right.read_orders),
    ("fallout", "Fallout", "pan_tool", Right.read_orders),
    ("approvals", "Approvals", "how_to_vote", Right.read_orders),
    ("customers", "Customers", "group", Right.read_records),
    ("subscriptions", "Subscriptions", "autorenew", Right.read_billing),
    ("invoices", "Invoices", "receipt_long", Right.read_billing),
    ("payments", "Payments", "credit_card", Right.read_billing),
    ("payment-methods", "Payment methods", "wallet", Right.read_billing),
    ("disputes", "Disputes", "gavel", Right.read_billing),
    ("fraud", "Fraud", "shield", Right.keep_fraud_rules),
    ("reconciliation", "Reconciliation", "balance", Right.reconcile),
    ("patrol", "Patrol", "policy", Right.read_orders),
    ("reports", "Reports", "insights", Right.read_billing),
    ("policies", "Policies", "tune", Right.read_billing),
    ("test-clocks", "Test clocks", "more_time", Right.read_billing),
)
RESPONSE_WITHIN = 15.0

Build = Callable[[Visit, Request], Awaitable[None]]


def page(console: Console, path: str, title: str, section: str, right: Right = Right.read_orders) -> Callable[[Build], Build]:
    """Show what the decorated function builds at /console`path`, inside the frame, to whoever is signed in and has the
    right."""

    def decorate(build: Build) -> Build:
        @ui.page(path, title=f"{title} · Turnup", response_timeout=RESPONSE_WITHIN)
        async def shown(request: Request) -> Response | None:
            principal = await console.sessions.principal()
            if principal is None:
                return to_sign_in(request)
            visit = await _framed(console, principal, section)
            with ui.element("main").classes("page"):
                if principal.may(right):
                    await build(visit, request)
                else:
                    notices.notice("lock", f"This key may not {right}", "Sign in with one whose role carries that right.")
            return None

        return build

    return decorate


def to_sign_in(request: Request) -> Response:
    path = request.url.path.removeprefix(spelled_out(""))
    wanted = path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{spelled_out(SIGN_IN)}?next={quote(wanted, safe='')}", status_code=303)


async def _framed(console: Console, principal: Principal, section: str) -> Visit:
    dress()
    dark = ui.dark_mode(app.storage.user.get("dark"))
    with ui.left_drawer(value=None).props("width=216 breakpoint=900 show-if-above") as drawer:
        navigation = Navigation(console, principal, section)
        await navigation.refresh()
    with ui.header().classes("p-0"):
        _header(console, principal, drawer, dark)
    layer = ui.element("div")
    with ui.element("div").classes("banner tone-stuck m-4").style("width:auto") as stale:
        ui.icon("cloud_off")
        ui.label("The database does not answer; what is shown may be old.").classes("text")
    stale.set_visibility(False)
    return Visit(console, principal, ui.context.client, layer, stale, navigation.refresh)


class Navigation:
    """The way to the other pages, with how much waits on one of them."""

    def __init__(self, console: Console, principal: Principal, section: str) -> None:
        self._console = console
        self._principal = principal
        self._section = section
        self._links = Panel(self._draw)

    async def refresh(self) -> None:
        async with self._console.database.transaction() as connection:
            self._links.show(await views.open_fallout(connection))

    def _draw(self, stuck: int) -> None:
        with ui.element("nav").classes("w-full pt-3").props("aria-label=Console"):
            for name, title, icon, right in PAGES:
                if self._principal.may(right):
                    self._link(name, title, icon, stuck if name == "fallout" else 0)
            ui.label("Elsewhere").classes("nav-head")
            _outward("API docs", "/docs", "api")
            if self._console.settings.temporal_ui_url:
                _outward("Temporal", self._console.settings.temporal_ui_url, "account_tree")

    def _link(self, name: str, title: str, icon: str, waiting: int) -> None:
        with ui.link(target=f"/{name}").classes("nav-link" + (" here" if name == self._section else "")):
            ui.icon(icon).props("aria-hidden=true")
            ui.label(title)
            if waiting:
                ui.label(str(waiting)).classes("count").tooltip(f"{waiting} waiting for a decision")


def _outward(title: str, target: str, icon: str) -> None:
    with ui.element("a").classes("nav-link").props("target=_blank rel=noopener") as link:
        ui.icon(icon).props("aria-hidden=true")
        ui.label(title)
        ui.icon("open_in_new").style("font-size:15px").props("aria-hidden=true")
    link.props["href"] = target


def _header(console: Console, principal: Principal, drawer: ui.left_drawer, dark: ui.dark_mode) -> None:
    with ui.row().classes("bar w-full items-center"):
        ui.button(icon="menu", on_click=drawer.toggle).props("flat round dense color=white aria-label=Menu")
        ui.link("Turnup", HOME).classes("mark")
        ui.element("div").classes("spread")
        with ui.element("div").classes("who").mark("who"):
            ui.label(principal.name).classes("ellipsis")
            ui.label(", ".join(principal.roles)).classes("roles ellipsis")
        _dark_switch(dark)
        _sign_out(console)


def _dark_switch(dark: ui.dark_mode) -> Element:
    def turn() -> None:
        dark.set_value(not dark.value)
        app.storage.user["dark"] = dark.value

    button = ui.button(icon="contrast", on_click=turn).props("flat round dense color=white")
    return button.props('aria-label="Light or dark"').tooltip("Light or dark")


def _sign_out(console: Console) -> Element:
    def leave() -> None:
        console.sessions.sign_out()
        ui.navigate.to(SIGN_IN)

    return (
        ui.button(icon="logout", on_click=leave).props('flat round dense color=white aria-label="Sign out"').tooltip("Sign out")
    )


def show_failure(error: Exception) -> None:
    """The page for an error while a page was built: never a trace of the code."""
    dress()
    text = str(error) if isinstance(error, TurnupError) else "This was not foreseen. The log has more."
    with ui.element("main").classes("page"):
        notices.notice("cloud_off", "This page cannot be shown now", text)
