"""Credit notes: what was taken back of which invoice."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from activities.store import credit_notes
from activities.store.credit_notes import CreditNoteSummary
from api.dependencies import BillingReader, Db
from api.openapi import declares
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from domain.billing.credit_notes import CreditNote
from domain.plans import Identifier
from domain.values import Instant, StrictValue

router = APIRouter(prefix="/v1/credit-notes", tags=["invoices"])


class _Position(StrictValue):
    issued_at: Instant
    id: str


class CreditNoteQuery(StrictValue):
    customer: Identifier | None = None
    invoice: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


@router.get("", summary="List credit notes, the newest first")
async def list_credit_notes(
    query: Annotated[CreditNoteQuery, Query()], principal: BillingReader, database: Db
) -> Page[CreditNoteSummary]:
    position = position_of(_Position, query.cursor)
    after = None if position is None else (position.issued_at, position.id)
    async with database.transaction() as connection:
        found = await credit_notes.page(connection, after, query.limit + 1, customer=query.customer, invoice=query.invoice)
    return page(found, query.limit, lambda one: cursor_of(_Position(issued_at=one.issued_at, id=one.id)))


@router.get("/{note_id}", summary="Look at one credit note", responses=declares(404))
async def get_credit_note(
    note_id: Annotated[str, Path(max_length=300, examples=["O-1001:invoice:credit:1"])], principal: BillingReader, database: Db
) -> CreditNote:
    """What it takes back, with its tax, and where the money went."""
    async with database.transaction() as connection:
        return await credit_notes.get(connection, note_id)
