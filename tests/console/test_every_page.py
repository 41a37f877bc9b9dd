"""Every page on a phone: nothing reaches beyond its edge, and all text stands out from what is behind it, dark and light."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Page, ViewportSize, expect
from sqlalchemy import update

from activities.store import access_blocks, clocks, due_rows, fraud, life_fallout, patrol, receipts, reconciliation
from activities.store.database import Database
from activities.store.due_rows import DueRow, Kind
from activities.store.tables.customers import customers
from domain.billing.reconciliation.comparison import Difference, DifferenceKind
from domain.billing.reconciliation.statements import Entry, statement
from domain.clocks import Clock
from domain.facts import Event
from domain.fraud import SCREENED, Band, Fired, Screening
from domain.fraud_rules import FraudRule
from domain.invariants.facts import Violation
from domain.payment_methods import MethodFacts, MethodKind
from domain.payments import Outcome
from domain.roles import Role
from domain.states import OrderState
from tests.console.conftest import KeyFor, Windows
from tests.console.lives import live, unpaid
from tests.console.orders import Orders, eur, now
from tests.console.test_disputes_page import disputed
from tests.console.test_payment_methods_page import keep
from tests.console.test_payments_pages import asked

APRIL = datetime(2026, 4, 16, tzinfo=UTC)
LONG = "a-reference-that-nobody-can-break-anywhere-since-it-has-no-space-" * 2
PHONE: ViewportSize = {"width": 390, "height": 844}
LEAST_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, for text that is not large."""
PAGES = (
    "/orders",
    "/orders?state=failed",
    "/orders/{stuck}",
    "/orders/{waiting}",
    "/fallout",
    "/approvals",
    "/customers",
    "/customers/{customer}",
    "/subscriptions",
    "/subscriptions/{subscription}",
    "/invoices",
    "/invoices/I-891",
    "/payments",
    "/payments/IN-891%3Apayment%3A2",
    "/payment-methods",
    "/disputes",
    "/fraud",
    "/reconciliation",
    "/patrol",
    "/reports?months=60",
    "/policies",
    "/test-clocks",
    "/test-clocks/phone",
    "/nowhere",
)


@pytest_asyncio.fixture(scope="module")
async def filled(orders: Orders, console_database: Database) -> AsyncIterator[dict[str, str]]:
    """Something on each page; the names of what has a page of its own. Other tests share the database."""
    stuck = await orders.place(name="A product whose name goes on for longer than a phone is wide")
    await orders.get_stuck(stuck, error=f"mailhub: 422 {LONG}")
    await orders.change(stuck, events=[_judged()])
    waiting = await orders.place(quantities=[20, 3])
    await orders.ask_approval(waiting)
    for state in (OrderState.completed, OrderState.failed, OrderState.partial, OrderState.pending_cancellation):
        await orders.set_state(await orders.place(), state)
    made = await live(console_database, orders, "C-891", 891, "A plan whose name goes on for longer than a phone is wide")
    await unpaid(console_database, 891, f"payment {LONG} is under way")
    await asked(console_database, "IN-891:payment:1", "bank", Outcome.declined_soft)
    await asked(console_database, "IN-891:payment:2", "bank", Outcome.succeeded, LONG)
    await disputed(console_database, "891", timedelta(hours=20), amount=777)
    await disputed(console_database, "892", timedelta(days=1), amount=777, state="lost")
    card = MethodFacts(kind=MethodKind.card, brand="visa", last4="1111", exp_month=now().month, exp_year=now().year)
    await keep(console_database, "C-891", "tok_891", card, default=True)
    await _by_a_clock(console_database, orders)
    await _worked_on(console_database, stuck.id, made.service)
    yield {"stuck": stuck.id, "waiting": waiting.id, "customer": "C-891", "subscription": made.id}
    async with console_database.transaction() as connection:
        for item in await reconciliation.work_items(connection, None, 10, is_open=True):
            await reconciliation.resolve(connection, item.key, "ada", "looked at on a phone", now())
        await patrol.note(connection, ["captured_is_fulfilled"], [stuck.id], [], now())


def _judged() -> Event:
    fired = Fired(rule="phones@1", reason=LONG, band=Band.review)
    said = Screening(band=Band.review, reasons=[fired.reason], score=40, fired=[fired])
    return Event(key="screened:1", type=SCREENED, at=now(), actor="turnup", summary="Fraud check: review", data=said.as_facts)


