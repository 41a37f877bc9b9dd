"""What customers pay with, in the browser."""

from datetime import UTC, datetime

from playwright.async_api import expect

from activities.store import customers, payment_methods
from activities.store.database import Database
from domain import keys
from domain.customers import Customer
from domain.payment_methods import MethodFacts, MethodKind, StoredMethod
from domain.roles import Role
from tests.console.conftest import SignIn


async def keep(database: Database, customer: str, token: str, facts: MethodFacts, *, default: bool = False) -> None:
    now = datetime.now(UTC)
    name = keys.payment_method(customer, "sandbox", token)
    async with database.transaction() as connection:
        record = Customer(id=customer, name="Someone", country="DE", payment_method=name if default else None)
        await customers.put(connection, record, now)
        given = StoredMethod(id=name, customer=customer, facts=facts, tokens={"sandbox": token}, added_at=now)
        await payment_methods.add(connection, given, "admin", now)


async def test_a_customers_methods_are_shown_with_what_ends_soon(sign_in: SignIn, console_database: Database) -> None:
    now = datetime.now(UTC)
    ending = MethodFacts(kind=MethodKind.card, brand="visa", last4="1111", exp_month=now.month, exp_year=now.year)
    lasting = MethodFacts(kind=MethodKind.card, brand="<b>mastercard</b>", last4="4444", exp_month=12, exp_year=2090)
    account = MethodFacts(kind=MethodKind.sepa_debit, brand="bank", last4="3000", country="DE")
    await keep(console_database, "pays-1", "tok_one", ending)
    await keep(console_database, "pays-1", "tok_three", account)
    await keep(console_database, "pays-1", "tok_two", lasting, default=True)
    await keep(console_database, "pays-2", "tok_one", lasting)

    page = await sign_in(Role.viewer, at="/payment-methods?customer=pays-1")

    soon = page.locator("tr", has_text="1111")
    await expect(soon).to_contain_text("ends soon")
    kept = page.locator("tr", has_text="4444")
    await expect(kept).to_contain_text("<b>mastercard</b>")
    await expect(kept).to_contain_text("default")
    await expect(kept).not_to_contain_text("ends soon")
    await expect(page.locator("tbody tr")).to_have_count(3)
    await page.get_by_text("Only those that end").click()
    await expect(page.locator("tbody tr")).to_have_count(1)


async def test_who_may_not_read_billing_sees_none(sign_in: SignIn) -> None:
    page = await sign_in(Role.approver, at="/payment-methods")
    await expect(page.get_by_text("This key may not")).to_be_visible()
