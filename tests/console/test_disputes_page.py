"""Disputes and refunds in the browser."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import expect
from sqlalchemy import insert

from activities.store.database import Database
from activities.store.tables.payments import disputes, refunds
from domain.roles import Role
from tests.console.conftest import SignIn


async def disputed(database: Database, name: str, deadline: timedelta, **changes: Any) -> None:
    now = datetime.now(UTC)
    row: dict[str, Any] = {"id": f"sandbox:{name}", "gateway": "sandbox", "name": name, "payment": f"O-7{name}:payment:1"}
    row |= {"customer": "C-1", "currency": "EUR", "amount": 11900, "fee": 1500, "state": "open", "reason": "fraudulent <b>"}
    row |= {"access": "block", "lost_as": "loss", "deadline": now + deadline, "opened_at": now} | changes
    async with database.transaction() as connection:
        await connection.execute(insert(disputes).values(**row))


async def test_what_is_due_first_comes_first_and_can_be_contested_by_finance_alone(
    sign_in: SignIn, console_database: Database
) -> None:
    await disputed(console_database, "81", timedelta(days=6, hours=1))
    await disputed(console_database, "82", timedelta(hours=5, minutes=1))
    await disputed(console_database, "83", timedelta(days=1), state="won")
    async with console_database.transaction() as connection:
        row = {"id": "R-81", "key": "k-81", "payment": "O-781:payment:1", "currency": "EUR", "amount": 500, "access": "keep"}
        row |= {"state": "succeeded", "requested_by": "ann", "requested_at": datetime.now(UTC), "reason": "goodwill"}
        await connection.execute(insert(refunds).values(**row))
    page = await sign_in(Role.finance, at="/disputes")

    rows = page.locator("tr", has_text="119.00 EUR")
    await expect(rows.nth(0)).to_contain_text("due in 5 h")
    await expect(rows.nth(1)).to_contain_text("due in 6 days")
    await expect(rows.nth(2)).to_contain_text("won")
    await expect(rows.nth(2).get_by_role("button")).to_have_count(0)
    await expect(page.locator("tr", has_text="goodwill")).to_contain_text("5.00 EUR")
    await rows.nth(0).get_by_role("button", name="Contest").click()
    await page.get_by_role("dialog").get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("say what speaks for the payment")).to_be_visible()

    viewer = await sign_in(Role.viewer, at="/disputes")
    await expect(viewer.locator("tr", has_text="due in 5 h").get_by_role("button")).to_have_count(0)
