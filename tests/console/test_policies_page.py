"""Policies in the browser."""

import re
from datetime import timedelta

from playwright.async_api import expect

from activities.store import after_payment_policy, life_policies
from activities.store.database import Database
from domain.capture import CapturePolicy
from domain.disputes import AfterPaymentPolicy
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


async def test_who_sees_to_the_evidence_of_disputes_is_among_the_policies(sign_in: SignIn, console_database: Database) -> None:
    async with console_database.transaction() as connection:
        await after_payment_policy.put(connection, AfterPaymentPolicy(warn_days=5, owner="risk"))
    page = await sign_in(Role.viewer, at="/policies")

    card = page.locator(".card", has=page.get_by_role("heading", name="after payment"))
    await expect(card).to_contain_text("PUT /v1/after-payment-policy")
    for field, holds, shipped in (("warn days", "5", "3"), ("owner", "risk", "finance"), ("escalate to", "finance lead", "")):
        cells = card.locator("tr", has=page.get_by_text(field, exact=True)).locator("td")
        await expect(cells.nth(1)).to_have_text(holds)
        await expect(cells.nth(2)).to_have_text(shipped)
