"""Subscriptions in the browser."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.async_api import Page, expect
from pydantic import SecretStr
from sqlalchemy import update

from activities.store import catalogue, dunning_cases, exports, legal_entities, life_fallout, subscriptions
from activities.store.database import Database
from activities.store.life_fallout import Stuck
from activities.store.tables.services import services
from domain import keys
from domain.billing.entities import DEFAULT
from domain.catalogue import Price, Product
from domain.facts import Event, ItemStatus
from domain.fallout import Subject
from domain.money import Money
from domain.orders import Action
from domain.provisioning import DataExport, ExportState, ProvisionRequest, Verb
from domain.roles import Role
from domain.states import ItemState
from domain.subscriptions.changes import Change
from domain.subscriptions.commands import facts_of
from domain.subscriptions.ordered import OrderedChange
from tests.api.conftest import StandIn
from tests.console.conftest import SignIn
from tests.console.lives import BEGAN, MARCH, MONTHLY, live, unpaid
from tests.console.orders import Orders, eur, now, product

HOSTILE = "<img src=x onerror='window.hacked=1'>"


async def test_a_subscription_says_what_it_is_what_lies_ahead_and_what_it_was_charged(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    made = await live(console_database, orders, "C-801", 801, HOSTILE)
    await live(console_database, orders, "C-802", 802)
    page = await sign_in(Role.viewer, at="/subscriptions?customer=C-801")

    await expect(page.locator("tbody tr")).to_have_count(1)
    row = page.locator("tr", has_text=made.id)
    await expect(row).to_contain_text("active")
    await expect(row).to_contain_text("01 Apr 2026")
    await expect(row).to_contain_text("01 Mar 2026")
    await row.get_by_role("link", name=made.id).click()

    await expect(page.get_by_text("20.00 EUR before discounts and tax")).to_be_visible()
    await expect(page.get_by_text("The next period is billed: due since 01 Apr 2026")).to_be_visible()
    await expect(page.get_by_text("the ledger does not answer").first).to_be_visible()
    await expect(page.locator("tr", has_text="INV-2026-000801")).to_contain_text("23.80 EUR")
    await expect(page.locator("canvas")).to_be_visible()
    await expect(page.locator(".timeline")).to_contain_text(f"{HOSTILE} began")
    assert await page.evaluate("window.hacked") is None
    temporal = await page.get_by_role("main").get_by_role("link", name="Temporal").get_attribute("href")
    assert temporal == f"http://temporal.example/namespaces/default/workflows/sub-{made.id}"
    await expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    await page.get_by_role("link", name=f"{made.order}, item 1").click()
    await expect(page.locator("tr", has_text=made.id)).to_contain_text("item 1")


async def test_a_cancellation_shows_what_it_comes_to_and_is_held_to_that(
    sign_in: SignIn, orders: Orders, console_database: Database, processes: StandIn
) -> None:
    made = await live(console_database, orders, "C-803", 803)
    page = await sign_in(Role.operator, at=f"/subscriptions/{made.id}")
    await page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")

    await expect(dialog.get_by_text("Given back")).to_be_visible()
    await dialog.get_by_label("When").click()
    await page.get_by_role("option", name="At a date").click()
    await expect(dialog.get_by_text("is a date and time in UTC, such as 2026-12-01T09:00")).to_be_visible()
    await dialog.get_by_label("Date and time, UTC").fill("2099-01-01T00:00")
    await expect(dialog.locator(".sums")).to_contain_text("01 Jan 2099")
    processes.answer = {
        "subscription": made.id,
        "at": "2099-01-01T00:00:00Z",
        "given_back": {"minor": 0, "currency": "EUR"},
        "fee": {"minor": 0, "currency": "EUR"},
        "access_until": "2099-01-01T00:00:00Z",
        "data_until": "2099-02-01T00:00:00Z",
    }
    await dialog.get_by_role("button", name="Cancel the subscription").click()
    await expect(page.get_by_text("ends on 01 Jan 2099")).to_be_visible()
    asked = processes.corrected[-1]
    assert (asked.invoice, asked.update, asked.argument["version"]) == (made.id, "cancel", 1)
    assert asked.argument["shown"]

    await page.get_by_role("button", name="Legal hold").click()
    await page.get_by_role("button", name="Keep its data").click()
    await expect(page.get_by_text("say why, such as: lawsuit 4711")).to_be_visible()


async def test_an_unpaid_invoice_shows_what_is_done_about_it_what_comes_when_and_why_it_waits(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    made = await live(console_database, orders, "C-804", 804)
    await unpaid(console_database, 804, "payment I-804:payment:1 is under way")
    page = await sign_in(Role.viewer, at=f"/subscriptions/{made.id}")

    await expect(page.get_by_text("The next step waits, since payment I-804:payment:1 is under way.")).to_be_visible()
    await expect(page.locator(".fact", has_text="Charges left")).to_contain_text("4 of 4")
    await expect(page.locator(".moment", has_text="Suspended")).to_contain_text("30 Mar 2026")
    await expect(page.locator(".moment", has_text="The last day")).to_contain_text("15 Apr 2026")
    led = {"Temporal": f"sub-{made.id}", "dunning": f"sub-{made.id}"}
    assert await processes(page) == led
    await page.goto(page.url.replace(f"/subscriptions/{made.id}", "/customers/C-804"))
    listed = page.locator("tr", has_text=made.id).filter(has_text="0 of 4")
    await expect(listed).to_contain_text("Charged again on")
    async with console_database.transaction() as connection:
        case = await dunning_cases.get(connection, "I-804")
        assert case is not None
        await dunning_cases.save(connection, case.model_copy(update={"attempts_left": 3}), ZoneInfo("UTC"))
    await page.goto(page.url.replace("/customers/C-804", f"/subscriptions/{made.id}"))
    await expect(page.locator(".fact", has_text="Charges left")).to_contain_text("3 of 4")
    assert await processes(page) == led | {"charges": "collect-I-804"}


async def processes(page: Page) -> dict[str, str]:
    """Where its links into Temporal's UI lead, by what they are of."""
    links = await page.get_by_role("main").get_by_role("link", name="Temporal").all()
    led = [(await each.inner_text(), await each.get_attribute("href") or "") for each in links]
    return {words.removeprefix("Temporal: "): href.rpartition("/workflows/")[2] for words, href in led}


