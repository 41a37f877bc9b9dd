"""Invoices of the release before the billing engine: they keep what they say, get numbers, and can be credited further."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest_asyncio
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from activities.store import credit_notes, invoices, ledger
from activities.store.billing import bill_order, credit_item
from activities.store.database import Database
from domain.billing.order_billing import Bill, Credit
from tests.domain.samples import eur, order
from workers.embedded.postgres import Cluster
from workers.migrate import _config, upgrade

ISSUED = datetime(2026, 1, 31, 12, tzinfo=UTC)
OLD = """
    INSERT INTO customers (id, document, version, created_at, updated_at)
    VALUES ('C-1', '{"id": "C-1", "name": "Someone", "country": "DE"}', 1, :at, :at);
    INSERT INTO orders (id, number, customer, state, revision, document, currency, total, placed_by, placed_at, updated_at)
    VALUES ('O-1001', 1001, 'C-1', 'in_progress', 1, CAST(:document AS jsonb), 'EUR', 15250, 'shop', :at, :at);
    INSERT INTO invoices (id, order_id, customer, state, currency, total, paid, credited, issued_at)
    VALUES ('O-1001:invoice', 'O-1001', 'C-1', 'paid', 'EUR', 15250, 15250, 14500, :at);
    INSERT INTO invoice_lines (invoice, line, item, name, quantity, amount)
    VALUES ('O-1001:invoice', 1, '1', 'Seat', 5, 9500), ('O-1001:invoice', 2, '1', 'Set-up', 1, 5000),
           ('O-1001:invoice', 3, '2', 'Reports', 1, 750);
    INSERT INTO credit_notes (id, invoice, amount, reason, issued_at)
    VALUES ('O-1001:credit:1', 'O-1001:invoice', 14500, 'no longer wanted', :at);
    INSERT INTO ledger_entries ("transaction", account, currency, amount, order_id, posted_at)
    VALUES ('O-1001:invoice:issued', 'receivable', 'EUR', 15250, 'O-1001', :at),
           ('O-1001:invoice:issued', 'deferred_revenue', 'EUR', -15250, 'O-1001', :at),
           ('O-1001:payment:1:captured', 'cash:sandbox', 'EUR', 15250, 'O-1001', :at),
           ('O-1001:payment:1:captured', 'receivable', 'EUR', -15250, 'O-1001', :at),
           ('O-1001:credit:1:issued', 'deferred_revenue', 'EUR', 14500, 'O-1001', :at),
           ('O-1001:credit:1:issued', 'receivable', 'EUR', -14500, 'O-1001', :at),
           ('O-1001:credit:1:refunded', 'receivable', 'EUR', 14500, 'O-1001', :at),
           ('O-1001:credit:1:refunded', 'cash:sandbox', 'EUR', -14500, 'O-1001', :at);
    INSERT INTO payments (key, order_id, number, state, currency, amount, authorized, captured, refunded)
    VALUES ('O-1001:payment:1', 'O-1001', 1, 'partially_refunded', 'EUR', 15250, 15250, 15250, 14500);
    INSERT INTO orders (id, number, customer, state, revision, document, currency, total, placed_by, placed_at, updated_at)
    VALUES ('O-1002', 1002, 'C-1', 'in_progress', 1, CAST(:document AS jsonb), 'EUR', 14500, 'shop', :at, :at);
    INSERT INTO invoices (id, order_id, customer, state, currency, total, issued_at)
    VALUES ('O-1002:invoice', 'O-1002', 'C-1', 'finalized', 'EUR', 14500, :at);
    INSERT INTO invoice_lines (invoice, line, item, name, quantity, amount)
    VALUES ('O-1002:invoice', 1, '1', 'Seat', 5, 14500);
    INSERT INTO ledger_entries ("transaction", account, currency, amount, order_id, posted_at)
    VALUES ('O-1002:invoice:issued', 'receivable', 'EUR', 14500, 'O-1002', :at),
           ('O-1002:invoice:issued', 'deferred_revenue', 'EUR', -14500, 'O-1002', :at)
