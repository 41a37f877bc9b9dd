"""What the fraud check said and what it says it by, in the browser."""

from playwright.async_api import expect

from activities.store import fraud, fraud_lists
from activities.store.database import Database
from domain.facts import Event
from domain.fraud import SCREENED, Band, Fired, Screening
from domain.fraud_lists import Listing
from domain.fraud_rules import FraudRule
from domain.roles import Role
from tests.console.conftest import SignIn
from tests.console.orders import HOSTILE, Orders, now


async def test_judged_orders_rules_and_lists_are_shown_to_those_who_keep_them(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    order = await orders.place()
    fired = Fired(rule="new-and-dear@1", reason=HOSTILE, band=Band.review)
    said = Screening(band=Band.review, reasons=[fired.reason], score=40, fired=[fired])
    event = Event(key="screened:1", type=SCREENED, at=now(), actor="turnup", summary="Fraud check: review", data=said.as_facts)
    await orders.change(order, events=[event])
    rule = FraudRule(id="often", when="velocity.card_orders_24h > 10", band=Band.reject, reason="too many with one card")
    listing = Listing.model_validate({"list": "blocked", "by": "country", "value": "AQ", "reason": "nobody lives there"})
    async with console_database.transaction() as connection:
        await fraud.publish(connection, rule, "ula", now())
        await fraud_lists.put(connection, listing, "ula", now())

    page = await sign_in(Role.fraud, at="/fraud")

    row = page.locator("tr", has_text=order.id)
    await expect(row).to_contain_text("review")
    await expect(row).to_contain_text(HOSTILE)
    await expect(page.locator("tr", has_text="often@1")).to_contain_text("velocity.card_orders_24h > 10")
    await expect(page.locator("tr", has_text="nobody lives there")).to_contain_text("for good")
    await expect(page.get_by_text("reject from 100")).to_be_visible()
    await expect(page.locator("canvas").first).to_be_visible()
    await row.get_by_role("link", name=order.id).click()
    await expect(page.get_by_role("heading", name=order.id)).to_be_visible()

    page = await sign_in(Role.viewer, at="/fraud")
    await expect(page.get_by_text("This key may not keep fraud rules")).to_be_visible()
