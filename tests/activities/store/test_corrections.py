"""Invoices are voided, written off, moved and credited once, with documents, balances and ledger in step, and who asked why."""

import asyncio
import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from activities.store import balances, billables, corrections, customers, invoice_events, invoices, ledger, wallets
from activities.store.billables import Debtor
from activities.store.database import Connection, Database
from activities.store.invoicing import gather_debtor
from domain.billing.corrections import CreditCommand, FinalizeCommand, GiveUpCommand, RescheduleCommand
from domain.billing.credit_notes import CreditNote
from domain.billing.credits import CreditGrant, CreditSource, commit, granted, reserve
from domain.billing.gathering import Billable
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice
from domain.billing.postings import invoice_finalized, revenue_earned
from domain.billing.recognition import Earned
from domain.customers import Customer
from domain.errors import BadInput, Conflict, NotFound
from domain.money import Money
from tests.domain.billing.invoice_samples import EVIDENCE, invoice_of, issue
from tests.domain.billing.line_samples import line
from tests.domain.samples import eur

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NUMBERS = itertools.count(1)
MISTAKE = GiveUpCommand(by="fay", reason="sent to the wrong customer")
DEBTOR = Debtor(customer="c-1", legal_entity="main", currency="EUR")


async def issued(connection: Connection, *nets: int, balance: int = 0, prepaid: int = 0) -> Invoice:
    """An invoice in the ledger: of 119.00 unless other net amounts are given. `balance` and `prepaid` were taken into it."""
    number = next(NUMBERS)
    await customers.put(connection, Customer(id="c-1", name="Someone", country="DE"), NOW)
    lines = [line(net, subscription=f"S-{number}-{index}") for index, net in enumerate(nets or (10000,))]
    ready = invoice_of(lines, number).model_copy(update={"legal_entity": "main"})
    open_ = issue(ready, balance, prepaid, number)
    await invoices.issue(connection, open_, EVIDENCE, NOW)
    await ledger.post(connection, [invoice_finalized(open_, NOW)])
    return open_


async def drafted(connection: Connection, *line_ids: str) -> str:
    """A draft of 10.00 a line that the customer is due now."""
    await customers.put(connection, Customer(id="c-1", name="Someone", country="DE"), NOW)
    due = [
        Billable(line=line(1000).model_copy(update={"id": id_}), customer="c-1", legal_entity="main", due_at=NOW)
        for id_ in line_ids
    ]
    await billables.add(connection, due)
    [id_] = await gather_debtor(connection, DEBTOR, NOW)
    return id_


async def paid(connection: Connection, invoice: Invoice, minor: int) -> None:
    held = (await invoices.get(connection, invoice.id, lock=True)).invoice
    await invoices.receive_payment(connection, held, eur(minor), NOW.date())


async def credited(connection: Connection, invoice: Invoice, **asked: Any) -> CreditNote:
    command = CreditCommand.model_validate({"reason": "goodwill", "by": "fay", **asked})
    return await corrections.credit(connection, invoice.id, command, NOW)


async def standing(connection: Connection, invoice: str) -> tuple[InvoiceState, Money]:
    found = (await invoices.get(connection, invoice)).invoice
    return found.state, found.amount_due


async def accounts(connection: Connection) -> dict[str, int]:
    return {account: minor for (account, _), minor in (await ledger.trial_balance(connection)).items() if minor}


async def told(connection: Connection, invoice: str) -> list[tuple[str, str, str]]:
    return [(each.type, each.actor, each.summary) for each in await invoice_events.of_invoice(connection, invoice)]


async def test_an_unpaid_invoice_is_voided_once_and_leaves_nothing_in_the_books(connection: Connection) -> None:
    invoice = await issued(connection)
    for _ in range(2):
        await corrections.void(connection, invoice.id, MISTAKE, NOW)

    assert await standing(connection, invoice.id) == (InvoiceState.voided, eur(0))
    assert await accounts(connection) == {}
    assert await told(connection, invoice.id) == [("voided", "fay", "sent to the wrong customer")]


async def test_what_was_earned_meanwhile_is_taken_back_from_revenue(connection: Connection) -> None:
    invoice = await issued(connection)
    earned = revenue_earned(invoice.lines[0].id, Earned(day=date(2026, 3, 2), amount=eur(323)), NOW)
    await ledger.post(connection, [earned])
    await corrections.void(connection, invoice.id, MISTAKE, NOW)

    assert await accounts(connection) == {}


@pytest.mark.parametrize(("before", "due"), [(5000, 6900), (-500, 12400)])
async def test_a_voided_invoice_gives_back_what_it_took_from_the_balance(connection: Connection, before: int, due: int) -> None:
    # of 119.00, 50.00 came from the balance; or 5.00 that it owed were collected too
    invoice = await issued(connection, balance=before)
    assert invoice.amount_due == eur(due)
    for _ in range(2):
        await corrections.void(connection, invoice.id, MISTAKE, NOW)

    assert await balances.of_customer(connection, "c-1") == [eur(before)]
    assert await accounts(connection) == {}


