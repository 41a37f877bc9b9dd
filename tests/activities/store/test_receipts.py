"""Money received is booked once, matched with the books in balance, and waits in suspense where it is not clear."""

import asyncio
import itertools
from datetime import UTC, date, datetime

import pytest

from activities.store import balances, customers, invoices, ledger, receipts
from activities.store.database import Connection
from activities.store.receipts import Assignment, Imported, Receipt, ReceiptState
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice, written_off
from domain.billing.postings import invoice_finalized, invoice_written_off
from domain.billing.reconciliation.statements import Entry, StatementLine, statement
from domain.customers import Customer
from domain.errors import Conflict, NotFound
from domain.money import Money
from tests.activities.store.conftest import new_database
from tests.domain.billing.invoice_samples import EVIDENCE, issue
from tests.domain.billing.invoice_samples import invoice as draft
from tests.domain.samples import eur
from workers.embedded.postgres import Cluster

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NUMBERS = itertools.count(1)


async def issued(connection: Connection, net: int = 10000, customer: str = "c-1") -> Invoice:
    """An open invoice, in the ledger: of 119.00 unless another net amount is given."""
    number = next(NUMBERS)
    await customers.put(connection, Customer(id=customer, name="Someone", country="DE"), NOW)
    open_ = issue(draft(net, number=number).model_copy(update={"customer": customer}), number=number)
    await invoices.issue(connection, open_, EVIDENCE, NOW)
    await ledger.post(connection, [invoice_finalized(open_, NOW)])
    return open_


def line(minor: int, text: str = "", reference: str = "R-1") -> StatementLine:
    day = date(2026, 3, 2)
    entry = Entry(amount=eur(minor), booked_on=day, value_on=day, reference=reference, remittance=text)
    return statement("bank", [entry]).lines[0]


async def booked(connection: Connection, *lines: StatementLine) -> Receipt:
    await receipts.book_lines(connection, "bank", lines, NOW)
    return await receipts.get(connection, lines[-1].key)


async def standing(connection: Connection, invoice: Invoice) -> tuple[InvoiceState, Money]:
    found = (await invoices.get(connection, invoice.id)).invoice
    return found.state, found.amount_due


async def accounts(connection: Connection) -> dict[str, int]:
    return {account: minor for (account, _), minor in (await ledger.trial_balance(connection)).items() if minor}


async def test_money_pays_the_invoice_that_it_names(connection: Connection) -> None:
    invoice = await issued(connection)
    receipt = await booked(connection, line(11900, f"thanks {invoice.number}"))

    assert await standing(connection, invoice) == (InvoiceState.paid, eur(0))
    assert (receipt.state, receipt.customer, receipt.unmatched, receipt.owner) == (ReceiptState.matched, "c-1", eur(0), None)
    assert [(part.invoice, part.amount) for part in receipt.parts] == [(invoice.id, eur(11900))]
    assert await accounts(connection) == {"cash:bank": 11900, "deferred_revenue": -10000, "tax_payable:DE": -1900}


async def test_part_of_the_amount_is_part_of_the_payment(connection: Connection) -> None:
    invoice = await issued(connection)
    await booked(connection, line(4000, invoice.number or ""))

    assert await standing(connection, invoice) == (InvoiceState.partially_paid, eur(7900))
    assert (await accounts(connection))["receivable"] == 7900


async def test_what_is_over_becomes_the_customers_credit(connection: Connection) -> None:
    invoice = await issued(connection)
    await booked(connection, line(12000, invoice.number or ""))

    assert await balances.of_customer(connection, "c-1") == [eur(100)]
    assert (await accounts(connection))["customer_credit"] == -100


async def test_an_invoice_paid_again_is_credit_and_pays_nobody_elses(connection: Connection) -> None:
    invoice, other = await issued(connection), await issued(connection, customer="c-2")
    text = invoice.number or ""
    await booked(connection, line(11900, text), line(11900, text, "R-2"))

    assert await standing(connection, other) == (InvoiceState.finalized, eur(11900))
    assert await balances.of_customer(connection, "c-1") == [eur(11900)]


async def test_money_that_comes_twice_at_once_pays_an_invoice_once(cluster: Cluster) -> None:
    async with new_database(cluster, "receipts_at_once") as database:
        async with database.transaction() as connection:
            invoice = await issued(connection)

        async def book(reference: str) -> None:
            async with database.transaction() as connection:
                await receipts.book_lines(connection, "bank", [line(11900, invoice.number or "", reference)], NOW)

        await asyncio.gather(*(book(f"R-{number}") for number in range(4)), book("R-0"))
        async with database.transaction() as connection:
            assert await standing(connection, invoice) == (InvoiceState.paid, eur(0))
            assert await balances.of_customer(connection, "c-1") == [eur(3 * 11900)]


