"""Lines that are due are gathered once and issued once: numbers without gaps, credit spent once, tax never left out."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio

from activities.store import balances, invoices, ledger
from activities.store.database import Database
from activities.store.invoicing import finalize_draft, preview
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import charge_of
from domain.billing.numbers import missing
from domain.errors import Conflict, NotFound
from domain.values import digest_of
from tests.activities.store.billing_books import ENGINES, NOW, Books
from tests.domain.samples import eur


@pytest_asyncio.fixture
async def books(database: Database) -> Books:
    return await Books.of(database)


async def test_a_draft_is_issued_with_tax_number_and_postings(database: Database, books: Books) -> None:
    draft = await books.draft(10000, 5001)
    issued = (await finalize_draft(database, ENGINES, draft, NOW)).invoice
    assert (issued.number, issued.issue_date, issued.due_date) == ("INV-2026-000001", date(2026, 3, 2), date(2026, 3, 16))
    assert (issued.gross, issued.amount_due, issued.state) == (eur(17851), eur(17851), InvoiceState.finalized)
    assert await books.invoice(draft) == issued
    async with database.transaction() as connection:
        entries = await ledger.page(connection, 0, 100, subject=draft)
        evidence = await invoices.evidence(connection, draft)
    assert {entry.account: entry.amount.minor for entry in entries} == {"receivable": 17851, "tax_payable:DE": -2850}
    assert evidence is not None
    assert evidence.seller == books.entity
    assert evidence.decisions.keys() == {line.id for line in issued.lines}


async def test_an_issued_invoice_is_returned_as_it_is(database: Database, books: Books) -> None:
    draft = await books.draft(10000)
    first = await finalize_draft(database, ENGINES, draft, NOW)
    assert (await finalize_draft(database, ENGINES, draft, NOW + timedelta(days=1))).invoice == first.invoice
    with pytest.raises(NotFound):
        await finalize_draft(database, ENGINES, "nothing:invoice", NOW)


async def test_two_runs_at_once_put_a_line_on_one_draft(database: Database, books: Books) -> None:
    customer = await books.customer()
    await books.owe(customer, 10000, 5000)
    found = await asyncio.gather(*(books.gather(customer) for _ in range(5)))
    assert len([drafts for drafts in found if drafts]) == 1
    assert await books.gather(customer) == []


async def test_a_late_line_joins_the_open_draft(database: Database, books: Books) -> None:
    draft = await books.draft(10000)
    customer = (await books.invoice(draft)).customer
    await books.owe(customer, 2500)
    assert await books.gather(customer) == [draft]
    assert [line.amount for line in (await books.invoice(draft)).lines] == [eur(10000), eur(2500)]


async def test_it_is_not_issued_before_its_day(database: Database) -> None:
    books = await Books.of(database, gathering={"issue_day": 15})
    draft = await books.draft(10000)
    with pytest.raises(Conflict, match="2026-03-15"):
        await finalize_draft(database, ENGINES, draft, NOW)
    assert (await finalize_draft(database, ENGINES, draft, datetime(2026, 3, 15, tzinfo=UTC))).invoice.number is not None


async def test_numbers_have_no_gap_though_many_are_issued_at_once_and_some_come_to_nothing(database: Database) -> None:
    books = await Books.of(database)
    good = [await books.draft(10000) for _ in range(20)]
    bad = [await books.draft(10000, product="unknown", plan=None) for _ in range(5)]
    ids = [draft for pair in zip(good, bad * 4, strict=True) for draft in pair]
    results = await asyncio.gather(*(finalize_draft(database, ENGINES, each, NOW) for each in ids), return_exceptions=True)
    issued = [each.invoice.number or "" for each in results if not isinstance(each, BaseException)]
    assert len(issued) == 20
    assert all(isinstance(each, Conflict) for each in results if isinstance(each, BaseException))
    assert missing(int(number[-6:]) for number in issued) == []


async def test_a_negative_invoice_becomes_credit_that_the_next_one_uses(database: Database, books: Books) -> None:
    customer = await books.customer()
    credit = await finalize_draft(database, ENGINES, await books.draft(-10000, customer=customer), NOW)
    assert (credit.invoice.state, credit.invoice.amount_due) == (InvoiceState.paid, eur(0))
    next_one = await finalize_draft(database, ENGINES, await books.draft(15000, customer=customer), NOW)
    assert next_one.invoice.amount_due == eur(5950)
    async with database.transaction() as connection:
        assert await balances.of_customer(connection, customer) == [eur(0)]


async def test_a_preview_charges_what_the_commit_does_and_writes_nothing(database: Database, books: Books) -> None:
    customer = await books.customer()
    await books.owe(customer, 10000)
    (before,) = await preview(database, ENGINES, books.debtor(customer), NOW)
    (again,) = await preview(database, ENGINES, books.debtor(customer), NOW)
    assert before == again
    (draft,) = await books.gather(customer)
    issued = (await finalize_draft(database, ENGINES, draft, NOW)).invoice
    assert issued.number == "INV-2026-000001"
    assert before == issued.model_copy(update={"number": None})


async def test_a_draft_is_issued_over_what_was_shown_or_not_at_all(database: Database, books: Books) -> None:
    customer = await books.customer()
    draft = await books.draft(10000, customer=customer)
    [shown] = await preview(database, ENGINES, books.debtor(customer), NOW)
    other = digest_of(charge_of(shown.model_copy(update={"customer": "somebody-else"})))
    with pytest.raises(Conflict, match=r"comes to 119\.00 EUR, which is other than the preview showed"):
        await finalize_draft(database, ENGINES, draft, NOW, other)
    async with database.transaction() as connection:
        assert (await invoices.get(connection, draft)).waiting_for is None

    issued = (await finalize_draft(database, ENGINES, draft, NOW, digest_of(charge_of(shown)))).invoice
    assert (issued.gross, charge_of(issued)) == (eur(11900), charge_of(shown))
