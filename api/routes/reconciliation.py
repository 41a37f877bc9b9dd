"""Reconciliation: statements, money in suspense, and what gateway, ledger and invoices do not say alike."""

from datetime import date
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from pydantic import AfterValidator, Base64Bytes, ConfigDict, Field

from activities.adapters.statements import camt053, csv
from activities.adapters.statements.csv import FORMATS, StatementFormat
from activities.store import receipts, reconciliation
from activities.store.receipts import Assignment, Imported, Receipt
from activities.store.reconciliation import Run, WorkItem
from api.context import Context
from api.dependencies import Ctx, Db, Reconciler
from api.openapi import declares
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from domain.billing.reconciliation.statements import Statement
from domain.errors import BadInput
from domain.money import Money
from domain.plans import Identifier
from domain.values import Instant, StrictValue

router = APIRouter(prefix="/v1/reconciliation", tags=["reconciliation"])
LINES_AT_ONCE = 100
"""Lines booked in one transaction. A file whose import was cut off is sent again: what is booked stays booked, once."""
CAMT_053 = "camt.053"
Reason = Annotated[str, Field(min_length=1, max_length=500, examples=["the bank called it a double booking"])]


class _ItemPosition(StrictValue):
    opened_at: Instant
    key: str


class _ReceiptPosition(StrictValue):
    booked_on: date
    key: str


class DifferencesQuery(StrictValue):
    open: Annotated[bool, Field(description="only those not resolved, or only the resolved")] | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class ReceiptsQuery(StrictValue):
    suspense: Annotated[bool, Field(description="only money that waits to be matched, or only the matched")] | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class Resolution(StrictValue):
    reason: Reason


class AssignmentRequest(StrictValue):
    """`amount` is all that is in suspense unless given; what the invoice does not take becomes its customer's credit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"invoice": "I-1001", "reason": "the customer called"}]})

    invoice: Annotated[str, Field(min_length=1, max_length=200)]
    amount: Money | None = None
    reason: Reason


def _known(name: str) -> str:
    if name != CAMT_053 and name not in FORMATS:
        raise ValueError(f"is one of {', '.join([CAMT_053, *FORMATS])}")
    return name


class StatementUpload(StrictValue):
    """A file in Base64. CSV says nothing of its account, so it is named; a CAMT.053 file names it by itself. `layout` describes
    a CSV that no named format fits."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"format": "generic", "account": "main-bank", "file": "ZGF0ZSxhbW91bnQK"}]}
    )

    format: Annotated[str, Field(max_length=40), AfterValidator(_known)] = CAMT_053
    layout: StatementFormat | None = None
    account: Identifier | None = None
    file: Base64Bytes


@router.get("/differences", summary="List work items: what does not agree, the oldest first")
async def list_differences(query: Annotated[DifferencesQuery, Query()], principal: Reconciler, database: Db) -> Page[WorkItem]:
    position = position_of(_ItemPosition, query.cursor)
    after = None if position is None else (position.opened_at, position.key)
    async with database.transaction() as connection:
        found = await reconciliation.work_items(connection, after, query.limit + 1, is_open=query.open)
    return page(found, query.limit, lambda item: cursor_of(_ItemPosition(opened_at=item.opened_at, key=item.key)))


@router.post("/differences/{key}/resolve", summary="Say that a difference was dealt with", responses=declares(404, 409))
async def resolve_difference(
    key: Annotated[str, Path(max_length=400)],
    resolution: Annotated[Resolution, Body()],
    principal: Reconciler,
    context: Ctx,
) -> WorkItem:
    """It stays resolved, whatever later comparisons of that day find. Saying the same again changes nothing."""
    async with context.database.transaction() as connection:
        return await reconciliation.resolve(connection, key, principal.name, resolution.reason, context.now())


@router.get("/runs", summary="List the days that were compared, the last first")
async def list_runs(principal: Reconciler, database: Db, limit: Limit = 50) -> list[Run]:
    async with database.transaction() as connection:
        return await reconciliation.runs(connection, limit)


@router.get("/receipts", summary="List money that moved on accounts, the oldest first")
async def list_receipts(query: Annotated[ReceiptsQuery, Query()], principal: Reconciler, database: Db) -> Page[Receipt]:
    position = position_of(_ReceiptPosition, query.cursor)
    after = None if position is None else (position.booked_on, position.key)
    async with database.transaction() as connection:
        found = await receipts.page(connection, after, query.limit + 1, in_suspense=query.suspense)
    return page(found, query.limit, lambda one: cursor_of(_ReceiptPosition(booked_on=one.booked_on, key=one.key)))


@router.post("/receipts/{key}/assign", summary="Match money in suspense to an invoice", responses=declares(404, 409))
async def assign_receipt(
    key: Annotated[str, Path(max_length=400)],
    wanted: Annotated[AssignmentRequest, Body()],
    principal: Reconciler,
    context: Ctx,
) -> Receipt:
    """Assigning the same money to the same invoice again changes nothing."""
    assignment = Assignment(receipt=key, by=principal.name, **dict(wanted))
    async with context.database.transaction() as connection:
        return await receipts.assign(connection, assignment, context.now())


@router.post("/statements", summary="Import a bank's or gateway's statement", responses=declares(409))
async def import_statement(upload: Annotated[StatementUpload, Body()], principal: Reconciler, context: Ctx) -> Imported:
    """Each line is booked, and what came in is matched to invoices. A line that was in an earlier file is not booked again; a
    file with anything wrong in it is refused whole."""
    digest = sha256(upload.file).hexdigest()
    counted = [await _book(context, each, digest, principal.name) for each in _read(upload)]
    return _sum(counted)


def _read(upload: StatementUpload) -> list[Statement]:
    if upload.format == CAMT_053 and upload.layout is None:
        if upload.account is not None:
            raise BadInput("account", "is named by a CAMT.053 file itself; leave it out")
        return camt053.read(upload.file)
    if upload.account is None:
        raise BadInput("account", "is needed with CSV: the name of the account in the ledger, such as main-bank")
    return [csv.read(upload.file, upload.account, upload.layout or FORMATS[upload.format])]


async def _book(context: Context, statement: Statement, digest: str, by: str) -> Imported:
    counted = []
    for begin in range(0, len(statement.lines), LINES_AT_ONCE):
        async with context.database.transaction() as connection:
            lines = statement.lines[begin : begin + LINES_AT_ONCE]
            counted.append(await receipts.book_lines(connection, statement.account, lines, context.now()))
    whole = _sum(counted)
    async with context.database.transaction() as connection:
        name = (statement.account, digest, statement.id)
        await receipts.keep_statement(connection, *name, whole, by, context.now())
    return whole


def _sum(counted: list[Imported]) -> Imported:
    return Imported(
        lines=sum(each.lines for each in counted),
        booked=sum(each.booked for each in counted),
        suspense=sum(each.suspense for each in counted),
    )
