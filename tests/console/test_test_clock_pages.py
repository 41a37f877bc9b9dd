"""Test clocks in the browser."""

import json
from datetime import UTC, datetime

import httpx
from playwright.async_api import expect
from sqlalchemy import update

from activities.store import clocks, due_rows, life_fallout, subscriptions
from activities.store.database import Database
from activities.store.due_rows import DueRow, Kind
from activities.store.tables.customers import customers
from activities.store.tables.life import test_clocks
from domain.clocks import Clock
from domain.errors import Conflict
from domain.facts import Event
from domain.roles import Role
from tests.api.conftest import StandIn
from tests.console.conftest import KeyFor, SignIn
from tests.console.lives import live
from tests.console.orders import Orders, now


async def test_a_clock_is_made_and_advanced_and_what_happens_is_told(
    sign_in: SignIn, orders: Orders, console_database: Database, processes: StandIn
) -> None:
    made = await live(console_database, orders, "C-821", 821)
    page = await sign_in(Role.admin, at="/test-clocks")
    await page.get_by_role("button", name="New test clock").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Id", exact=True).fill("two years")
    await dialog.get_by_label("Shows, UTC").fill("2026-04-01T00:00")
    await dialog.get_by_role("button", name="Make it").click()
    await expect(page.get_by_text("id: ")).to_be_visible()
    await dialog.get_by_label("Id", exact=True).fill("two-years")
    await dialog.get_by_role("button", name="Make it").click()
    await page.wait_for_url("**/test-clocks/two-years")

    await page.get_by_role("button", name="Attach a customer").click()
    await dialog.get_by_label("Customer id").fill("C-821")
    await dialog.get_by_role("button", name="Attach", exact=True).click()
    await expect(page.get_by_text("customer C-821 has business in real time")).to_be_visible()
    await dialog.get_by_role("button", name="Close").click()

    await page.get_by_role("button", name="To a date").click()
    await dialog.get_by_label("Date and time, UTC").fill("2026-01-01")
    await dialog.get_by_role("button", name="Advance", exact=True).click()
    await expect(page.get_by_text("to: lies before what the clock shows")).to_be_visible()
    await dialog.get_by_role("button", name="Close").click()

    async with console_database.transaction() as connection:
        await connection.execute(update(customers).where(customers.c.id == "C-821").values(clock="two-years"))
        target = {"target": datetime(2026, 5, 1, tzinfo=UTC), "now": datetime(2026, 4, 16, tzinfo=UTC)}
        await connection.execute(update(test_clocks).where(test_clocks.c.id == "two-years").values(**target))
        stored = await subscriptions.get(connection, made.id, lock=True)
        at = datetime(2026, 4, 1, tzinfo=UTC)
        event = Event(key="b", type="subscription.billed", at=at, actor="subscription", summary="20.00 EUR for April")
        await subscriptions.save(connection, stored.subscription, [event], at)
    await expect(page.get_by_text("on its way to 01 May 2026")).to_be_visible()
    await expect(page.locator(".timeline .moment").first).to_contain_text("20.00 EUR for April")
    await expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")

    async with console_database.transaction() as connection:
        await connection.execute(update(test_clocks).where(test_clocks.c.id == "two-years").values(target=None))
        assert (await clocks.get(connection, "two-years")).target is None
    processes.answer = Conflict("it came to a halt: the gateway does not answer")
    await expect(page.get_by_text("stands still")).to_be_visible()
    await page.get_by_role("button", name="By a month").click()
    await expect(page.get_by_text("it came to a halt: the gateway does not answer")).to_be_visible()


async def test_what_keeps_a_clock_from_going_on_is_said_and_led_to_by_its_page_and_its_stream(
    sign_in: SignIn,
    orders: Orders,
    console_database: Database,
    processes: StandIn,
    console_url: str,
    key_for: KeyFor,
) -> None:
    made, shown = await live(console_database, orders, "C-822", 822), datetime(2026, 4, 16, tzinfo=UTC)
    async with console_database.transaction() as connection:
        await clocks.add(connection, Clock(id="halted", name="halted", now=shown, created_at=now(), created_by="test"))
        await connection.execute(update(customers).where(customers.c.id == "C-822").values(clock="halted"))
        key = f"{made.id}:change"
        row = DueRow(key=key, kind=Kind.change, subject=made.id, customer="C-822", due_at=shown)
        await due_rows.put(connection, [row])
        await life_fallout.put_off(connection, row, "mailhub: 422 <b>no such plan</b>", now())
    processes.answer = Conflict(f"it came to a halt: {key} is still due")
    page = await sign_in(Role.admin, at="/test-clocks/halted")

    banner = page.locator(".banner", has_text="It cannot go on")
    await expect(banner).to_contain_text(f"change of {made.id}: mailhub: 422 <b>no such plan</b>")
    await page.get_by_role("button", name="By a month").click()
    await expect(page.locator(".banner", has_text=f"it came to a halt: {key} is still due")).to_be_visible()
    await page.get_by_role("link", name="Fallout, owner operations").click()
    await expect(page.get_by_role("heading", name=made.order)).to_be_visible()
    await expect(page.locator(".entry", has_text="no such plan")).to_be_visible()

    headers = {"Authorization": f"Bearer {(await key_for(Role.admin))[1]}"}
    async with httpx.AsyncClient(base_url=console_url.removesuffix("/console"), headers=headers, trust_env=False) as api:
        answer = await api.post("/v1/test-clocks/halted/advance", json={"by": "P1M"})
    told = json.loads(answer.text.splitlines()[-1])
    assert told["error"] == f"it came to a halt: {key} is still due"
    assert [(each["id"], each["order"], each["error"]) for each in told["fallout"]] == [
        (f"{key}:fallout:1", made.order, "mailhub: 422 <b>no such plan</b>")
    ]
