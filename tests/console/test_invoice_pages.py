"""Invoices in the browser."""

from datetime import UTC, date, datetime

from playwright.async_api import expect
from sqlalchemy import func, select

from activities.store import customers, invoices, ledger
from activities.store.billing import bill_order
from activities.store.database import Database
from activities.store.tables.invoices import invoices as table
from domain.billing.credit_notes import CreditReason, CreditRequest, Identity, credit
from domain.billing.invoice_states import OPEN
from domain.billing.invoices import Invoice
from domain.billing.order_billing import Bill
from domain.billing.postings import invoice_finalized
from domain.billing.tax.reversal import Basis
from domain.customers import Customer
from domain.money import Money
from domain.roles import Role
from tests.api.conftest import StandIn
from tests.console.conftest import SignIn
from tests.console.orders import Orders
from tests.domain.billing.invoice_samples import EVIDENCE, invoice, issue
from tests.domain.samples import eur

NOW = datetime(2026, 3, 2, tzinfo=UTC)


async def open_invoice(database: Database, number: int) -> Invoice:
    """119.00 to c-1, due on 16 March 2026, so overdue for months."""
    issued = issue(invoice(10000, number=number), number=number)
    async with database.transaction() as connection:
        await customers.put(connection, Customer(id="c-1", name="Someone", country="DE"), NOW)
        await invoices.issue(connection, issued, EVIDENCE, NOW)
        await ledger.post(connection, [invoice_finalized(issued, NOW)])
    return issued


async def test_what_is_owed_is_shown_by_age_and_invoices_are_found_by_number(
    sign_in: SignIn, console_database: Database
) -> None:
    async with console_database.transaction() as connection:
        owing = select(func.coalesce(func.sum(table.c.amount_due), 0), func.count()).where(table.c.state.in_(list(OPEN)))
        before, count = (await connection.execute(owing)).one()
    issued = await open_invoice(console_database, 901)
    page = await sign_in(Role.viewer, at="/invoices")

    owed = Money(minor=int(before) + 11900, currency="EUR")
    await expect(page.get_by_role("heading", name="Owed:")).to_contain_text(str(owed))
    await expect(page.get_by_text(f"over 90: {owed}, {count + 1} open")).to_be_visible()
    await page.get_by_label("Number").fill("INV-2026-000901")
    await page.get_by_role("link", name="INV-2026-000901").click()
    await expect(page.get_by_role("heading", name=f"Invoice {issued.number}")).to_be_visible()
    await expect(page.locator("tr", has_text="VAT 19 % of 100.00 EUR")).to_contain_text("19.00 EUR")
    await expect(page.locator("tr", has_text="receivable")).to_contain_text("119.00 EUR")


async def test_an_order_leads_to_its_invoice_and_back(sign_in: SignIn, orders: Orders, console_database: Database) -> None:
    order = await orders.place()
    bill = Bill(order=order.id, items=["1"], payment=f"{order.id}:payment:1", total=order.total, at=NOW)
    async with console_database.transaction() as connection:
        await bill_order(connection, bill, "sandbox")
        number = (await invoices.get(connection, f"{order.id}:invoice")).invoice.number
    page = await sign_in(Role.viewer, at=f"/orders/{order.id}")

    await page.get_by_role("link", name=str(number)).click()
    await expect(page.locator("tr", has_text="CRM Team: Seat")).to_contain_text("2 \N{MULTIPLICATION SIGN} 19.00 = 38.00 EUR.")
    main = page.get_by_role("main")
    process = main.get_by_role("link", name="Temporal: order")
    assert str(await process.get_attribute("href")).endswith(f"/workflows/order-{order.id}")
    await expect(main.get_by_role("link", name="Temporal")).to_have_count(1)
    await page.get_by_role("link", name=order.id).click()
    await expect(page.get_by_role("heading", name=order.id)).to_be_visible()


async def test_a_page_of_no_invoice_says_so(sign_in: SignIn) -> None:
    page = await sign_in(Role.viewer, at="/invoices/nowhere")
    await expect(page.get_by_text("There is no invoice")).to_be_visible()


async def test_who_may_not_read_invoices_sees_none(sign_in: SignIn) -> None:
    page = await sign_in(Role.approver, at="/invoices")
    await expect(page.get_by_text("This key may not read invoices")).to_be_visible()
    await expect(page.get_by_role("link", name="Invoices")).to_have_count(0)


async def test_finance_credits_an_invoice_in_part(sign_in: SignIn, console_database: Database, processes: StandIn) -> None:
    issued = await open_invoice(console_database, 903)
    page = await sign_in(Role.finance, at=f"/invoices/{issued.id}")
    await page.get_by_role("button", name="Credit note").click()
    amount = page.get_by_label("Amount with tax")
    await amount.fill("10.005")
    await page.get_by_role("button", name="Issue the credit note").click()
    await expect(page.get_by_text("with the decimals of EUR")).to_be_visible()
    assert processes.corrected == []

    identity = Identity(key="note", number="CN-2026-000903", issue_date=date(2026, 3, 2))
    request = CreditRequest(reason=CreditReason.billing_error, amount=eur(1190), basis=Basis.gross)
    processes.answer = credit(issued, [], request, identity).model_dump(mode="json")
    await amount.fill("11.90")
    await page.get_by_role("button", name="Issue the credit note").click()
    await expect(page.get_by_text("Credit note CN-2026-000903 over 11.90 EUR is issued")).to_be_visible()
    asked = processes.corrected[-1]
    assert (asked.update, asked.argument["amount"]) == ("credit", {"minor": 1190, "currency": "EUR"})


async def test_who_only_reads_has_the_file_and_no_other_button(sign_in: SignIn, console_database: Database) -> None:
    issued = await open_invoice(console_database, 904)
    page = await sign_in(Role.viewer, at=f"/invoices/{issued.id}")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="PDF").click()

    assert (await download.value).suggested_filename == "INV-2026-000904.pdf"
    await expect(page.get_by_role("button", name="Void")).to_have_count(0)