"""
"""An order over five seats with their set-up and reports, of which the seats were given back; and one that was invoiced, and
whose payment was not booked."""


@pytest_asyncio.fixture(scope="module")
async def migrated(cluster: Cluster) -> AsyncIterator[Database]:
    url = await cluster.create_database("carried_over")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(before_the_engine)
        for statement in OLD.split(";"):
            values = {"at": ISSUED, "document": order().model_dump_json()}
            await connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
    await engine.dispose()
    await upgrade(url)
    database = Database(url)
    yield database
    await database.close()


def before_the_engine(connection: Connection) -> None:
    command.upgrade(_config(connection), "0003")


async def test_an_old_invoice_keeps_what_it_says_and_gets_a_number(migrated: Database) -> None:
    async with migrated.transaction() as connection:
        stored = await invoices.get(connection, "O-1001:invoice")
        [note] = await credit_notes.of_invoice(connection, "O-1001:invoice")

    assert (stored.invoice.number, stored.invoice.state, stored.order) == ("INV-2026-000001", "paid", "O-1001")
    assert (stored.invoice.gross, stored.invoice.paid, stored.invoice.amount_due) == (eur(15250), eur(15250), eur(0))
    assert [line.description for line in stored.invoice.lines] == ["Seat", "Set-up", "Reports"]
    assert (note.number, note.taxed.gross, note.memo) == ("CN-2026-000001", eur(14500), "no longer wanted")
    assert [line.net for line in note.taxed.lines] == [eur(9500), eur(5000)]


async def test_what_was_written_before_is_not_written_again(migrated: Database) -> None:
    billed = Bill(order="O-1001", items=["1", "2"], payment="O-1001:payment:1", total=eur(15250), at=ISSUED)
    given_back = Credit(
        order="O-1001", item="1", refund="O-1001:payment:1:refund:1", amount=eur(14500), reason="again", at=ISSUED
    )
    async with migrated.transaction() as connection:
        before = await ledger.trial_balance(connection)
        await bill_order(connection, billed, "sandbox")
        await credit_item(connection, given_back, "sandbox")
        after = await ledger.trial_balance(connection)

    assert after == before


async def test_what_is_left_is_credited_out_of_what_is_deferred(migrated: Database) -> None:
    key = "O-1001:payment:1:refund:2"
    given_back = Credit(order="O-1001", item="2", refund=key, amount=eur(750), reason="moved", at=ISSUED)
    async with migrated.transaction() as connection:
        assert await ledger.deferred(connection, ["O-1001:invoice:3"]) == {"O-1001:invoice:3": eur(750)}
        await credit_item(connection, given_back, "sandbox")
        left: dict[str, int] = {}
        for entry in await ledger.of_order(connection, "O-1001"):
            left[entry.account] = left.get(entry.account, 0) + entry.amount.minor
        notes = await credit_notes.of_invoice(connection, "O-1001:invoice")

    assert [note.number for note in notes] == ["CN-2026-000001", "CN-2026-000002"]
    assert set(left.values()) == {0}


async def test_what_was_booked_before_says_what_it_is_about(migrated: Database) -> None:
    """As a gateway's report names it."""
    async with migrated.transaction() as connection:
        entries = await ledger.of_order(connection, "O-1001")

    cash = [entry.subject for entry in entries if entry.account == "cash:sandbox"]
    assert cash[:2] == ["O-1001:payment:1", "O-1001:payment:1:refund:1"]
    assert {entry.subject for entry in entries if entry.account == "receivable"} == {"O-1001:invoice"}


async def test_an_invoice_whose_payment_was_not_booked_is_paid_once(migrated: Database) -> None:
    """The old worker died between the two."""
    billed = Bill(order="O-1002", items=["1"], payment="O-1002:payment:1", total=eur(14500), at=ISSUED)
    async with migrated.transaction() as connection:
        before = (await invoices.get(connection, "O-1002:invoice")).invoice
        for _ in range(2):
            await bill_order(connection, billed, "sandbox")
        after = (await invoices.get(connection, "O-1002:invoice")).invoice
        cash = [entry.amount for entry in await ledger.page(connection, 0, 9, subject="O-1002:payment:1")]

    assert (before.state, before.amount_due) == ("finalized", eur(14500))
    assert (after.state, after.amount_due, cash) == ("paid", eur(0), [eur(14500)])
