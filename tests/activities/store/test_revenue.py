"""Revenue is booked once for each line and day that is over, never more than is deferred; prepaid credit expires once."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest_asyncio

from activities.store import corrections, ledger, revenue, wallets
from activities.store.database import Database
from activities.store.invoicing import finalize_draft
from domain.billing.corrections import CreditCommand
from domain.billing.credit_notes import CreditReason, LineCredit
from domain.billing.credits import CreditGrant, CreditSource, Wallet
from tests.activities.store.billing_books import ENGINES, NOW, Books
from tests.domain.samples import eur


@pytest_asyncio.fixture
async def books(database: Database) -> Books:
    return await Books.of(database)


def morning(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 3, tzinfo=UTC)


async def closed(books: Books, now: datetime) -> int:
    """How many lines a close at `now` books."""
    count = 0
    while True:
        async with books.database.transaction() as connection:
            lines = await revenue.close_some(connection, books.entity, now, 2)
        if not lines:
            return count
        count += lines


async def issued(books: Books, net: int, **changes: Any) -> tuple[str, str]:
    """The ids of an invoice that is issued on 2 March at noon, and of its line, which is for March unless changed."""
    draft = await books.draft(net, **changes)
    invoice = (await finalize_draft(books.database, ENGINES, draft, NOW)).invoice
    return draft, invoice.lines[0].id


async def earned(books: Books, line: str) -> dict[date, int]:
    """Minor units by the day that the books have them on."""
    async with books.database.transaction() as connection:
        entries = await ledger.page(connection, 0, 500, account="revenue", subject=line)
    return {entry.posted_at.date(): -entry.amount.minor for entry in entries}


async def deferred(books: Books, line: str) -> int:
    async with books.database.transaction() as connection:
        return (await ledger.deferred(connection, [line]))[line].minor


async def test_a_day_is_booked_when_it_is_over_and_once(books: Books) -> None:
    """31.00 over the 31 days of March; what the 1st had is earned on the 2nd, the day of the invoice."""
    _, line = await issued(books, 3100)
    assert await closed(books, NOW) == 0
    assert await closed(books, morning(3, 3)) == 1
    assert await closed(books, morning(3, 3)) == 0
    assert await earned(books, line) == {date(2026, 3, 2): 200}
    assert await deferred(books, line) == 2900


async def test_days_that_were_missed_are_made_up_for_on_their_own_dates(books: Books) -> None:
    _, line = await issued(books, 3101)
    await closed(books, morning(3, 3))
    assert await closed(books, morning(4, 20)) == 1
    days = await earned(books, line)
    assert len(days) == 30
    assert (days[date(2026, 3, 4)], days[date(2026, 3, 31)]) == (100, 101)
    assert sum(days.values()) == 3101
    assert await deferred(books, line) == 0
    assert await closed(books, morning(4, 21)) == 0


async def test_a_line_without_a_period_is_earned_on_the_day_of_its_invoice(books: Books) -> None:
    _, line = await issued(books, 5000, period=None)
    await closed(books, morning(3, 4))
    assert await earned(books, line) == {date(2026, 3, 2): 5000}


async def test_revenue_stops_at_what_was_credited(books: Books) -> None:
    """1.00 a day; with 2.00 earned and 29.00 deferred, a credit of 14.50 leaves 0.50 a day for the 29 days to come."""
    invoice, line = await issued(books, 3100)
    await closed(books, morning(3, 3))
    async with books.database.transaction() as connection:
        lines = (LineCredit(line=line, amount=eur(1450)),)
        asked = CreditCommand(by="finance", key="k-1", reason=CreditReason.cancellation, lines=lines)
        await corrections.credit(connection, invoice, asked, NOW)
    left = await deferred(books, line)
    await closed(books, morning(3, 4))
    days = await earned(books, line)
    assert left == 1450
    assert days[date(2026, 3, 3)] == 50
    await closed(books, morning(4, 1))
    assert await deferred(books, line) == 0


async def test_two_closes_at_once_book_a_day_once(books: Books) -> None:
    lines = [(await issued(books, 3100))[1] for _ in range(5)]
    await asyncio.gather(*(closed(books, morning(3, 3)) for _ in range(4)))
    assert [await earned(books, line) for line in lines] == [{date(2026, 3, 2): 200}] * 5


async def test_prepaid_credit_expires_once(database: Database, books: Books) -> None:
    customer = await books.customer()
    grant = CreditGrant(
        id=f"{customer}:g",
        amount=eur(1000),
        source=CreditSource.promotional,
        effective_at=NOW - timedelta(days=2),
        expires_at=NOW,
    )
    async with database.transaction() as connection:
        await wallets.save(connection, Wallet(customer=customer, currency="EUR", grants=(grant,)))
        assert await wallets.expiring(connection, NOW - timedelta(seconds=1), ("", ""), 10) == []
        assert await wallets.expiring(connection, NOW, ("", ""), 10) == [(customer, "EUR")]
        assert await revenue.expire_credit(connection, customer, "EUR", NOW) == 1
        assert await revenue.expire_credit(connection, customer, "EUR", NOW) == 0
        assert await wallets.expiring(connection, NOW, ("", ""), 10) == []
        entries = await ledger.page(connection, 0, 10, subject=f"{customer}:g:expired:1000")
    assert [(entry.account, entry.amount) for entry in entries] == [("promotions", eur(-1000))]
