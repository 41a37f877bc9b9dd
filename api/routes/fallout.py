"""Fallout: what is stuck, and what an operator decides about it."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from pydantic import Field

from activities.store import views
from activities.store.views import FalloutFilter, FalloutPosition, FalloutRecord
from api import commands
from api.commands import Answered
from api.dependencies import Ctx, Db, Key, Reader, Resolver
from api.openapi import declares
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from api.requests import FalloutAnswer
from domain.fallout import FalloutVerb
from domain.plans import Identifier
from domain.values import StrictValue

router = APIRouter(prefix="/v1/fallout", tags=["fallout"])


class FalloutQuery(StrictValue):
    owner: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    order: Identifier | None = None
    open: Annotated[bool, Field(description="only those that wait for a decision, or only the decided")] | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


@router.get("", summary="List what is stuck, the open first")
async def list_fallout(query: Annotated[FalloutQuery, Query()], principal: Reader, database: Db) -> Page[FalloutRecord]:
    wanted = FalloutFilter(owner=query.owner, order=query.order, open=query.open)
    after = position_of(FalloutPosition, query.cursor)
    async with database.transaction() as connection:
        found = await views.fallout_records(connection, wanted, after, query.limit + 1)
    return page(found, query.limit, _cursor)


@router.post("/{fallout_id}/{verb}", summary="Decide about it", responses=declares(404, 409))
async def resolve_fallout(
    fallout_id: Annotated[str, Path(max_length=200, examples=["O-1001:1:grant:fallout:1"])],
    verb: FalloutVerb,
    principal: Resolver,
    context: Ctx,
    answer: Annotated[FalloutAnswer | None, Body()] = None,
    key: Key = None,
) -> Answered:
    """`retry` tries again, with corrected `data` where given; `resolve` marks it done, with `evidence`; `skip` goes on without
    it and `compensate` gives it up and undoes, each with a `reason`. Who, when and why are kept."""
    return await commands.resolve_fallout(context, principal, fallout_id, verb, answer or FalloutAnswer(), key)


def _cursor(record: FalloutRecord) -> str:
    position = FalloutPosition(open=record.verb is None, opened_at=record.opened_at, id=record.id)
    return cursor_of(position)
