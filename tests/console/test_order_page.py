"""The page of one order, and what can be done there."""

from playwright.async_api import Page, expect

from domain.facts import ItemStatus
from domain.money import Money
from domain.orders import Order
from domain.roles import Role
from domain.states import ItemState, OrderState, StepState
from tests.api.conftest import StandIn
from tests.console.conftest import SignIn
from tests.console.orders import HOSTILE, Orders, step


async def test_the_steps_are_drawn_with_their_states(sign_in: SignIn, orders: Orders) -> None:
    order = await orders.place()
    await orders.set_state(order, OrderState.in_progress)
    await orders.change(order, steps=[step(order, StepState.running)])
    page = await sign_in(Role.viewer, at=f"/orders/{order.id}")
    drawing = page.locator(".dag svg")
    await expect(drawing.locator("g.node.state-running")).to_contain_text("Create account")
    await expect(drawing.locator("g.node.state-waiting").filter(has_text="Grant access")).to_have_count(1)
    await expect(drawing).to_contain_text("Capture payment")
    await orders.change(order, steps=[step(order, StepState.done)])
    await expect(drawing.locator("g.node.state-done")).to_contain_text("Create account", timeout=5000)


async def test_the_history_grows_without_reloading(sign_in: SignIn, orders: Orders) -> None:
    order = await orders.place()
    page = await sign_in(Role.viewer, at=f"/orders/{order.id}")
    moments = page.locator(".moment")
    await expect(moments).to_have_count(1)
    await orders.change(order, "The partner called back")
    await expect(moments.first).to_contain_text("The partner called back", timeout=5000)
    await expect(moments).to_have_count(2)


async def test_hostile_names_and_reasons_are_only_text(sign_in: SignIn, orders: Orders) -> None:
    steps = [{"id": "a", "name": HOSTILE[:80], "adapter": "mailhub", "verb": "create"}]
    order = await orders.place(name=HOSTILE, steps=steps, external_reference=HOSTILE[:100])
    await orders.set_state(order, OrderState.pending, reason=HOSTILE, waiting_on=HOSTILE, owner=HOSTILE)
    page = await sign_in(Role.viewer, at=f"/orders/{order.id}")
    await expect(page.locator(".banner").filter(has_text="Waiting on")).to_contain_text(HOSTILE)
    await expect(page.locator(".dag g.node.state-waiting").first).to_contain_text("<script>window.hacked=1</script>")
    await expect(page.locator(".dag g.node")).to_have_count(3)
    assert await page.evaluate("window.hacked === undefined")


async def test_a_missing_order_gets_a_friendly_page(sign_in: SignIn, console_url: str) -> None:
    page = await sign_in(Role.viewer)
    answer = await page.goto(f"{console_url}/orders/O-999999")
    assert answer is not None
    assert answer.status == 404
    await expect(page.get_by_role("heading", name="There is no order O-999999")).to_be_visible()


async def test_a_viewer_sees_no_buttons(sign_in: SignIn, orders: Orders) -> None:
    order = await orders.place()
    await orders.ask_approval(order)
    await orders.get_stuck(order)
    page = await sign_in(Role.viewer, at=f"/orders/{order.id}")
    await expect(page.get_by_text("0 of 2 approved")).to_be_visible()
    for name in ("Approve", "Reject", "Cancel order", "Retry", "Skip"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)


async def test_cancelling_first_shows_what_it_comes_to(sign_in: SignIn, orders: Orders, processes: StandIn) -> None:
    order = await orders.place(quantities=[3])
    await orders.set_state(order, OrderState.in_progress)
    await orders.change(order, items=[ItemStatus(item="1", state=ItemState.in_progress, captured=True)])
    processes.answer = {"accepted": True, "preview": _preview(order)}
    page = await sign_in(Role.operator, at=f"/orders/{order.id}")
    await page.get_by_role("button", name="Cancel order").click()
    await expect(page.locator(".sums")).to_contain_text("57.00 EUR")
    assert processes.asked == []
    await page.get_by_label("Reason").fill("ordered twice")
    await page.get_by_role("button", name="Cancel the order").click()
    await expect(page.get_by_text(f"Cancelling {order.id}: everything is undone")).to_be_visible()
    assert [(asked.update, asked.argument["reason"]) for asked in processes.asked] == [("cancel", "ordered twice")]


async def test_an_order_past_its_return_cannot_be_cancelled(sign_in: SignIn, orders: Orders, processes: StandIn) -> None:
    order = await orders.place()
    past = ItemStatus(item="1", state=ItemState.in_progress, point_of_no_return_passed=True)
    await orders.change(order, items=[past])
    page = await sign_in(Role.operator, at=f"/orders/{order.id}")
    await page.get_by_role("button", name="Cancel order").click()
    await expect(page.get_by_text("Nothing can be undone any more.")).to_be_visible()
    await expect(page.get_by_role("button", name="Cancel the order")).to_have_count(0)
    assert processes.asked == []


async def test_what_can_still_be_undone_is_offered(sign_in: SignIn, orders: Orders, processes: StandIn) -> None:
    order = await orders.place(quantities=[3, 1])
    states = [
        ItemStatus(item="1", state=ItemState.in_progress, captured=True),
        ItemStatus(item="2", state=ItemState.in_progress, captured=True, point_of_no_return_passed=True),
    ]
    await orders.change(order, items=states)
    processes.answer = {"accepted": True, "preview": _preview(order)}
    page = await sign_in(Role.operator, at=f"/orders/{order.id}")
    await page.get_by_role("button", name="Cancel order").click()
    await expect(page.locator(".sums")).to_contain_text("Refunded57.00 EUR")
    await expect(page.locator(".sums")).to_contain_text("Kept19.00 EUR")
    await page.get_by_role("button", name="Cancel what can be undone").click()
    await expect(page.get_by_text(f"Cancelling {order.id}")).to_be_visible()
    assert processes.asked[0].argument["accept_partial"] is True


def _preview(order: Order) -> dict[str, object]:
    nothing = Money.zero("EUR").model_dump()
    amounts = {"refunded": order.total.model_dump(), "released": nothing, "kept": nothing}
    return {"order": order.id, "possible": True, "complete": True, "items": [], "message": "everything is undone", **amounts}


async def test_fallout_offers_only_what_is_possible_and_asks_the_order(
    sign_in: SignIn, orders: Orders, processes: StandIn
) -> None:
    order = await orders.place()
    record = await orders.get_stuck(order)
    page = await sign_in(Role.operator, at=f"/orders/{order.id}")
    await page.get_by_role("button", name="Mark done").click()
    await _confirm(page, "Mark done")
    await expect(page.get_by_text("evidence: marking it done needs some")).to_be_visible()
    await page.get_by_label("Evidence").fill("ticket 4711")
    await _confirm(page, "Mark done")
    await expect(page.get_by_text("noted")).to_be_visible()
    argument = processes.asked[0].argument
    assert (argument["fallout"], argument["verb"], argument["evidence"]) == (record, "resolve", "ticket 4711")


async def _confirm(page: Page, word: str) -> None:
    await page.get_by_role("dialog").get_by_role("button", name=word).click()
