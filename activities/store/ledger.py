"""The ledger: each transaction is a business fact and is posted once, however often it is asked for."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, func, select, text

from activities.store.database import Connection, among
from activities.store.tables.ledger import ledger_entries, ledger_transactions
from domain.billing.ledger import AccountKind, Posting, Transaction
from domain.money import Money
from domain.values import Instant, Value

POSTING = """
    given AS (SELECT one FROM jsonb_array_elements(CAST(:transactions AS jsonb)) one),
    made AS (
        INSERT INTO ledger_transactions (id, at, description, reference, order_id)
        SELECT one ->> 'id', (one ->> 'at')::timestamptz, one ->> 'description', one ->> 'reference', :order FROM given
        ON CONFLICT DO NOTHING RETURNING id
    ),
    entries AS (
        INSERT INTO ledger_entries ("transaction", account, currency, amount, subject, order_id, posted_at)
        SELECT made.id, posting ->> 'account', posting #>> '{amount,currency}', (posting #>> '{amount,minor}')::bigint,
               posting ->> 'subject', :order, (one ->> 'at')::timestamptz
          FROM given JOIN made ON made.id = one ->> 'id', jsonb_array_elements(one -> 'postings') posting
    )
"""
"""Part of a statement. `:transactions` is what `as_json` makes; `made` are those that were not there."""
_POST = text(f"WITH {POSTING} SELECT id FROM made")  # noqa: S608 - of constants alone
_POSTED = select(ledger_transactions.c.id).where(ledger_transactions.c.id == bindparam("id"))
AT_ONCE = 200
"""Entries read at once, between which other requests have their turn."""


class LedgerLine(Value):
    """`transaction` is the business fact it was posted for; a debit is above zero, a credit below."""

    id: int = 0
    transaction: str
    account: str
    amount: Money
    subject: str = ""
    order: str | None = None
    description: str = ""
    posted_at: Instant


async def post(connection: Connection, transactions: Iterable[Transaction | None], order: str | None = None) -> set[str]:
    """Post those that are not yet there; returns their ids. None stands for an event that booked nothing."""
    given = [each for each in transactions if each is not None]
    if not given:
        return set()
    return set((await connection.execute(_POST, {"transactions": as_json(given), "order": order})).scalars())


def as_json(transactions: Iterable[Transaction | None]) -> str:
    return orjson.dumps([each.model_dump(mode="json") for each in transactions if each is not None]).decode()


async def posted(connection: Connection, transaction: str) -> bool:
    return (await connection.execute(_POSTED, {"id": transaction})).first() is not None


async def of_order(connection: Connection, order: str) -> list[LedgerLine]:
    """In the order they were posted."""
    query = _lines().where(ledger_entries.c.order_id == order).order_by(ledger_entries.c.id)
    return [_line(row) for row in (await connection.execute(query)).all()]


async def page(
    connection: Connection,
    after: int,
    limit: int,
    *,
    account: str | None = None,
    subject: str | None = None,
    order: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[LedgerLine]:
    """In the order they were posted, those after the entry `after` and in `[since, until)`. `account` may be a kind: `cash` is
    every gateway's."""
    query = _lines().where(ledger_entries.c.id > after).order_by(ledger_entries.c.id).limit(limit)
    if account is not None:
        named = ledger_entries.c.account == account
        query = query.where(named if ":" in account else named | ledger_entries.c.account.startswith(f"{account}:"))
    if subject is not None:
        query = query.where(ledger_entries.c.subject == subject)
    if order is not None:
        query = query.where(ledger_entries.c.order_id == order)
    if since is not None:
        query = query.where(ledger_entries.c.posted_at >= since)
    if until is not None:
        query = query.where(ledger_entries.c.posted_at < until)
    return [_line(row) for row in (await connection.execute(query)).all()]


def _lines() -> Select[Any]:
    return select(ledger_entries, ledger_transactions.c.description).join(
        ledger_transactions, ledger_transactions.c.id == ledger_entries.c.transaction
    )


def _line(row: Any) -> LedgerLine:
    return LedgerLine(
        id=row.id,
        transaction=row.transaction,
        account=row.account,
        amount=Money(minor=row.amount, currency=row.currency),
        subject=row.subject,
        order=row.order_id,
        description=row.description,
        posted_at=row.posted_at,
    )


async def sums(connection: Connection) -> dict[str, int]:
    """The sum of all entries per currency: zero, or something is wrong."""
    query = select(ledger_entries.c.currency, func.sum(ledger_entries.c.amount)).group_by(ledger_entries.c.currency)
    return {currency: int(amount) for currency, amount in (await connection.execute(query)).all()}


async def trial_balance(connection: Connection, before: datetime | None = None) -> dict[tuple[str, str], int]:
    """Minor units by (account, currency), debits less credits, of what was posted before an instant."""
    query = select(ledger_entries.c.account, ledger_entries.c.currency, func.sum(ledger_entries.c.amount))
    if before is not None:
        query = query.where(ledger_entries.c.posted_at < before)
    rows = await connection.execute(query.group_by(ledger_entries.c.account, ledger_entries.c.currency))
    return {(account, currency): int(amount) for account, currency, amount in rows.all()}


async def deferred(connection: Connection, lines: Collection[str]) -> dict[str, Money]:
    """What of each line is still to be earned, by its id."""
    query = (
        select(ledger_entries.c.subject, ledger_entries.c.currency, func.sum(-ledger_entries.c.amount))
        .where(among(ledger_entries.c.subject, lines), ledger_entries.c.account == AccountKind.deferred_revenue)
        .group_by(ledger_entries.c.subject, ledger_entries.c.currency)
    )
    rows = (await connection.execute(query)).all()
    return {line: Money(minor=int(amount), currency=currency) for line, currency, amount in rows}


async def transactions(
    connection: Connection, since: datetime | None = None, until: datetime | None = None
) -> AsyncIterator[Transaction]:
    """All of them in `[since, until)`, by their moment and id, without holding them in memory."""
    query = (
        select(ledger_transactions, ledger_entries.c.account, ledger_entries.c.currency, ledger_entries.c.amount)
        .add_columns(ledger_entries.c.subject)
        .join(ledger_entries, ledger_entries.c.transaction == ledger_transactions.c.id)
        .order_by(ledger_transactions.c.at, ledger_transactions.c.id, ledger_entries.c.id)
    )
    if since is not None:
        query = query.where(ledger_transactions.c.at >= since)
    if until is not None:
        query = query.where(ledger_transactions.c.at < until)
    rows: list[Any] = []
    async for row in await connection.stream(query, execution_options={"yield_per": AT_ONCE}):
        if rows and rows[0].id != row.id:
            yield _transaction(rows)
            rows = []
        rows.append(row)
    if rows:
        yield _transaction(rows)


def _transaction(rows: Sequence[Any]) -> Transaction:
    head = rows[0]
    postings = tuple(
        Posting(account=row.account, amount=Money(minor=row.amount, currency=row.currency), subject=row.subject) for row in rows
    )
    return Transaction(id=head.id, at=head.at, description=head.description, reference=head.reference, postings=postings)
