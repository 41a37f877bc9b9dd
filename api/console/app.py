"""The operators' console as a part of the API's process, under /console."""

import secrets
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from nicegui import app as pages
from nicegui import ui
from nicegui.storage import Storage
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities.runtime.settings import Settings, SettingsError
from api.console import (
    approvals_page,
    customer_page,
    customers_page,
    disputes_page,
    fallout_page,
    frame,
    fraud_page,
    invoice_page,
    invoices_page,
    missing_page,
    order_page,
    orders_page,
    patrol_page,
    payment_methods_page,
    payment_page,
    payments_page,
    policies_page,
    reconciliation_page,
    reports_page,
    sign_in,
    subscription_page,
    subscriptions_page,
    test_clock_page,
    test_clocks_page,
)
from api.console.addresses import HOME, MOUNTED_AT, spelled_out
from api.console.console import Console
from api.console.session import Sessions

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#17324d"/>'
    '<path d="M8 17l6 6 10-14" fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round"/></svg>'
)


PARTS = (
    sign_in,
    orders_page,
    order_page,
    fallout_page,
    approvals_page,
    disputes_page,
    fraud_page,
    customers_page,
    customer_page,
    subscriptions_page,
    subscription_page,
    invoices_page,
    invoice_page,
    payments_page,
    payment_page,
    payment_methods_page,
    reconciliation_page,
    patrol_page,
    reports_page,
    policies_page,
    test_clocks_page,
    test_clock_page,
    missing_page,
)


def mount(app: FastAPI, settings: Settings) -> None:
    """Put the console into the API's application, before it starts. Once in a process: NiceGUI keeps one set of pages."""
    state = app.state
    sessions = Sessions(state.context.database, state.keyring)
    console = Console(state.context, state.listener, sessions, settings)
    for part in PARTS:
        part.install(console)
    pages.on_page_exception(frame.show_failure)
    Storage.path = _session_folder(settings)
    app.add_api_route(MOUNTED_AT, _home, include_in_schema=False)
    app.add_middleware(Guarded)
    ui.run_with(
        app,
        mount_path=MOUNTED_AT,
        title="Turnup",
        favicon=MARK,
        dark=None,
        storage_secret=_secret(settings),
        session_middleware_kwargs=_cookie(settings),
        show_welcome_message=False,
    )


async def _home() -> RedirectResponse:
    return RedirectResponse(spelled_out(HOME), status_code=303)


def _session_folder(settings: Settings) -> Path:
    """Where sessions are kept: the id of a key, and light or dark."""
    folder = settings.data_dir.absolute() / "console"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError([f"TURNUP_DATA_DIR: the console cannot write to {folder}: {error.strerror}"]) from None
    return folder


def _secret(settings: Settings) -> str:
    """Without one, sessions end with the process."""
    given = settings.console_secret
    return given.get_secret_value() if given else secrets.token_urlsafe(32)


def _cookie(settings: Settings) -> dict[str, Any]:
    over_tls = (settings.public_url or "").startswith("https://")
    return {"session_cookie": "turnup_console", "same_site": "lax", "https_only": over_tls}


class Guarded:
    """Tells browsers that the console stands alone: in no frame of another page, with nothing from another host."""

    HEADERS = (
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (
            b"content-security-policy",
            b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            b"img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'; "
            b"base-uri 'self'; form-action 'self'",
        ),
    )

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(MOUNTED_AT):
            await self._app(scope, receive, send)
            return

        async def guarding(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self.HEADERS]
            await send(message)

        await self._app(scope, receive, guarding)
