"""What is held of a customer: all of it given out, or erased."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import StreamingResponse

from activities.store import customers, erasures
from api import privacy
from api.dependencies import Ctx, Db, PrivacyKeeper, RecordId, RecordReader
from api.openapi import declares
from api.paging import ById, Page, page
from domain.privacy import Erasure, ErasureRequest, ErasureState

router = APIRouter(prefix="/v1", tags=["privacy"])

_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}, "description": "By table, its rows"}
}


class ErasureQuery(ById):
    state: ErasureState | None = None


@router.get(
    "/customers/{customer_id}/export",
    summary="Everything held of a customer",
    responses={**declares(404), **_DOCUMENT},
    response_class=StreamingResponse,
)
async def export_customer(customer_id: RecordId, principal: PrivacyKeeper, context: Ctx) -> StreamingResponse:
    """One JSON document, a list a kind of record, all of one moment. Tokens of payment methods are left out, since they are as
    good as money. For articles 15 and 20 of the GDPR."""
    async with context.database.transaction() as connection:
        await customers.get(connection, customer_id)
    held_of = {"Content-Disposition": f'attachment; filename="{privacy.file_name(customer_id)}"'}
    return StreamingResponse(privacy.document(context.database, customer_id), media_type="application/json", headers=held_of)


@router.post(
    "/customers/{customer_id}/erasure",
    status_code=202,
    summary="Have a customer erased",
    responses=declares(404, 409),
)
async def erase_customer(
    customer_id: RecordId, request: Annotated[ErasureRequest, Body()], principal: PrivacyKeeper, context: Ctx
) -> Erasure:
    """It is done within a minute or so where nothing is going on with the customer, and else once what `blockers` name is over,
    which is looked at every day and when it is asked for again. What a law needs is kept, and said."""
    async with context.database.transaction() as connection:
        return await erasures.ask(connection, customer_id, request, principal.name, context.now())


@router.get("/customers/{customer_id}/erasure", summary="Look at an erasure", responses=declares(404))
async def get_erasure(customer_id: RecordId, principal: RecordReader, database: Db) -> Erasure:
    async with database.transaction() as connection:
        return await erasures.get(connection, customer_id)


@router.delete("/customers/{customer_id}/erasure", status_code=204, summary="Withdraw an erasure", responses=declares(404, 409))
async def withdraw_erasure(customer_id: RecordId, principal: PrivacyKeeper, database: Db) -> None:
    """Only as long as it waits."""
    async with database.transaction() as connection:
        await erasures.withdraw(connection, customer_id)


@router.get("/erasures", summary="List erasures")
async def list_erasures(query: Annotated[ErasureQuery, Query()], principal: RecordReader, database: Db) -> Page[Erasure]:
    """In order of customer."""
    async with database.transaction() as connection:
        found = await erasures.page(connection, query.cursor, query.limit + 1, query.state)
    return page(found, query.limit, lambda each: each.customer)
