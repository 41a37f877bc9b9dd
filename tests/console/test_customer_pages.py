"""Customers in the browser."""

import asyncio
from pathlib import Path

import orjson
from playwright.async_api import expect

from activities.store import access_blocks, balances
from activities.store.database import Database
from domain.roles import Role
from tests.console.conftest import SignIn
from tests.console.lives import live
from tests.console.orders import Orders, eur, now


async def test_one_page_says_what_a_customer_has_owes_and_may_use(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    made = await live(console_database, orders, "C-811", 811)
    async with console_database.transaction() as connection:
        await access_blocks.block(connection, [made.service], "dispute", "sandbox:dp_1", now())
        await balances.change(connection, "C-811", eur(1250))
    page = await sign_in(Role.viewer, at="/customers")
    finder = page.get_by_label("Find a customer by id")
    await finder.fill("C-81")
    await finder.press("Enter")
    await expect(page.get_by_text("there is no customer C-81;")).to_be_visible()
    await finder.fill("C-811")
    await finder.press("Enter")

    await expect(page.get_by_role("heading", name="Customer C-811 (C-811)")).to_be_visible()
    await expect(page.get_by_text("23.80 EUR on 1 invoice")).to_be_visible()
    await expect(page.get_by_text("12.50 EUR as credit")).to_be_visible()
    await expect(page.locator("tr", has_text="INV-2026-000811")).to_contain_text("finalized")
    await expect(page.locator("tr", has_text="crm-team × 2")).to_contain_text("dispute (sandbox:dp_1)")
    seats = page.locator("tr", has_text="seats")
    await expect(seats).to_contain_text("blocked")
    await expect(seats.get_by_role("link", name=made.id)).to_be_visible()
    process = page.locator("tr", has_text="acknowledged").get_by_role("link", name="Temporal")
    assert str(await process.get_attribute("href")).endswith(f"/workflows/order-{made.order}")

    approver = await sign_in(Role.approver, at="/customers/C-811")
    await expect(approver.get_by_role("link", name=made.order).first).to_be_visible()
    await expect(approver.get_by_text("23.80 EUR")).to_have_count(0)


async def test_an_admin_has_a_customer_given_out_and_erased_after_typing_its_id(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    made = await live(console_database, orders, "C-812", 812)
    operator = await sign_in(Role.operator, at="/customers/C-812")
    await expect(operator.get_by_role("heading", name="Customer C-812 (C-812)")).to_be_visible()
    await expect(operator.get_by_role("button", name="Erase")).to_have_count(0)

    page = await sign_in(Role.admin, at="/customers/C-812")
    async with page.expect_download() as given:
        await page.get_by_role("button", name="Export").click()
    document = orjson.loads(await asyncio.to_thread(Path(await (await given.value).path()).read_bytes))
    await page.get_by_role("button", name="Erase", exact=True).click()
    await page.get_by_label("Why").fill("asked by mail")
    await page.get_by_label("Type C-812 to confirm").fill("C-811")
    await page.get_by_role("button", name="Erase it").click()
    await expect(page.get_by_text("should be C-812, as this cannot be undone")).to_be_visible()
    await page.get_by_label("Type C-812 to confirm").fill("C-812")
    await page.get_by_role("button", name="Erase it").click()

    await expect(page.get_by_text(f"subscription {made.id} is active")).to_be_visible()
    assert [row["id"] for row in document["subscriptions"]] == [made.id]
    await page.get_by_role("button", name="Withdraw erasure").click()
    await page.get_by_role("button", name="Keep it").click()
    await expect(page.get_by_role("button", name="Erase", exact=True)).to_be_visible()
