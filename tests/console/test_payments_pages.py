"""Payments and gateways in the browser."""

from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import expect

from activities.runtime.gateway_watch import GatewayWatch
from activities.store import attempts
from activities.store.database import Database
from api.console import processes
from domain.money import Money
from domain.payments import Outcome, PaymentRequest, PaymentResult
from domain.roles import Role
from domain.routing import Decision, Look
from tests.console.conftest import SignIn
from tests.console.orders import now

HOSTILE = "<script>window.hacked=1</script>"


async def asked(database: Database, key: str, gateway: str, outcome: Outcome, why: str = "no rule says otherwise") -> None:
    request = PaymentRequest(key=key, amount=Money(minor=4990, currency="EUR"), method="tok_visa", customer="C-7")
    looks = (Look(rule="euros@2", decided=False, why="currency"), Look(rule="default", decided=True, why=f"{gateway}: {why}"))
    async with database.transaction() as connection:
        await attempts.begin(connection, request, Decision(gateway=gateway, rule="default", looks=looks), now())
        answered = PaymentResult(outcome=outcome, code="try_later" if outcome is Outcome.not_attempted else None)
        await attempts.answer(connection, key, answered, timedelta(milliseconds=37), now())


@pytest_asyncio.fixture(scope="module", autouse=True)
async def payments(console_database: Database) -> None:
    """Five that the gateway `sandbox` did nothing about, and one after them that `backup` took."""
    for number in range(1, 6):
        await asked(console_database, f"IN-9:payment:{number}", "sandbox", Outcome.not_attempted)
    await asked(console_database, "IN-9:payment:6", "backup", Outcome.succeeded, HOSTILE)
    await GatewayWatch(console_database, ["sandbox", "backup"]).look(now())


async def test_payments_are_listed_with_where_they_went_and_narrowed(sign_in: SignIn) -> None:
    page = await sign_in(Role.viewer, at="/payments")
    row = page.locator("tr", has_text="IN-9:payment:6")
    await expect(row).to_contain_text("backup")
    await expect(row).to_contain_text("49.90 EUR")
    await expect(row).to_contain_text("37 ms")

    await page.get_by_label("Answer").click()
    await page.get_by_role("option", name="not attempted").click()
    await expect(row).to_have_count(0)
    await expect(page.locator("tbody tr")).to_have_count(5)


async def test_a_gateway_that_is_not_well_is_said_so(sign_in: SignIn) -> None:
    page = await sign_in(Role.viewer, at="/payments")

    await expect(page.get_by_text("Gateway sandbox has not been well")).to_contain_text("5 of its last 5 answers failed")
    await expect(page.get_by_text("0 of 5 answers good")).to_be_visible()
    await expect(page.get_by_text("1 of 1 answers good")).to_be_visible()
    await expect(page.locator("canvas")).to_be_visible()


async def test_a_payment_says_why_it_went_there_and_what_was_asked_before(sign_in: SignIn) -> None:
    page = await sign_in(Role.viewer, at="/payments/IN-9%3Apayment%3A6")

    await expect(page.get_by_role("heading", name="Payment IN-9:payment:6")).to_be_visible()
    await expect(page.locator("tr", has_text="euros@2")).to_contain_text("currency")
    await expect(page.get_by_text(HOSTILE)).to_be_visible()
    assert await page.evaluate("window.hacked") is None
    process = page.get_by_role("main").get_by_role("link", name="Temporal")
    assert str(await process.get_attribute("href")).endswith("/workflows/collect-IN-9")
    await page.get_by_role("link", name="IN-9:payment:1").click()
    await expect(page.get_by_text("try_later")).to_be_visible()


async def test_a_page_of_no_payment_says_so(sign_in: SignIn) -> None:
    page = await sign_in(Role.viewer, at="/payments/O-404%3Apayment%3A1")
    await expect(page.get_by_text("There is no payment O-404:payment:1")).to_be_visible()


@pytest.mark.parametrize(
    ("payment", "process"),
    [
        ("O-1001:payment:1", "order-O-1001"),
        ("S-1001-1:change:2:payment:1", "sub-S-1001-1"),
        ("S-1001-1:1:charge-1:v1:period:2:invoice:payment:3", "collect-S-1001-1:1:charge-1:v1:period:2:invoice"),
    ],
)
def test_a_payment_leads_to_the_process_that_asked_for_it(payment: str, process: str) -> None:
    assert processes.of_payment(payment) == process
