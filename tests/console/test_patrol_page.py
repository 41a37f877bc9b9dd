"""What the patrol found, in the browser."""

from datetime import UTC, datetime

from playwright.async_api import expect

from activities.store import patrol
from activities.store.database import Database
from domain.invariants.facts import Violation
from domain.roles import Role
from tests.console.conftest import SignIn
from tests.console.orders import Orders

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def test_a_finding_says_what_was_expected_and_leads_to_its_order(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    order = await orders.place()
    found = Violation(
        invariant="captured_is_fulfilled",
        subject=order.id,
        order=order.id,
        expected="3800 kept",
        found="<b>0</b> by the gateway",
    )
    async with console_database.transaction() as connection:
        await patrol.note(connection, [found.invariant], [order.id], [found], NOW)
        await patrol.finish(connection, 7, NOW, NOW)

    page = await sign_in(Role.viewer, at="/patrol")

    await expect(page.get_by_text("7 orders looked at")).to_be_visible()
    row = page.locator("tr", has_text=order.id)
    await expect(row).to_contain_text("<b>0</b> by the gateway")
    await expect(row).to_contain_text("What was taken for a settled order")
    await row.get_by_role("link", name=order.id).click()
    await expect(page.get_by_role("heading", name=order.id)).to_be_visible()

    async with console_database.transaction() as connection:
        await patrol.note(connection, [found.invariant], [order.id], [], NOW)


async def test_where_nothing_is_wrong_it_says_so(sign_in: SignIn) -> None:
    page = await sign_in(Role.viewer, at="/patrol")
    await expect(page.get_by_text("Nothing is wrong")).to_be_visible()
    await expect(page.get_by_role("link", name="Patrol")).to_be_visible()
