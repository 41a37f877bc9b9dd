"""Money that moved on an account. It is booked first, and matched to invoices in the same transaction or later by a person."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, Select, case, func, literal_column, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import balances, invoices, ledger, representments
from activities.store.database import Connection, among
from activities.store.tables.invoices import invoices as invoices_table
from activities.store.tables.ledger import receipt_parts, receipts, statements
from domain.billing.balance import Allocation
from domain.billing.cash_postings import Payment, PaymentPart, money_matched, money_unmatched, payment_received
from domain.billing.invoice_states import OPEN, InvoiceState
from domain.billing.reconciliation.comparison import OWNER
from domain.billing.reconciliation.matching import Claim, Match, match, possible_numbers
from domain.billing.reconciliation.statements import StatementLine
from domain.errors import Conflict, NotFound
from domain.money import Money
from domain.values import Instant, Value

MATCHING = "matching"
"""Who has matched what no person did."""
_BARE_NUMBER: ColumnElement[str] = literal_column("upper(regexp_replace(number, '[^A-Za-z0-9]', '', 'g'))", receipts.c.key.type)
_IS_OPEN: ColumnElement[bool] = literal_column("state IN ('finalized', 'partially_paid', 'overdue')")


class ReceiptState(StrEnum):
    """What is not `matched` is in suspense, whole or in part, and has an owner."""

    matched = "matched"
    part_matched = "part_matched"
    suspense = "suspense"


class ReceiptPart(Value):
    invoice: str
    amount: Money
    matched_by: str
    matched_at: Instant


class Receipt(Value):
    """`unmatched` of `amount` is in suspense; what is neither that nor a part became the credit of `customer`. `reason` says
    how it was matched, or why not."""

    key: str
    account: str
    amount: Money
    unmatched: Money
    booked_on: date
    value_on: date
    reference: str
    remittance: Annotated[str, Field(repr=False)]
    counterparty: Annotated[str, Field(repr=False)]
    returned: bool
    customer: str | None
    state: ReceiptState
    reason: str
    owner: str | None
    recorded_at: Instant
    parts: list[ReceiptPart] = []


class Imported(Value):
    """How many lines there were, how many of them no statement before had, and how many of those wait in suspense."""

    lines: int = 0
    booked: int = 0
    suspense: int = 0


class Assignment(Value):
    """A person says which invoice money is for. `amount` None is all of it that is in suspense."""

    receipt: str
    invoice: str
    amount: Money | None = None
    by: str
    reason: str


async def book_lines(connection: Connection, account: str, lines: Iterable[StatementLine], now: datetime) -> Imported:
    """Book each line once, by its key, and match what came in."""
    counted = Imported()
    for line in lines:
        state = await _book(connection, account, line, now)
        counted = Imported(
            lines=counted.lines + 1,
            booked=counted.booked + (state is not None),
            suspense=counted.suspense + (state is ReceiptState.suspense),
        )
    return counted


async def keep_statement(
    connection: Connection, account: str, digest: str, bank_id: str, counted: Imported, by: str, now: datetime
) -> None:
    """Note that all lines of this file are booked."""
    row = {"account": account, "digest": digest, "bank_id": bank_id, "lines": counted.lines, "booked": counted.booked}
    await connection.execute(insert(statements).values(**row, imported_by=by, imported_at=now).on_conflict_do_nothing())


async def _book(connection: Connection, account: str, line: StatementLine, now: datetime) -> ReceiptState | None:
    """None where the line is booked already."""
    row = {**line.model_dump(exclude={"amount"}), "amount": line.amount.minor, "currency": line.amount.currency}
    waiting = {"unmatched": line.amount.minor, "state": ReceiptState.suspense, "reason": "", "owner": OWNER}
    made = insert(receipts).values(**row, **waiting, account=account, recorded_at=now).on_conflict_do_nothing()
    if (await connection.execute(made.returning(receipts.c.key))).first() is None:
        return None
    found = await _match(connection, line)
    if found.customer is None:
        posting = money_unmatched(line.key, account, line.amount, _begin(line.booked_on), line.reference)
        await ledger.post(connection, [posting])
        return await _noted(connection, line.key, found, line.amount)
    payment = await _pay(connection, found, found.customer, line, now)
    await ledger.post(connection, [payment_received(payment, account)])
    return await _noted(connection, line.key, found, found.unmatched)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time_of_day(), UTC)


async def _noted(connection: Connection, key: str, found: Match, unmatched: Money) -> ReceiptState:
    state = ReceiptState.suspense if unmatched else ReceiptState.matched
    owner = OWNER if unmatched else None
    values = {"state": state, "owner": owner, "reason": found.reason, "customer": found.customer}
    await connection.execute(update(receipts).where(receipts.c.key == key).values(**values, unmatched=unmatched.minor))
    return state


async def _match(connection: Connection, line: StatementLine) -> Match:
    """The second look is at invoices that nobody else changes until the transaction ends."""
    if line.amount.minor < 0:
        return _kept_back(
            line.amount, "this money went out and pays no invoice" + (", it was returned" if line.returned else "")
        )
    first = match(line.amount, line.remittance, await _claims(connection, line))
    if first.customer is None:
        return first
    await balances.lock(connection, first.customer, line.amount.currency)
    again = match(line.amount, line.remittance, await _claims(connection, line, lock=True))
    if again.customer != first.customer:
        return _kept_back(line.amount, "what it was for has changed while it was matched")
    return again


def _kept_back(amount: Money, reason: str) -> Match:
    return Match(customer=None, over=Money.zero(amount.currency), unmatched=amount, reason=reason)


async def _claims(connection: Connection, line: StatementLine, *, lock: bool = False) -> list[Claim]:
    """Invoices that the text may name, and the other open ones of their customers where there is more money than those are due;
    or, where it names none, those open for the very amount, of which three are enough to see that it is not only one."""
    table = invoices_table
    numbered = _claim().where(among(_BARE_NUMBER, possible_numbers(line.remittance)), table.c.state != InvoiceState.draft)
    named = await _read(connection, numbered, lock)
    in_currency = (table.c.currency == line.amount.currency, _IS_OPEN)
    if not named:
        return await _read(connection, _claim().where(*in_currency, table.c.amount_due == line.amount.minor).limit(3), lock)
    if sum(claim.amount_due.minor for claim in named) >= line.amount.minor:
        return named
    known = {claim.invoice for claim in named}
    payers = {claim.customer for claim in named}
    others = await _read(connection, _claim().where(*in_currency, among(table.c.customer, payers)), lock)
    return [*named, *(claim for claim in others if claim.invoice not in known)]


def _claim() -> Select[Any]:
    """Of an invoice that was written off, what may be recovered stands for what is due."""
    columns = invoices_table.c
    due = case((columns.state == InvoiceState.uncollectible, columns.written_off), else_=columns.amount_due)
    return select(columns.id, columns.number, columns.customer, columns.currency, columns.due_date, due.label("due")).order_by(
        columns.id
    )


async def _read(connection: Connection, query: Select[Any], lock: bool) -> list[Claim]:
    rows = (await connection.execute(query.with_for_update() if lock else query)).all()
    return [
        Claim(
            invoice=row.id,
            number=row.number,
            customer=row.customer,
            due_date=row.due_date,
            amount_due=Money(minor=row.due, currency=row.currency),
        )
        for row in rows
        if row.number is not None
    ]


async def _pay(connection: Connection, found: Match, customer: str, line: StatementLine, now: datetime) -> Payment:
    parts = [await _part(connection, line.key, each, MATCHING, now) for each in found.allocations]
    await balances.change(connection, customer, found.over)
    moment = _begin(line.booked_on)
    return Payment(key=line.key, at=moment, customer=customer, parts=tuple(parts), over=found.over, reference=line.reference)


async def _part(connection: Connection, receipt: str, allocated: Allocation, by: str, now: datetime) -> PaymentPart:
    """Raises Conflict where the invoice takes less, which gives up the whole transaction."""
    before = (await invoices.get(connection, allocated.invoice, lock=True)).invoice
    received = await invoices.receive_payment(connection, before, allocated.amount, now.date())
    if received.taken == before.amount_due:
        await representments.paid_again(connection, allocated.invoice, now)
    if received.over:
        raise Conflict(f"invoice {before.number} is due {received.taken} only, not {allocated.amount}")
    row = {"receipt": receipt, "invoice": allocated.invoice, "amount": allocated.amount.minor}
    await connection.execute(insert(receipt_parts).values(**row, matched_by=by, matched_at=now))
    recovery = before.state is InvoiceState.uncollectible
    return PaymentPart(invoice=allocated.invoice, amount=allocated.amount, recovery=recovery)


async def assign(connection: Connection, assignment: Assignment, now: datetime) -> Receipt:
    """Match money in suspense to an invoice; what is more than the invoice takes becomes its customer's credit.

    Assigning the same money to the same invoice again changes nothing. Raises NotFound, and Conflict where there is not so much
    in suspense, where it went out, or where the invoice is in another currency or takes no payment.
    """
    receipt = await get(connection, assignment.receipt, lock=True)
    if any(part.invoice == assignment.invoice for part in receipt.parts):
        return receipt
    amount = assignment.amount or receipt.unmatched
    customer, taken = await _takes(connection, receipt, assignment.invoice, amount)
    parts: tuple[PaymentPart, ...] = ()
    if taken:
        allocated = Allocation(invoice=assignment.invoice, amount=taken)
        parts = (await _part(connection, receipt.key, allocated, assignment.by, now),)
    over = amount - taken
    await balances.change(connection, customer, over)
    key = f"{receipt.key}:{assignment.invoice}"
    payment = Payment(key=key, at=now, customer=customer, parts=parts, over=over, reference=receipt.reference)
    await ledger.post(connection, [money_matched(payment, receipt.key)])
    await _assigned(connection, receipt, receipt.unmatched - amount, customer, assignment)
    return await get(connection, receipt.key)


async def _takes(connection: Connection, receipt: Receipt, invoice: str, amount: Money) -> tuple[str, Money]:
    """The invoice's customer, and how much of the amount it takes."""
    if not 0 < amount.minor <= receipt.unmatched.minor or amount.currency != receipt.amount.currency:
        raise Conflict(f"receipt {receipt.key} has {receipt.unmatched} in suspense, of which {amount} cannot be assigned")
    customer = (await invoices.get(connection, invoice)).invoice.customer
    await balances.lock(connection, customer, amount.currency)
    found = (await invoices.get(connection, invoice, lock=True)).invoice
    if found.currency != amount.currency:
        raise Conflict(f"invoice {found.number or found.id} is in {found.currency}, the money in {amount.currency}")
    if found.state not in {*OPEN, InvoiceState.uncollectible, InvoiceState.paid}:
        raise Conflict(f"invoice {found.number or found.id} is {found.state} and takes no payment")
    due = found.written_off if found.state is InvoiceState.uncollectible else found.amount_due
    return customer, min(amount, due)


