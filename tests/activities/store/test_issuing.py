"""What an invoice takes and leaves: credit and coupons once, small amounts carried forward, and tax that it waits for."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from activities.adapters.tax.engine import HttpTaxEngine, TaxQuestion
from activities.adapters.tax.engines import TaxEngines
from activities.store import corrections, coupons, invoices, ledger, wallets
from activities.store.database import Database
from activities.store.invoicing import age, finalize_draft, finalize_drafts, preview
from activities.store.issuing import ASKED_AT_ONCE
from domain.billing.calendar import Period
from domain.billing.corrections import GiveUpCommand
from domain.billing.coupons import Coupon
from domain.billing.credits import CreditGrant, CreditSource, Wallet
from domain.billing.invoice_states import InvoiceState
from domain.billing.tax.decisions import TaxDecision
from domain.errors import Conflict, Unavailable
from tests.activities.store.billing_books import ENGINES, NOW, NUMBERS, Books, every_invoice
from tests.domain.billing.line_samples import line
from tests.domain.samples import eur
from tests.sandbox_server import RunningSandbox, running_sandbox


@pytest_asyncio.fixture
async def books(database: Database) -> Books:
    return await Books.of(database)


@pytest_asyncio.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path_factory.mktemp("engine")) as running:
        yield running


def month(number: int) -> Period:
    return Period(start=datetime(2026, number, 1, tzinfo=UTC), end=datetime(2026, number + 1, 1, tzinfo=UTC))


async def issue(books: Books, draft: str, now: datetime = NOW) -> Any:
    return (await finalize_draft(books.database, ENGINES, draft, now)).invoice


async def test_prepaid_credit_is_spent_once_by_invoices_issued_at_once(database: Database) -> None:
    """60.00 of credit, and two invoices of 59.50 each: 59.00 are left to pay."""
    books = await Books.of(database, gathering={"grouping": "per_subscription"})
    customer = await books.customer()
    grant = CreditGrant(id="g", amount=eur(6000), source=CreditSource.purchased, effective_at=NOW)
    async with database.transaction() as connection:
        await wallets.save(connection, Wallet(customer=customer, currency="EUR", grants=(grant,)))
    await books.owe(customer, 5000, 5000)
    drafts = await books.gather(customer)
    issued = await asyncio.gather(*(issue(books, draft) for draft in drafts))
    assert sorted(each.amount_due.minor for each in issued) == [0, 5900]
    async with database.transaction() as connection:
        (wallet,) = await wallets.of_customer(connection, customer)
    assert wallet.grants[0].left == eur(0)


async def test_two_invoices_of_one_page_share_the_credit(database: Database) -> None:
    books = await Books.of(database, gathering={"grouping": "per_subscription"})
    customer = await books.customer()
    await issue(books, await books.draft(-6000, customer=customer))
    await books.owe(customer, 5000, 5000)
    drafts = await books.gather(customer)
    outcome = await finalize_drafts(database, ENGINES, drafts, NOW)
    # 71.40 of credit for two of 59.50
    assert sorted(each.invoice.amount_due.minor for each in outcome.issued.values()) == [0, 4760]


async def test_a_coupon_for_one_period_takes_off_one_invoice(database: Database, books: Books) -> None:
    customer = await books.customer()
    half: dict[str, Any] = {"id": f"half-{next(NUMBERS)}", "name": "Half", "off": {"kind": "percent", "percent": "50"}}
    async with database.transaction() as connection:
        await coupons.put(connection, Coupon.model_validate(half), NOW)
        await coupons.redeem_for(connection, await coupons.look(connection, half["id"], customer, NOW), None)
    await books.owe(customer, 10000)
    (shown,) = await preview(database, ENGINES, books.debtor(customer), NOW)
    (draft,) = await books.gather(customer)
    first = await issue(books, draft)
    second = await issue(books, await books.draft(10000, customer=customer))
    assert (shown.gross, first.gross, second.gross) == (eur(5950), eur(5950), eur(11900))


async def test_too_little_to_collect_is_carried_forward_and_collected_with_the_next(database: Database) -> None:
    books = await Books.of(database, collection={"minimum_collectable": {"EUR": 500}})
    customer = await books.customer()
    small = await issue(books, await books.draft(300, customer=customer))
    large = await issue(books, await books.draft(10000, customer=customer))
    assert (small.state, small.amount_due) == (InvoiceState.paid, eur(0))
    assert large.amount_due == eur(11900 + 357)
    async with database.transaction() as connection:
        entries = await ledger.page(connection, 0, 10, account="customer_credit", subject=customer)
    assert [entry.amount.minor for entry in entries] == [357, -357]


async def test_an_invoice_of_nothing_is_paid_at_once(books: Books) -> None:
    assert (await issue(books, await books.draft(0))).state is InvoiceState.paid


async def test_periods_that_were_missed_come_on_one_document_with_dates_of_their_own(books: Books) -> None:
    customer = await books.customer()
    missed = [line(1000, number=each, subscription=customer, period=month(each), product="crm") for each in (3, 1, 2)]
    await books.add(customer, missed, NOW - timedelta(days=1))
    (draft,) = await books.gather(customer)
    issued = await issue(books, draft)
    assert [each.period for each in issued.lines] == [month(1), month(2), month(3)]
    async with books.database.transaction() as connection:
        assert await every_invoice(connection, customer) == [issued]


async def test_an_invoice_waits_for_its_tax_engine_and_is_never_issued_without(
    database: Database, sandbox: RunningSandbox
) -> None:
    """The engine taxes consumers with 10 %, which our own table does not."""
    books = await Books.of(database, tax_source="external")
    engines = TaxEngines(external=HttpTaxEngine(f"{sandbox.url}/tax", sandbox.client, total_seconds=1))
    draft = await books.draft(10000)
    await sandbox.fault("decide_tax", "error_500")
    with pytest.raises(Unavailable):
        await finalize_draft(database, engines, draft, NOW)
    async with database.transaction() as connection:
        waiting = await invoices.get(connection, draft)
    assert (waiting.invoice.state, waiting.waiting_for) == (InvoiceState.draft, "tax")
    await sandbox.faults()
    issued = (await finalize_draft(database, engines, draft, NOW + timedelta(hours=2))).invoice
    assert (issued.gross, issued.number) == (eur(11000), "INV-2026-000001")


class Silent:
    """An engine that takes its time, and does not answer then."""

    def __init__(self) -> None:
        self.asked = 0

    async def decide(self, question: TaxQuestion) -> dict[str, TaxDecision]:
        self.asked += 1
        await asyncio.sleep(0)
        raise Unavailable(f"no answer about {question.key}")


async def test_a_silent_engine_is_not_asked_about_each_draft_of_a_page(database: Database) -> None:
    books = await Books.of(database, tax_source="external")
    drafts = [await books.draft(10000) for _ in range(ASKED_AT_ONCE + 5)]
    silent = Silent()
    outcome = await finalize_drafts(database, TaxEngines(external=silent), drafts, NOW)
    assert (set(outcome.failed), outcome.issued) == (set(drafts), {})
    assert silent.asked == ASKED_AT_ONCE


async def test_what_waits_is_tried_again_after_as_long_as_it_has_waited(database: Database, books: Books) -> None:
    draft = await books.draft(10000, product="unknown", plan=None)
    tries = []
    for hours in (1, 2, 4, 20):
        at = NOW + timedelta(hours=hours)
        with pytest.raises(Conflict, match="no product of the catalogue"):
            await finalize_draft(database, ENGINES, draft, at)
        async with database.transaction() as connection:
            stored = await invoices.get(connection, draft)
        tries.append((stored.finalizable_at or at) - at)
    # it could have been issued an hour after NOW
    assert tries == [timedelta(minutes=5), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6)]


async def test_one_broken_draft_does_not_keep_the_others_of_its_page(books: Books) -> None:
    good, bad = await books.draft(10000), await books.draft(10000, product="unknown", plan=None)
    outcome = await finalize_drafts(books.database, ENGINES, [bad, good], NOW)
    assert (list(outcome.issued), list(outcome.failed)) == ([good], [bad])


async def test_the_tax_is_that_of_the_last_day_of_a_period_that_is_over(books: Books) -> None:
    """Germany's standard rate was 16 % in the second half of 2020 (Zweites Corona-Steuerhilfegesetz)."""
    december = Period(start=datetime(2020, 12, 1, tzinfo=UTC), end=datetime(2020, 12, 31, 23, tzinfo=UTC))
    assert (await issue(books, await books.draft(10000, period=december))).gross == eur(11600)