async def test_what_closed_its_access_and_took_it_down_is_led_to_once_there_was_such(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    made = await live(console_database, orders, "C-831", 831)
    async with console_database.transaction() as connection:
        closed = update(services).where(services.c.id == made.service).values(access_changes=1)
        await connection.execute(closed)
        await subscriptions.save(connection, made.model_copy(update={"ended_at": MARCH}), [], MARCH)
    page = await sign_in(Role.viewer, at=f"/subscriptions/{made.id}")

    assert await processes(page) == {
        "Temporal": f"sub-{made.id}",
        "access": f"access-{made.service}",
        "deprovisioning": f"deprovision-{made.id}",
    }


async def test_what_a_partner_leaves_undone_is_shown_and_decided_about_on_its_page_and_the_order_s_own_is_not(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    made = await live(console_database, orders, "C-833", 833)
    down, closed = keys.termination(made.id), f"{made.service}:access"
    async with console_database.transaction() as connection:
        for key, about, title in ((down, Subject.termination, "taken down"), (closed, Subject.access, "closed")):
            stuck = Stuck(about=about, title=f"{made.id} is not {title} at mailhub", trouble=f"mailhub: {HOSTILE}")
            await life_fallout.open_for(connection, made.id, key, stuck, now())
        (record,) = await life_fallout.opened(connection, down)
        step = {"id": f"{made.service}:account:fallout:1", "subject": Subject.step, "title": "Create account"}
        await life_fallout.keep(connection, record.model_copy(update=step), made.order)
    page = await sign_in(Role.operator, at=f"/subscriptions/{made.id}")

    await expect(page.locator(".entry")).to_have_count(2)
    closing = page.locator(".entry", has_text="is not closed at mailhub")
    taking = page.locator(".entry", has_text="is not taken down at mailhub")
    await expect(taking).to_contain_text(f"mailhub: {HOSTILE}")
    assert await closing.get_by_role("button").all_text_contents() == ["replayRetry"]
    await taking.get_by_role("button", name="Mark done").click()
    await page.get_by_label("Evidence").fill("ticket 4711")
    await page.get_by_role("dialog").get_by_role("button", name="Mark done").click()
    await expect(page.get_by_text("resolve noted")).to_be_visible()
    await page.reload()
    await expect(taking).to_have_count(0)
    await expect(closing).to_be_visible()
    assert await page.evaluate("window.hacked") is None
    async with console_database.transaction() as connection:
        (by_hand,) = await life_fallout.by_hand(connection, down)
    assert by_hand.evidence == "ticket 4711"


async def test_an_order_says_what_it_made_of_a_subscription_and_the_subscription_says_which_order_did(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    made = await live(console_database, orders, "C-805", 805)
    order = await orders.place("C-805")
    nothing = Money.zero("EUR")
    becomes = Change(subscription=made.id, at=BEGAN, plan="crm-pro", quantity=5, total=nothing, due=nothing, taken_off=nothing)
    change = OrderedChange(
        subscription=made.id, version=1, plan="crm-team", plan_name="Team", quantity=2, change=becomes, cost=eur(4500)
    )
    item = order.items[0].model_copy(update={"action": Action.modify, "change": change})
    changed = order.model_copy(update={"items": [item]})
    settled = ItemStatus(item="1", state=ItemState.completed, reason=f"{made.id} is crm-pro × 5 from 2026-03-01 on")
    await orders.change(order, amended_to=changed.model_dump_json(), items=[settled])
    event = Event(
        key="changed:1",
        type="subscription.changed",
        at=BEGAN,
        actor="ana",
        summary="crm-pro × 5",
        data=facts_of(f"{order.id}:1"),
    )
    async with console_database.transaction() as connection:
        await subscriptions.append(connection, made.id, [event])
    page = await sign_in(Role.viewer, at=f"/orders/{order.id}")

    row = page.locator("tr", has_text="crm-team × 2 → crm-pro × 5")
    await expect(row).to_contain_text("45.00 EUR")
    await expect(row).to_contain_text("charged by its subscription")
    await expect(page.locator(".facts")).to_contain_text("45.00 EUR")
    await expect(row).to_contain_text("from 01 Mar 2026 on")
    await row.get_by_role("link", name=made.id).click()
    await page.get_by_role("link", name=f"order {order.id}").click()
    await expect(page).to_have_url(re.compile(f"/orders/{order.id}$"))


async def test_what_may_be_done_to_it_goes_by_role_and_what_happened_is_seen_at_once(
    sign_in: SignIn, orders: Orders, console_database: Database, processes: StandIn
) -> None:
    made = await live(console_database, orders, "C-806", 806)
    page = await sign_in(Role.operator, at=f"/subscriptions/{made.id}")
    await page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("Choose another plan, or another quantity.")).to_be_visible()
    await dialog.get_by_label("Quantity").fill("0")
    await expect(dialog.get_by_text("is a whole number from 1 to")).to_be_visible()
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Suspend", exact=True).click()
    await page.get_by_label("Reason").click()
    await expect(page.get_by_role("option")).to_have_text(["Policy", "Request"])
    await page.get_by_role("option", name="Request").click()
    await page.get_by_role("button", name="Suspend it").click()
    await expect(page.get_by_text(f"{made.id}: noted")).to_be_visible()
    asked = processes.corrected[-1]
    assert (asked.invoice, asked.update, asked.argument["reason"]) == (made.id, "suspend", "request")
    await page.get_by_role("button", name="Pause").click()
    await page.get_by_label("Goes on by itself, UTC").fill("soon")
    await page.get_by_role("button", name="Pause it").click()
    await expect(page.get_by_text("is a date and time in UTC, such as").first).to_be_visible()
    event = Event(key="told", type="subscription.changed", at=MARCH, actor="ada", summary="told at once")
    async with console_database.transaction() as connection:
        await subscriptions.append(connection, made.id, [event])
    await expect(page.locator(".timeline")).to_contain_text("told at once")

    fraud = await sign_in(Role.fraud, Role.viewer, at=f"/subscriptions/{made.id}")
    await expect(fraud.get_by_role("button", name="Suspend", exact=True)).to_be_visible()
    await expect(fraud.get_by_role("button", name="Change")).to_have_count(0)


async def test_a_change_is_made_as_it_was_shown(
    sign_in: SignIn, orders: Orders, console_database: Database, processes: StandIn
) -> None:
    """Two seats at 10.00 EUR a month become two at 100.00 EUR a year, at a date."""
    made = await live(console_database, orders, "C-807", 807)
    yearly = MONTHLY | {"unit_amount": "100.00", "interval": "year"}
    _, team, _ = product()
    long = team.model_copy(update={"id": "crm-long", "name": "CRM Long"})
    async with console_database.transaction() as connection:
        await legal_entities.put(connection, DEFAULT.model_copy(update={"id": "default"}))
        for record in (Product(id="crm", name="CRM"), team, long, _price("crm-eur", "crm-team", MONTHLY)):
            await catalogue.publish(connection, record, MARCH)
        await catalogue.publish(connection, _price("long-eur", "crm-long", yearly), MARCH)
    page = await sign_in(Role.operator, at=f"/subscriptions/{made.id}")
    await page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Billed").click()
    await page.get_by_role("option", name="Every year").click()
    await expect(dialog.get_by_text("CRM Long: 100.00 EUR every year")).to_be_visible()
    await dialog.get_by_label("When").click()
    await page.get_by_role("option", name="At a date").click()
    await dialog.get_by_label("Date and time, UTC").fill("2099-01-01T00:00")
    await expect(dialog.locator(".sums")).to_contain_text("01 Jan 2099")
    nothing = {"minor": 0, "currency": "EUR"}
    amounts = dict.fromkeys(("total", "due", "taken_off"), nothing)
    processes.answer = {"subscription": made.id, "at": "2099-01-01T00:00:00Z", "plan": "crm-long", "quantity": 2, **amounts}
    await dialog.get_by_role("button", name="Change it").click()
    await expect(page.get_by_text(f"{made.id}: crm-long × 2 from 01 Jan 2099")).to_be_visible()
    asked = processes.corrected[-1]
    assert (asked.invoice, asked.update, asked.argument["plan"], asked.argument["version"]) == (
        made.id,
        "change",
        "crm-long",
        1,
    )
    assert asked.argument["shown"]


def _price(name: str, plan: str, charge: dict[str, str]) -> Price:
    return Price.model_validate({"id": name, "plan": plan, "currency": "EUR", "charges": [charge]})


async def test_what_can_be_fetched_of_one_that_ended_is_led_to_for_who_may_hand_it_on(
    sign_in: SignIn, orders: Orders, console_database: Database
) -> None:
    made = await live(console_database, orders, "C-830", 830)
    ended, until = made.model_copy(update={"ended_at": MARCH}), datetime.now(UTC) + timedelta(days=9)
    about = {"reference": made.service, "customer": "C-830", "product": "crm", "plan": "crm-team", "quantity": 2}
    async with console_database.transaction() as connection:
        await subscriptions.save(connection, ended, [], MARCH)
        for system, found in {
            "mailhub": DataExport(state=ExportState.ready, address=SecretStr("https://files.example/4711"), expires_at=until),
            "fibreworks": DataExport(state=ExportState.working),
        }.items():
            asked = ProvisionRequest(verb=Verb.export, key=system, **about)
            await exports.keep(connection, system, asked, found, datetime.now(UTC))
    page = await sign_in(Role.operator, at=f"/subscriptions/{made.id}")

    rows = page.locator("tr")
    await expect(rows.filter(has_text="mailhub")).to_contain_text("ready")
    await expect(rows.filter(has_text="mailhub")).to_contain_text(f"{until:%d %b %Y}")
    await expect(rows.filter(has_text="fibreworks")).to_contain_text("working")
    address = rows.filter(has_text="mailhub").get_by_role("link", name="fetch")
    await expect(address).to_have_attribute("href", "https://files.example/4711")
    await expect(address).to_have_attribute("rel", "noopener noreferrer")

    page = await sign_in(Role.viewer, at=f"/subscriptions/{made.id}")
    await expect(page.locator("tr").filter(has_text="mailhub")).to_contain_text("kept from you")
    assert "files.example" not in await page.content()