async def test_a_voided_invoice_gives_prepaid_credit_back_to_the_grant_it_came_from(connection: Connection) -> None:
    invoice = await issued(connection, prepaid=2000)
    grant = CreditGrant(id="g", amount=eur(3000), source=CreditSource.promotional, effective_at=NOW)
    held, _ = reserve(granted(await wallets.lock(connection, "c-1", "EUR"), grant), invoice.id, eur(2000), NOW)
    await wallets.save(connection, commit(held, invoice.id))
    await corrections.void(connection, invoice.id, MISTAKE, NOW)

    [wallet] = await wallets.of_customer(connection, "c-1")
    assert [each.left for each in wallet.grants] == [eur(3000)]
    assert await accounts(connection) == {}


async def test_an_invoice_with_money_on_it_is_not_voided(connection: Connection) -> None:
    whole, part = await issued(connection), await issued(connection)
    await paid(connection, whole, 11900)
    await paid(connection, part, 100)

    for invoice in (whole, part):
        with pytest.raises(Conflict, match="issue a credit note instead"):
            await corrections.void(connection, invoice.id, MISTAKE, NOW)
    assert await told(connection, whole.id) == []


async def test_the_lines_of_a_voided_draft_are_never_invoiced(connection: Connection) -> None:
    id_ = await drafted(connection, "a", "b")
    await corrections.void(connection, id_, MISTAKE, NOW)
    again = await drafted(connection, "c")

    assert await standing(connection, id_) == (InvoiceState.voided, eur(0))
    assert (await invoices.get(connection, id_)).finalizable_at is None
    assert [each.id for each in (await invoices.get(connection, id_)).invoice.lines] == ["a", "b"]
    assert [each.id for each in (await invoices.get(connection, again)).invoice.lines] == ["c"]
    assert await accounts(connection) == {}


async def test_what_is_due_is_written_off_once(connection: Connection) -> None:
    invoice = await issued(connection)
    await paid(connection, invoice, 1900)
    for _ in range(2):
        await corrections.write_off(connection, invoice.id, GiveUpCommand(by="fay", reason="bankrupt"), NOW)

    assert await standing(connection, invoice.id) == (InvoiceState.uncollectible, eur(0))
    # the payment itself was not booked here: 119.00 of receivable less the 100.00 that were given up
    assert await accounts(connection) == {
        "receivable": 1900,
        "write_off": 10000,
        "deferred_revenue": -10000,
        "tax_payable:DE": -1900,
    }
    assert await told(connection, invoice.id) == [("written_off", "fay", "bankrupt")]


async def test_what_nobody_owes_is_not_written_off(connection: Connection) -> None:
    invoice = await issued(connection)
    await paid(connection, invoice, 11900)

    for nothing_due in (invoice.id, await drafted(connection, "a")):
        with pytest.raises(Conflict, match="nothing to write off"):
            await corrections.write_off(connection, nothing_due, MISTAKE, NOW)


async def test_a_draft_is_issued_on_another_day(connection: Connection) -> None:
    id_ = await drafted(connection, "a")
    for _ in range(2):
        command = RescheduleCommand(by="fay", issue_date=date(2026, 3, 20))
        await corrections.reschedule(connection, id_, command, NOW)

    found = await invoices.get(connection, id_)
    # due 14 days later; by itself an hour after the day began
    assert (found.invoice.issue_date, found.invoice.due_date) == (date(2026, 3, 20), date(2026, 4, 3))
    assert found.finalizable_at == datetime(2026, 3, 20, 1, 0, tzinfo=UTC)
    assert await told(connection, id_) == [("rescheduled", "fay", "issue date 2026-03-20 instead of 2026-03-02")]


async def test_the_past_and_what_is_issued_are_not_rescheduled(connection: Connection) -> None:
    id_, invoice = await drafted(connection, "a"), await issued(connection)

    with pytest.raises(Conflict, match="which is past"):
        await corrections.reschedule(connection, id_, RescheduleCommand(by="fay", issue_date=date(2026, 3, 1)), NOW)
    with pytest.raises(Conflict, match="its issue date stays 2026-03-02"):
        await corrections.reschedule(connection, invoice.id, RescheduleCommand(by="fay", issue_date=date(2026, 4, 1)), NOW)


