"""Services: what customers have. They are written by the processes that run them, never from here."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from activities.store import services
from activities.store.services import Service
from api.dependencies import Db, RecordReader
from api.openapi import declares
from api.paging import ById, Page, page
from domain.plans import Identifier

router = APIRouter(prefix="/v1/services", tags=["services"])


class ServiceQuery(ById):
    customer: Identifier | None = None
    order: Annotated[str, Field(max_length=40)] | None = None


@router.get("", summary="List services")
async def list_services(query: Annotated[ServiceQuery, Query()], principal: RecordReader, database: Db) -> Page[Service]:
    async with database.transaction() as connection:
        found = await services.page(connection, query.cursor, query.limit + 1, query.customer, query.order)
    return page(found, query.limit, lambda service: service.id)


@router.get("/{service_id}", summary="Look at one service", responses=declares(404))
async def get_service(
    service_id: Annotated[str, Path(max_length=200, examples=["O-1001:1"])], principal: RecordReader, database: Db
) -> Service:
    async with database.transaction() as connection:
        return await services.get(connection, service_id)