async def _assigned(connection: Connection, receipt: Receipt, left: Money, customer: str, assignment: Assignment) -> None:
    state = ReceiptState.part_matched if left else ReceiptState.matched
    values = {"state": state, "owner": OWNER if left else None, "unmatched": left.minor, "customer": customer}
    reason = f"assigned by {assignment.by}: {assignment.reason}"
    await connection.execute(update(receipts).where(receipts.c.key == receipt.key).values(**values, reason=reason))


async def get(connection: Connection, key: str, *, lock: bool = False) -> Receipt:
    """Raises NotFound."""
    query = select(receipts).where(receipts.c.key == key)
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
    if row is None:
        raise NotFound("receipt", key)
    return (await _whole(connection, [row]))[0]


async def page(
    connection: Connection, after: tuple[date, str] | None, limit: int, *, in_suspense: bool | None = None
) -> list[Receipt]:
    """The oldest first, those after `after` (booked_on, key)."""
    place = (receipts.c.booked_on, receipts.c.key)
    query = select(receipts).order_by(*place).limit(limit)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    if in_suspense is not None:
        query = query.where(receipts.c.unmatched != 0 if in_suspense else receipts.c.unmatched == 0)
    return await _whole(connection, (await connection.execute(query)).mappings().all())


async def suspense(connection: Connection) -> dict[str, int]:
    """Minor units in suspense by currency."""
    query = select(receipts.c.currency, func.sum(receipts.c.unmatched)).where(receipts.c.unmatched != 0)
    return {currency: int(sum_) for currency, sum_ in (await connection.execute(query.group_by(receipts.c.currency))).all()}


async def _whole(connection: Connection, rows: Sequence[Any]) -> list[Receipt]:
    of = among(receipt_parts.c.receipt, [row["key"] for row in rows])
    query = select(receipt_parts).where(of).order_by(receipt_parts.c.matched_at, receipt_parts.c.invoice)
    parts = (await connection.execute(query)).mappings().all()
    return [_receipt(row, [part for part in parts if part["receipt"] == row["key"]]) for row in rows]


def _receipt(row: Any, parts: Sequence[Any]) -> Receipt:
    amounts = {name: Money(minor=row[name], currency=row["currency"]) for name in ("amount", "unmatched")}
    shown = [{**part, "amount": Money(minor=part["amount"], currency=row["currency"])} for part in parts]
    return Receipt.model_validate({**row, **amounts, "parts": shown})