async def test_the_same_line_in_two_files_is_booked_once(connection: Connection) -> None:
    invoice = await issued(connection)
    first = await receipts.book_lines(connection, "bank", [line(4000, invoice.number or "")], NOW)
    again = await receipts.book_lines(connection, "bank", [line(4000, invoice.number or ""), line(1, "", "R-2")], NOW)

    assert (first, again) == (Imported(lines=1, booked=1), Imported(lines=2, booked=1, suspense=1))
    assert (await accounts(connection))["cash:bank"] == 4001


async def test_money_without_an_owner_waits_in_suspense_for_finance(connection: Connection) -> None:
    for customer in ("c-1", "c-2"):
        await issued(connection, customer=customer)
    receipt = await booked(connection, line(11900, "thanks"))

    assert (receipt.state, receipt.unmatched, receipt.owner) == (ReceiptState.suspense, eur(11900), "finance")
    assert receipt.reason == "the text names no invoice, and 2 invoices are due exactly 119.00 EUR"
    assert (await accounts(connection))["suspense"] == -11900
    assert await receipts.suspense(connection) == {"EUR": 11900}
    assert [each.key for each in await receipts.page(connection, None, 10, in_suspense=True)] == [receipt.key]


async def test_the_only_invoice_of_that_amount_is_paid(connection: Connection) -> None:
    invoice = await issued(connection)
    await booked(connection, line(11900, "thanks"))

    assert (await standing(connection, invoice))[0] is InvoiceState.paid


async def test_money_that_goes_out_is_booked_and_waits(connection: Connection) -> None:
    receipt = await booked(connection, line(-500, "bank charges"))

    assert (receipt.state, receipt.unmatched) == (ReceiptState.suspense, eur(-500))
    assert await accounts(connection) == {"cash:bank": -500, "suspense": 500}


async def test_what_is_over_pays_the_customers_other_invoices(connection: Connection) -> None:
    named, other = await issued(connection), await issued(connection)
    await booked(connection, line(15000, named.number or ""))

    assert await standing(connection, other) == (InvoiceState.partially_paid, eur(8800))


async def test_money_for_what_was_written_off_is_a_recovery(connection: Connection) -> None:
    invoice = await issued(connection)
    given_up = written_off(invoice)
    await invoices.save(connection, invoice, given_up)
    await ledger.post(connection, [invoice_written_off(given_up, NOW)])
    await booked(connection, line(4000, invoice.number or ""))

    assert await standing(connection, invoice) == (InvoiceState.uncollectible, eur(0))
    assert (await accounts(connection))["write_off"] == 7900
    assert "receivable" not in await accounts(connection)


async def test_an_assignment_takes_money_out_of_suspense_once(connection: Connection) -> None:
    invoice = await issued(connection)
    receipt = await booked(connection, line(12000, "thanks"))
    assignment = Assignment(receipt=receipt.key, invoice=invoice.id, by="fay", reason="she called")
    first = await receipts.assign(connection, assignment, NOW)
    again = await receipts.assign(connection, assignment, NOW)

    assert first == again
    assert (first.state, first.customer, first.reason) == (ReceiptState.matched, "c-1", "assigned by fay: she called")
    assert await standing(connection, invoice) == (InvoiceState.paid, eur(0))
    assert await accounts(connection) == {
        "cash:bank": 12000,
        "customer_credit": -100,
        "deferred_revenue": -10000,
        "tax_payable:DE": -1900,
    }


async def test_money_is_assigned_in_parts(connection: Connection) -> None:
    # 119.00 and 29.75 (25.00 and 19 %) of 168.75 leave 20.00
    one, two = await issued(connection), await issued(connection, 2500, "c-2")
    receipt = await booked(connection, line(16875, "thanks"))
    part = Assignment(receipt=receipt.key, invoice=one.id, amount=eur(11900), by="fay", reason="both")
    first = await receipts.assign(connection, part, NOW)
    last = await receipts.assign(connection, part.model_copy(update={"invoice": two.id, "amount": eur(2975)}), NOW)

    assert (first.state, first.unmatched) == (ReceiptState.part_matched, eur(4975))
    assert (last.unmatched, last.owner, len(last.parts)) == (eur(2000), "finance", 2)
    assert (await accounts(connection))["suspense"] == -2000


async def test_what_cannot_be_assigned_is_refused(connection: Connection) -> None:
    invoice = await issued(connection)
    came, went = await booked(connection, line(500, "a")), await booked(connection, line(-500, "b", "R-2"))
    wrong = [(came, eur(501)), (came, Money(minor=1, currency="USD")), (came, eur(-1)), (went, None)]

    for receipt, amount in wrong:
        with pytest.raises(Conflict):
            await receipts.assign(
                connection, Assignment(receipt=receipt.key, invoice=invoice.id, amount=amount, by="fay", reason="r"), NOW
            )
    with pytest.raises(NotFound):
        await receipts.get(connection, "nothing")
