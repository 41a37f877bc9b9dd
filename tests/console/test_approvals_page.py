"""Deciding on orders, and who may."""

import pytest
from fastapi import FastAPI
from playwright.async_api import expect

from activities.store import views
from api.console import cancellation, decisions, stuck
from api.problems import Forbidden
from api.requests import FalloutAnswer
from domain.approvals import Verdict
from domain.cancellation import CancelRequest
from domain.errors import Conflict
from domain.fallout import FalloutVerb
from domain.roles import Principal, Role
from tests.api.conftest import StandIn
from tests.console.conftest import SignIn
from tests.console.orders import Orders


async def test_an_approval_is_signed_with_the_name_of_the_key(sign_in: SignIn, orders: Orders, processes: StandIn) -> None:
    order = await orders.place(quantities=[20])
    await orders.ask_approval(order)
    page = await sign_in(Role.approver, at="/approvals")
    name = await page.locator(".who div").first.inner_text()
    card = page.locator(".card", has_text=order.id)
    await card.get_by_role("button", name="Approve").click()
    await page.get_by_label("Reason").fill("within budget")
    await page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("noted")).to_be_visible()
    asked = processes.asked[0]
    assert (asked.order.id, asked.update) == (order.id, "approve")
    assert (asked.argument["decision"], asked.argument["by"], asked.argument["reason"]) == ("approve", name, "within budget")


async def test_whoever_placed_the_order_sees_why_they_do_not_decide_and_no_buttons(sign_in: SignIn, orders: Orders) -> None:
    page = await sign_in(Role.admin, at="/approvals")
    name = await page.locator(".who div").first.inner_text()
    order = await orders.place(quantities=[20], placed_by=name)
    await orders.ask_approval(order)

    card = page.locator(".card", has_text=order.id)
    await expect(card).to_contain_text(f"{name} placed this order and cannot decide on it; another person has to")
    await expect(card.get_by_role("button")).to_have_count(0)
    other = await orders.place(quantities=[20])
    await orders.ask_approval(other)
    await expect(page.locator(".card", has_text=other.id).get_by_role("button")).to_have_count(3)


async def test_a_refusal_is_told_in_one_line(sign_in: SignIn, orders: Orders, processes: StandIn) -> None:
    order = await orders.place(quantities=[20])
    await orders.ask_approval(order)
    processes.answer = Conflict("this is already decided: approve")
    page = await sign_in(Role.approver, at=f"/orders/{order.id}")
    await page.get_by_role("button", name="Reject").click()
    await page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    await expect(page.get_by_text("this is already decided: approve")).to_be_visible()


async def test_whoever_lacks_the_right_is_refused_behind_the_page_too(
    console_app: FastAPI, orders: Orders, processes: StandIn
) -> None:
    order = await orders.place(quantities=[20])
    await orders.get_stuck(order)
    async with console_app.state.context.database.transaction() as connection:
        record = (await views.order_detail(connection, order.id)).fallout[0]
    context, viewer = console_app.state.context, Principal(key_id="k", name="vic", roles=[Role.viewer])
    with pytest.raises(Forbidden):
        await decisions.decide(context, viewer, order.id, {"decision": Verdict.approve, "to": None})
    with pytest.raises(Forbidden):
        await cancellation.cancel(context, viewer, order.id, CancelRequest())
    with pytest.raises(Forbidden):
        await stuck.decide(context, viewer, record, FalloutVerb.retry, FalloutAnswer(), corrects=False)
    assert processes.asked == []


async def test_fallout_of_all_orders_leads_to_the_order(sign_in: SignIn, orders: Orders) -> None:
    order = await orders.place()
    await orders.get_stuck(order, error="<b>mailhub</b> said no")
    page = await sign_in(Role.viewer, at="/fallout")
    entry = page.locator(".entry", has_text=order.id)
    await expect(entry).to_contain_text("<b>mailhub</b> said no")
    await expect(entry).to_contain_text("38.00 EUR at stake")
    await entry.get_by_role("link", name=order.id).click()
    await expect(page.get_by_role("heading", name=order.id)).to_be_visible()
