"""The door of the console."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Page, expect

from activities.store import api_keys
from activities.store.database import Database
from api.console.addresses import inside
from api.console.attempts import MOST, Attempts
from domain.roles import Role
from tests.console.conftest import KeyFor, SignIn


async def test_a_wrong_key_is_refused(anyone: Page, console_url: str) -> None:
    await anyone.goto(f"{console_url}/orders")
    await anyone.get_by_label("API key").fill("tk_0123456789ab_" + "x" * 43)
    await anyone.get_by_role("button", name="Sign in").click()
    await expect(anyone.get_by_role("alert")).to_have_text("This key is unknown or was revoked")
    await anyone.goto(f"{console_url}/orders")
    await expect(anyone).to_have_url(f"{console_url}/sign-in?next=%2Forders")


async def test_a_good_key_leads_to_the_page_that_was_asked_for(sign_in: SignIn, key_for: KeyFor) -> None:
    page = await sign_in(key=(await key_for(Role.viewer))[1], at="/fallout")
    await expect(page.get_by_role("heading", name="Fallout")).to_be_visible()
    await expect(page).to_have_title("Fallout · Turnup")


async def test_a_revoked_key_is_out_by_itself(sign_in: SignIn, key_for: KeyFor, console_database: Database) -> None:
    key_id, key = await key_for(Role.admin)
    page = await sign_in(key=key)
    async with console_database.transaction() as connection:
        await api_keys.revoke(connection, key_id, datetime.now(UTC))
    await expect(page.get_by_label("API key")).to_be_visible(timeout=3000)


async def test_signing_out_ends_the_session(sign_in: SignIn, key_for: KeyFor, console_url: str) -> None:
    page = await sign_in(key=(await key_for(Role.viewer))[1])
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("API key")).to_be_visible()
    await page.goto(f"{console_url}/orders")
    await expect(page.get_by_label("API key")).to_be_visible()


def test_a_client_may_be_wrong_a_few_times_a_minute() -> None:
    moment = 100.0
    attempts = Attempts(clock=lambda: moment)
    for _ in range(MOST):
        assert attempts.wait("10.0.0.1") == 0
        attempts.failed("10.0.0.1")
    moment = 130.0
    assert attempts.wait("10.0.0.1") == 30.0
    assert attempts.wait("10.0.0.2") == 0
    moment = 160.0
    assert attempts.wait("10.0.0.1") == 0


@pytest.mark.parametrize("address", ["https://evil.example", "//evil.example", "/\\evil.example", "orders", "", None])
def test_nobody_is_sent_out_of_the_console(address: str | None) -> None:
    assert inside(address) == "/orders"