async def test_an_invoice_is_overdue_the_day_after_it_is_due(books: Books) -> None:
    """Issued on 2 March, due on the 16th."""
    draft = await books.draft(10000)
    await issue(books, draft)
    aged = {}
    for day in (16, 17, 18):
        async with books.database.transaction() as connection:
            aged[day] = await age(connection, books.entity.id, date(2026, 3, day), 10)
    assert aged == {16: 0, 17: 1, 18: 0}
    assert (await books.invoice(draft)).state is InvoiceState.overdue


async def test_a_void_invoice_gives_its_coupon_back(database: Database, books: Books) -> None:
    customer = await books.customer()
    half: dict[str, Any] = {"id": f"half-{customer}", "name": "Half", "off": {"kind": "percent", "percent": "50"}}
    async with database.transaction() as connection:
        await coupons.put(connection, Coupon.model_validate(half), NOW)
        await coupons.redeem_for(connection, await coupons.look(connection, half["id"], customer, NOW), None)
    first = await finalize_draft(database, ENGINES, await books.draft(10000, customer=customer), NOW)
    async with database.transaction() as connection:
        await corrections.void(connection, first.invoice.id, GiveUpCommand(by="fay", reason="mistake"), NOW)
    second = await finalize_draft(database, ENGINES, await books.draft(10000, customer=customer), NOW)

    assert (first.invoice.gross, second.invoice.gross) == (eur(5950), eur(5950))
