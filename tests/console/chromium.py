"""Debian's Chromium, driven by playwright."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests import peers

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """For tests marked `needs_chromium`; the others of a session may not have one."""
    found = peers.chromium()
    assert found, "a test that uses a browser has to be marked needs_chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=Path(found), args=ARGUMENTS)
        yield browser
        await browser.close()
