"""The ledger: its entries, what its accounts stand at, and the whole of it as a file for accountants."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field, model_validator
from starlette.responses import StreamingResponse

from activities.store import ledger, legal_entities
from activities.store.database import Database
from activities.store.ledger import LedgerLine
from activities.store.order_facts import one_snapshot
from api.dependencies import BillingReader, Db
from api.paging import Limit, NumberCursor, Page, page
from domain.billing.beancount import Writer
from domain.billing.ledger import KINDS, AccountName, opening
from domain.billing.zones import midnight, zone_of
from domain.money import Money
from domain.values import Instant, StrictValue, Value

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])
PIECE = 65536
"""Characters sent at once."""


def _account_or_kind(name: str) -> str:
    if name.partition(":")[0] not in KINDS:
        raise ValueError(f"is an account, or a kind of them: {', '.join(sorted(KINDS))}")
    return name


class _Span(StrictValue):
    @model_validator(mode="after")
    def _forward(self) -> Self:
        since, until = getattr(self, "since", None), getattr(self, "until", None)
        if since is not None and until is not None and until <= since:
            raise ValueError("until: must be after since")
        return self


class EntryQuery(_Span):
    """Posted in `[since, until)`. An `account` may be a kind, such as `cash` for that of every gateway."""

    account: Annotated[str, Field(max_length=120), AfterValidator(_account_or_kind)] | None = None
    subject: Annotated[str, Field(min_length=1, max_length=200, description="an invoice, a line, a customer")] | None = None
    order: Annotated[str, Field(max_length=40)] | None = None
    since: Instant | None = None
    until: Instant | None = None
    cursor: NumberCursor | None = None
    limit: Limit = 50


class BalanceQuery(StrictValue):
    """`at` is now unless given."""

    at: Instant | None = None


class ExportFormat(StrEnum):
    beancount = "beancount"


class ExportQuery(_Span):
    """Days of the books, in the time zone of the main legal entity: from `since` on, before `until`."""

    format: ExportFormat = ExportFormat.beancount
    since: date | None = None
    until: date | None = None


class AccountBalance(Value):
    """A debit balance is above zero, a credit balance below."""

    account: AccountName
    balance: Money


class TrialBalance(Value):
    """Of what was posted before `at`, of all where it is null. The balances of each currency add up to zero."""

    at: Instant | None
    balances: list[AccountBalance]


@router.get("/entries", summary="List ledger entries")
async def list_entries(query: Annotated[EntryQuery, Query()], principal: BillingReader, database: Db) -> Page[LedgerLine]:
    """In the order they were posted."""
    wanted = query.model_dump(include={"account", "subject", "order", "since", "until"})
    async with database.transaction() as connection:
        found = await ledger.page(connection, int(query.cursor or 0), query.limit + 1, **wanted)
    return page(found, query.limit, lambda line: str(line.id))


@router.get("/balances", summary="Look at the balance of every account")
async def get_balances(query: Annotated[BalanceQuery, Query()], principal: BillingReader, database: Db) -> TrialBalance:
    async with database.transaction() as connection:
        found = await ledger.trial_balance(connection, query.at)
    balances = [_balance(account, currency, minor) for (account, currency), minor in sorted(found.items())]
    return TrialBalance(at=query.at, balances=balances)


def _balance(account: str, currency: str, minor: int) -> AccountBalance:
    return AccountBalance(account=account, balance=Money(minor=minor, currency=currency))


@router.get(
    "/export",
    summary="The ledger as a file",
    response_class=StreamingResponse,
    responses={200: {"description": "Beancount text", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def export_ledger(query: Annotated[ExportQuery, Query()], principal: BillingReader, database: Db) -> StreamingResponse:
    """`bean-check` accepts it with a tolerance of zero. What was posted before `since` is in it as opening balances."""
    async with database.transaction() as connection:
        books = (await legal_entities.get(connection)).gathering.timezone
    since, until = (None if day is None else midnight(day, zone_of(books)) for day in (query.since, query.until))
    return StreamingResponse(_pieces(_export(database, Writer(zone_of(books)), since, until)), media_type="text/plain")


async def _export(database: Database, writer: Writer, since: datetime | None, until: datetime | None) -> AsyncIterator[str]:
    yield writer.head
    async with database.transaction() as connection:
        await one_snapshot(connection)
        before = await ledger.trial_balance(connection, since) if since is not None else {}
        if since is not None and (brought := opening(before, since)) is not None:
            yield writer.entry(brought)
        async for each in ledger.transactions(connection, since, until):
            yield writer.entry(each)
    yield writer.tail()


async def _pieces(texts: AsyncIterator[str]) -> AsyncIterator[str]:
    """Small texts put together."""
    held, size = [], 0
    async for text in texts:
        held.append(text)
        size += len(text)
        if size >= PIECE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)
