"""Messages: what customers were told, and what has become of it."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from activities.store import messages
from api.dependencies import BillingReader, Db
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from domain.messages import Message
from domain.plans import Identifier
from domain.values import StrictValue

router = APIRouter(prefix="/v1/messages", tags=["messages"])


class _Position(StrictValue):
    seq: Annotated[int, Field(ge=0, le=2**63 - 1)]


class MessageQuery(StrictValue):
    customer: Identifier | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


@router.get("", summary="List messages to customers, the newest first")
async def list_messages(query: Annotated[MessageQuery, Query()], principal: BillingReader, database: Db) -> Page[Message]:
    """With what they say, but for the customer's name and address, which are put in when they are sent."""
    position = position_of(_Position, query.cursor)
    after = None if position is None else position.seq
    async with database.transaction() as connection:
        found = await messages.page(connection, after, query.limit + 1, query.customer)
    shown = page(found, query.limit, lambda one: cursor_of(_Position(seq=one[0])))
    return Page(items=[message for _, message in shown.items], next=shown.next)