async def test_a_credited_invoice_owes_less_and_what_was_paid_of_it_becomes_credit(connection: Connection) -> None:
    invoice = await issued(connection)
    await paid(connection, invoice, 10000)
    note = await credited(connection, invoice, memo="two days of outage")

    # 119.00 less 100.00 paid: 19.00 are still due, and 100.00 come back
    assert (note.id, note.number) == (f"{invoice.id}:credit:1", "CN-2026-000001")
    assert (note.offset, note.to_credit, note.taxed.tax) == (eur(1900), eur(10000), eur(1900))
    assert await standing(connection, invoice.id) == (InvoiceState.paid, eur(0))
    assert await balances.of_customer(connection, "c-1") == [eur(10000)]
    assert await accounts(connection) == {"receivable": 10000, "customer_credit": -10000}
    text = "credit note CN-2026-000001 over 119.00 EUR: two days of outage"
    assert await told(connection, invoice.id) == [("credited", "fay", text)]


async def test_a_negative_invoice_is_credited_out_of_the_credit_that_it_gave(connection: Connection) -> None:
    # 50.00 and 19 % are 59.50
    invoice = await issued(connection, -5000)
    await balances.change(connection, "c-1", eur(5950))
    note = await credited(connection, invoice)

    assert note.to_credit == eur(-5950)
    assert await balances.of_customer(connection, "c-1") == [eur(0)]
    assert await accounts(connection) == {}


async def test_who_asks_for_a_draft_to_be_issued_is_kept_once_it_may_be(connection: Connection) -> None:
    id_ = await drafted(connection, "a")
    for now in (NOW - timedelta(days=1), NOW, NOW):
        await corrections.ask_to_finalize(connection, id_, FinalizeCommand(by="fay"), now)

    assert await told(connection, id_) == [("finalizing", "fay", "to be issued at once")]


async def test_one_key_makes_one_credit_note(connection: Connection) -> None:
    invoice = await issued(connection)
    twenty = {"amount": {"minor": 2000, "currency": "EUR"}}
    first, again = [await credited(connection, invoice, key="k-1", **twenty) for _ in range(2)]
    other = await credited(connection, invoice, key="k-2", **twenty)

    assert first == again
    assert other.id == f"{invoice.id}:credit:2"
    with pytest.raises(Conflict, match=f"has made credit note {first.number}, over something else"):
        await credited(connection, invoice, key="k-1", amount={"minor": 2001, "currency": "EUR"})


async def test_the_taxes_of_parts_add_up_to_those_of_the_invoice(connection: Connection) -> None:
    invoice = await issued(connection)
    parts = [await credited(connection, invoice, amount={"minor": minor, "currency": "EUR"}) for minor in (3333, 3333, 3334)]

    assert sum(part.taxed.tax.minor for part in parts) == 1900
    assert sum(part.taxed.gross.minor for part in parts) == 11900
    assert await standing(connection, invoice.id) == (InvoiceState.paid, eur(0))
    assert await accounts(connection) == {}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"amount": {"minor": 10001, "currency": "EUR"}}, "amount"),
        ({"amount": {"minor": 100, "currency": "USD"}}, "amount"),
        ({"lines": [{"line": "nothing"}]}, "lines[0].line"),
    ],
)
async def test_more_than_is_left_and_what_was_never_charged_are_not_credited(
    connection: Connection, asked: dict[str, Any], field: str
) -> None:
    invoice = await issued(connection)

    with pytest.raises(BadInput) as refused:
        await credited(connection, invoice, **asked)
    assert refused.value.field == field


async def test_a_voided_invoice_and_a_draft_are_not_credited(connection: Connection) -> None:
    invoice = await issued(connection)
    await corrections.void(connection, invoice.id, MISTAKE, NOW)

    with pytest.raises(Conflict, match="nothing to credit"):
        await credited(connection, invoice)
    with pytest.raises(NotFound):
        await corrections.void(connection, "nothing", MISTAKE, NOW)


async def test_credit_notes_asked_for_at_once_never_exceed_the_invoice(database: Database) -> None:
    async with database.transaction() as connection:
        invoice = await issued(connection)

    async def ask(key: str) -> CreditNote | BadInput:
        try:
            async with database.transaction() as connection:
                return await credited(connection, invoice, key=key, amount={"minor": 4000, "currency": "EUR"})
        except BadInput as refused:
            return refused

    answers = await asyncio.gather(*(ask(f"k-{number}") for number in (1, 2, 3, 1)))
    notes = {each.id: each for each in answers if isinstance(each, CreditNote)}

    # two of 40.00 fit into 100.00, and no number is lost to those that were refused
    assert sorted(notes) == [f"{invoice.id}:credit:1", f"{invoice.id}:credit:2"]
    assert sorted(each.number for each in notes.values()) == ["CN-2026-000001", "CN-2026-000002"]
    async with database.transaction() as connection:
        # 20.00 and 19 %
        assert await standing(connection, invoice.id) == (InvoiceState.finalized, eur(2380))
