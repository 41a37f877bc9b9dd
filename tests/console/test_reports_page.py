"""Reports in the browser."""

from datetime import UTC, datetime

from playwright.async_api import expect

from activities.store import clocks, customers, dunning_cases, invoices
from activities.store.database import Database
from domain.clocks import Clock
from domain.customers import Customer
from domain.roles import Role
from tests.console.conftest import SignIn
from tests.console.lives import live, unpaid
from tests.console.orders import Orders, now

APRIL = datetime(2026, 4, 2, tzinfo=UTC)


async def test_recurring_revenue_and_dunning_are_drawn_and_written_out(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    """Two seats at 10.00 since February; the invoice of March, 23.80, is dunned from the 17th on and paid in April."""
    async with console_database.transaction() as connection:
        clock = Clock(id="reported", name="reported", now=APRIL, created_at=now(), created_by="test")
        await clocks.add(connection, clock)
        buyer = {"id": "C-881", "name": "Customer C-881", "country": "DE", "verified": True}
        await customers.put(connection, Customer.model_validate(buyer), now())
        await clocks.attach(connection, "reported", "C-881")
    await live(console_database, orders, "C-881", 881)
    await unpaid(console_database, 881)
    async with console_database.transaction() as connection:
        due = (await invoices.get(connection, "I-881", lock=True)).invoice
        await invoices.receive_payment(connection, due, due.amount_due, APRIL.date())
        await dunning_cases.settle(connection, (await invoices.get(connection, "I-881", lock=True)).invoice, APRIL)
    page = await sign_in(Role.viewer, at="/reports?clock=reported&months=6")

    revenue = page.locator(".card", has_text="Monthly recurring revenue")
    await expect(revenue).to_contain_text("20.00 EUR")
    await expect(revenue).to_contain_text("240.00 EUR")
    await revenue.get_by_text("As numbers").click()
    await expect(revenue.locator("tbody tr")).to_have_count(6)
    await expect(revenue.locator("tr", has_text="Feb 2026").locator("td").nth(1)).to_have_text("20.00 EUR")
    await expect(revenue.locator("tr", has_text="Jan 2026").locator("td").last).to_have_text("0.00 EUR")
    dunning = page.locator(".card", has_text="Amounts in EUR")
    await dunning.get_by_text("As numbers").click()
    await expect(dunning.locator("tr", has_text="Mar 2026")).to_contain_text("1 · 23.80 EUR")
    await expect(dunning.locator("tr", has_text="Apr 2026").locator("td").nth(2)).to_have_text("1 · 23.80 EUR")
    await expect(page.locator("canvas")).to_have_count(5)


async def test_whoever_may_not_see_money_sees_no_reports(sign_in: SignIn) -> None:
    page = await sign_in(Role.approver, at="/reports")
    await expect(page.get_by_text("This key may not")).to_be_visible()
    await expect(page.locator("canvas")).to_have_count(0)