async def _by_a_clock(database: Database, orders: Orders) -> None:
    """One that cannot go on."""
    moved = await live(database, orders, "C-892", 892)
    async with database.transaction() as connection:
        await clocks.add(connection, Clock(id="phone", name="phone", now=APRIL, created_at=now(), created_by="test"))
        await connection.execute(update(customers).where(customers.c.id == "C-892").values(clock="phone"))
        row = DueRow(key=f"{moved.id}:change", kind=Kind.change, subject=moved.id, customer="C-892", due_at=APRIL)
        await due_rows.put(connection, [row])
        await life_fallout.put_off(connection, row, f"mailhub: 422 {LONG}", now())


async def _worked_on(database: Database, order: str, service: str) -> None:
    """What finance, fraud analysts and operators find of a morning."""
    entry = Entry(amount=eur(11900), booked_on=date(2026, 3, 2), value_on=date(2026, 3, 2), reference="R-891", remittance=LONG)
    difference = Difference(
        kind=DifferenceKind.missing_in_ledger,
        subject=LONG,
        expected="19.00 EUR",
        found="nothing",
        text="not in the ledger",
        owner="finance",
    )
    rule = FraudRule(id="phones", when="velocity.card_orders_24h > 10", band=Band.reject, reason=LONG)
    found = Violation(invariant="captured_is_fulfilled", subject=LONG, order=order, expected="3800 kept", found="0")
    async with database.transaction() as connection:
        await receipts.book_lines(connection, "bank", statement("bank", [entry]).lines, APRIL)
        await reconciliation.note(connection, "sandbox", date(2026, 3, 2), [LONG], [difference], APRIL)
        await fraud.publish(connection, rule, "ula", now())
        await patrol.note(connection, [found.invariant], [order], [found], APRIL)
        await access_blocks.block(connection, [service], "dispute", "sandbox:dp_891", now())


@pytest_asyncio.fixture(scope="module")
async def phone(windows: Windows, console_url: str, key_for: KeyFor) -> AsyncIterator[Page]:
    """Of an admin, who has looked at the door and signed in."""
    context = await windows.browser.new_context(viewport=PHONE, color_scheme="dark")
    page = await context.new_page()
    await page.goto(f"{console_url}/sign-in")
    await _readable(page, dark=True)
    await page.get_by_label("API key").fill((await key_for(Role.admin))[1])
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/console/orders")
    yield page
    await context.close()


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_fits_a_phone_and_can_be_read_on_it(
    phone: Page, console_url: str, filled: dict[str, str], path: str
) -> None:
    await phone.emulate_media(color_scheme="dark")
    await phone.goto(console_url + path.format(**filled))
    await _readable(phone, dark=True)
    await phone.emulate_media(color_scheme="light")
    await _readable(phone, dark=False)


async def _readable(page: Page, *, dark: bool) -> None:
    await expect(page.locator("body.body--dark")).to_have_count(1 if dark else 0)
    await expect(page.locator("h1").first).to_be_visible()
    await page.add_style_tag(content="* { transition: none !important }")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], await page.evaluate(BEYOND)
    assert await page.evaluate(FAINT, LEAST_CONTRAST) == []


BEYOND = """() => [...document.querySelectorAll('body *')]
  .filter((each) => each.getBoundingClientRect().right > window.innerWidth + 1)
  .slice(0, 5).map((each) => each.outerHTML.slice(0, 200))"""
"""What reaches beyond the edge, to be told."""
FAINT = """(least) => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = (top, ground) => [0, 1, 2].map((at) => top[at] * top[3] + ground[at] * (1 - top[3])).concat(1);
  const linear = (value) => value <= 0.04045 * 255 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    if (!element) return [255, 255, 255, 1];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(element.parentElement));
  };
  const opacity = (element) => element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = [];
  while (texts.nextNode()) {
    const said = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
    if (!said || element.closest('script, style, svg, .q-icon, .q-notification, [disabled]')) continue;
    if (!element.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const ground = behind(element), colour = rgba(getComputedStyle(element).color);
    const seen = over([...colour.slice(0, 3), colour[3] * opacity(element)], ground);
    const [light, deep] = [luminance(seen), luminance(ground)].sort((one, other) => other - one);
    const contrast = (light + 0.05) / (deep + 0.05);
    const colours = `${seen.slice(0, 3).map(Math.round)} on ${ground.slice(0, 3).map(Math.round)}`;
    if (contrast < least) faint.push(`${contrast.toFixed(2)}: ${said.slice(0, 60)} (${colours})`);
  }
  return faint;
}"""
"""Text whose contrast to what is behind it is less than that, by WCAG 2.2; icons and drawings apart."""
