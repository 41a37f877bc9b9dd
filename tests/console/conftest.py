"""The console in a real API on a real PostgreSQL, seen by a real browser; a stand-in answers for running orders."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, Page, ViewportSize
from pydantic import SecretStr

from activities.runtime.settings import Settings
from activities.runtime.temporal import connect
from activities.store import api_keys
from activities.store.database import Database
from api.app import create_app
from api.console.app import mount
from domain.roles import Role
from tests.api.conftest import StandIn
from tests.console.chromium import running_browser
from tests.console.orders import Orders, now
from workers import migrate
from workers.embedded.ports import free_port
from workers.embedded.postgres import Cluster

KeyFor = Callable[..., Awaitable[tuple[str, str]]]
SignIn = Callable[..., Awaitable[Page]]
SIZE: ViewportSize = {"width": 1280, "height": 900}
PATIENCE = 10_000
"""Milliseconds that a page has for anything."""


@dataclass
class Windows:
    """Windows of one page each, used again and again: a page loads several times as fast where one of the console was before.
    `sessions` are those of people who stay signed in, by their roles."""

    browser: Browser
    free: list[Page] = field(default_factory=list)
    sessions: dict[tuple[Role, ...], list[Any]] = field(default_factory=dict)

    @asynccontextmanager
    async def window(self) -> AsyncIterator[Page]:
        """One that shows nothing, of somebody who is not signed in."""
        page = self.free.pop() if self.free else await (await self.browser.new_context(viewport=SIZE)).new_page()
        page.set_default_timeout(PATIENCE)
        yield page
        await page.goto("about:blank")
        await page.context.clear_cookies()
        self.free.append(page)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "windows" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.needs_chromium)


@pytest_asyncio.fixture(scope="session")
async def console_database(cluster: Cluster) -> AsyncIterator[Database]:
    url = await cluster.create_database("console")
    await migrate.upgrade(url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def running_orders() -> StandIn:
    return StandIn()


@pytest.fixture
def processes(running_orders: StandIn) -> StandIn:
    """What running orders answer in this test."""
    running_orders.asked.clear()
    running_orders.corrected.clear()
    running_orders.answer = "noted"
    return running_orders


@pytest_asyncio.fixture(scope="session")
async def console_app(console_database: Database, running_orders: StandIn, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    settings = Settings(
        data_dir=Path(tmp_path_factory.mktemp("console")),
        temporal_address=f"127.0.0.1:{free_port()}",
        temporal_ui_url="http://temporal.example",
        console_secret=SecretStr(secrets.token_urlsafe(32)),
    )
    client = await connect(settings, lazy=True)
    app = create_app(settings, database=console_database, client=client, processes=running_orders)
    mount(app, settings)
    return app


@pytest_asyncio.fixture(scope="session")
async def console_url(console_app: FastAPI) -> AsyncIterator[str]:
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(console_app, port=port, log_config=None, timeout_keep_alive=60, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event for it
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}/console"
    server.should_exit = True
    with suppress(asyncio.CancelledError):
        await serving


@pytest_asyncio.fixture(scope="package")
async def windows() -> AsyncIterator[Windows]:
    async with running_browser() as browser:
        yield Windows(browser)


@pytest.fixture(scope="session")
def orders(console_database: Database) -> Orders:
    return Orders(console_database)


@pytest.fixture(scope="session")
def key_for(console_database: Database) -> KeyFor:
    """Makes a key of some roles: its id, and the key."""

    async def make(*roles: Role) -> tuple[str, str]:
        async with console_database.transaction() as connection:
            made = await api_keys.create(connection, f"ada-{secrets.token_hex(3)}", list(roles), now())
        return made[0].id, made[1]

    return make


@pytest_asyncio.fixture
async def anyone(windows: Windows) -> AsyncIterator[Page]:
    """A browser window of somebody who is not signed in."""
    async with windows.window() as page:
        yield page


@pytest_asyncio.fixture
async def sign_in(windows: Windows, console_url: str, key_for: KeyFor) -> AsyncIterator[SignIn]:
    """Opens a page of the console for somebody of these roles, in a window of its own; with `key`, in a session of its own."""
    async with AsyncExitStack() as until_end:

        async def enter(*roles: Role, at: str = "/orders", key: str | None = None) -> Page:
            page = await until_end.enter_async_context(windows.window())
            kept = None if key else windows.sessions.get(roles)
            if kept is not None:
                await page.context.add_cookies(kept)
            await page.goto(f"{console_url}{at}")
            if kept is None:
                await page.get_by_label("API key").fill(key or (await key_for(*roles))[1])
                await page.get_by_role("button", name="Sign in").click()
                await page.wait_for_url(f"**/console{at}")
            if not key:
                windows.sessions[roles] = [*await page.context.cookies()]
            return page

        yield enter
