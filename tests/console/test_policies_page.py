"""Policies in the browser."""

import re
from datetime import timedelta

from playwright.async_api import expect

from activities.store import life_policies
from activities.store.database import Database
from domain.capture import CapturePolicy
from domain.roles import Role
from domain.subscriptions.policies import EndingPolicy
from tests.console.conftest import SignIn
from tests.console.orders import eur, now


async def test_a_policy_says_what_holds_and_what_was_changed_by_whom(sign_in: SignIn, console_database: Database) -> None:
    async with console_database.transaction() as connection:
        await life_policies.publish(connection, EndingPolicy(notice=timedelta(days=30)), "fiona", now(), "as agreed")
        kept = EndingPolicy(notice=timedelta(days=60))
        await life_policies.publish(connection, kept, "frank", now() + timedelta(seconds=1))
        trusted = CapturePolicy(largest=[eur(50000)])
        await life_policies.publish(connection, trusted, "frank", now())
    page = await sign_in(Role.viewer, at="/policies")

    ending = page.locator(".card", has=page.get_by_role("heading", name="ending"))
    await expect(ending.locator("tr", has_text="notice").first).to_contain_text("60 days")
    await ending.get_by_text("History (2)").click()
    await expect(ending.locator("tr", has_text="frank")).to_contain_text(re.compile("notice:.*30 days.*→.*60 days"))
    await expect(ending.locator("tr", has_text="fiona")).to_contain_text("“as agreed”")
    capture = page.locator(".card", has=page.get_by_role("heading", name="capture"))
    await expect(capture.locator("tr", has_text="largest").first).to_contain_text("500.00 EUR")
    await expect(page.get_by_text("No rule is published: every payment goes")).to_be_visible()
    await expect(page.get_by_role("heading", name="Fraud")).to_have_count(0)
    await expect(page.locator(".card", has=page.get_by_role("heading", name="default"))).to_contain_text("as it is shipped")
