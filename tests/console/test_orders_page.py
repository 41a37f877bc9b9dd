"""The list of orders."""

from playwright.async_api import expect

from domain.jeopardy import Jeopardy
from domain.roles import Role
from domain.states import OrderState
from tests.console.conftest import SignIn
from tests.console.orders import HOSTILE, Orders


async def test_orders_are_listed_with_their_state_and_filtered_by_it(sign_in: SignIn, orders: Orders) -> None:
    failed, running = await orders.place(), await orders.place()
    await orders.set_state(failed, OrderState.failed)
    await orders.set_state(running, OrderState.in_progress)
    page = await sign_in(Role.viewer)
    await expect(page.locator(f'[data-order="{failed.id}"]')).to_contain_text("failed")
    await expect(page.locator(f'[data-order="{failed.id}"]')).to_contain_text("38.00 EUR")
    await page.get_by_role("button", name="failed").click()
    await expect(page.locator(f'[data-order="{running.id}"]')).to_be_hidden()
    await expect(page.locator(f'[data-order="{failed.id}"]')).to_be_visible()
    assert page.url.endswith("/orders?state=failed")


async def test_orders_are_filtered_by_customer_wait_and_jeopardy(sign_in: SignIn, orders: Orders) -> None:
    wanted, other = await orders.place("C-77"), await orders.place("C-77")
    held = {"waiting_on": "fallout: Create account", "owner": "operations", "jeopardy": Jeopardy.critical}
    await orders.set_state(wanted, OrderState.held, **held)
    page = await sign_in(Role.viewer, at="/orders?customer=C-77&waiting_on=fallout&jeopardy=critical")
    await expect(page.locator(f'[data-order="{wanted.id}"]')).to_contain_text("critical")
    await expect(page.locator(f'[data-order="{other.id}"]')).to_have_count(0)


async def test_a_change_appears_without_reloading(sign_in: SignIn, orders: Orders) -> None:
    order = await orders.place()
    page = await sign_in(Role.viewer)
    shown = page.locator(f'[data-order="{order.id}"]')
    await expect(shown).to_contain_text("acknowledged")
    await orders.set_state(order, OrderState.completed)
    await expect(shown).to_contain_text("completed", timeout=5000)
    placed = await orders.place()
    await expect(page.locator(f'[data-order="{placed.id}"]')).to_be_visible(timeout=3000)


async def test_an_order_is_found_by_its_number(sign_in: SignIn, orders: Orders) -> None:
    order = await orders.place()
    page = await sign_in(Role.viewer)
    finder = page.get_by_label("Find an order by id")
    await finder.fill(order.id.removeprefix("O-"))
    await finder.press("Enter")
    await expect(page.get_by_role("heading", name=order.id)).to_be_visible()


async def test_hostile_text_in_the_list_is_only_text(sign_in: SignIn, orders: Orders) -> None:
    order = await orders.place()
    await orders.set_state(order, OrderState.pending, waiting_on=f"blocked: {HOSTILE}", owner="operations")
    page = await sign_in(Role.viewer)
    await expect(page.locator(f'[data-order="{order.id}"]')).to_contain_text("<script>window.hacked=1</script>")
    assert await page.evaluate("window.hacked === undefined")
