"""Reconciliation in the browser."""

from datetime import UTC, date, datetime

from playwright.async_api import expect

from activities.store import receipts, reconciliation
from activities.store.database import Database
from domain.billing.reconciliation.comparison import Difference, DifferenceKind
from domain.billing.reconciliation.statements import Entry, statement
from domain.roles import Role
from tests.console.conftest import SignIn
from tests.console.test_invoice_pages import open_invoice
from tests.domain.samples import eur

NOW = datetime(2026, 3, 3, tzinfo=UTC)
DAY = date(2026, 3, 2)


async def test_money_in_suspense_is_matched_to_the_invoice_that_a_person_names(
    sign_in: SignIn, console_database: Database
) -> None:
    issued = await open_invoice(console_database, 951)
    await open_invoice(console_database, 952)  # of the same amount, so that the amount alone says nothing
    entry = Entry(amount=eur(11900), booked_on=DAY, value_on=DAY, reference="R-951", remittance="no number <b>at all</b>")
    async with console_database.transaction() as connection:
        await receipts.book_lines(connection, "bank", statement("bank", [entry]).lines, NOW)
    page = await sign_in(Role.finance, at="/reconciliation")

    row = page.locator("tr", has_text="no number <b>at all</b>")
    await expect(row).to_contain_text("119.00 EUR")
    await row.get_by_role("button", name="Match").click()
    await page.get_by_label("Invoice number").fill(str(issued.number))
    await page.get_by_role("dialog").get_by_role("button", name="Match").click()
    await expect(page.get_by_text("is kept with your name, so say something")).to_be_visible()
    await page.get_by_label("Reason").fill("the customer called")
    await page.get_by_role("dialog").get_by_role("button", name="Match").click()
    await expect(page.get_by_text("119.00 EUR of 119.00 EUR is matched")).to_be_visible()
    await expect(row).to_have_count(0)


async def test_a_difference_is_dealt_with_by_saying_what_it_was(sign_in: SignIn, console_database: Database) -> None:
    found = Difference(
        kind=DifferenceKind.missing_in_ledger,
        subject="O-9:payment:1",
        expected="19.00 EUR",
        found="nothing",
        text="not in the ledger",
        owner="finance",
    )
    async with console_database.transaction() as connection:
        await reconciliation.note(connection, "sandbox", DAY, [found.subject], [found], NOW)
        await reconciliation.finish(connection, "sandbox", DAY, 7, NOW)
    page = await sign_in(Role.finance, at="/reconciliation")

    row = page.locator("tr", has_text="O-9:payment:1")
    await expect(row).to_contain_text("not in the ledger")
    await row.get_by_role("button", name="Dealt with").click()
    await page.get_by_label("Reason").fill("booked by hand")
    await page.get_by_role("dialog").get_by_role("button", name="Dealt with").click()
    await expect(row).to_have_count(0)
    await expect(page.get_by_text("Gateway, ledger and invoices agree")).to_be_visible()


async def test_reconciliation_is_for_finance(sign_in: SignIn) -> None:
    page = await sign_in(Role.operator, at="/reconciliation")
    await expect(page.get_by_text("This key may not reconcile money")).to_be_visible()
