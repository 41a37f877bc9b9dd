"""Prices: what a plan costs in one currency."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from activities.store import catalogue
from api.dependencies import Ctx, Placer, RecordId, RecordReader, RecordWriter
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from api.price_preview import PricePreview, PricePreviewRequest, preview_price
from api.publishing import Published, add, replace
from api.samples import PRICE
from domain.catalogue import Price
from domain.plans import Identifier

router = APIRouter(prefix="/v1/prices", tags=["catalogue"])


class PriceQuery(ById):
    plan: Identifier | None = None


@router.post("", status_code=201, summary="Publish a new price", responses=declares(409))
async def create_price(
    price: Annotated[Price, Body(examples=[PRICE])], principal: RecordWriter, context: Ctx, response: Response
) -> Published:
    published = await add(context, price)
    response.headers["Location"] = f"/v1/prices/{price.id}"
    return published


@router.post("/preview", summary="See what a plan costs")
async def preview_plan(request: PricePreviewRequest, principal: Placer, context: Ctx) -> PricePreview:
    """What is due at the start, line by line, with how each amount comes about."""
    return await preview_price(context, principal, request)


@router.get("", summary="List prices as they are now")
async def list_prices(query: Annotated[PriceQuery, Query()], principal: RecordReader, context: Ctx) -> Page[Price]:
    async with context.database.transaction() as connection:
        current = await context.catalogues.current(connection)
    return slice_by_id({key: price for key, price in current.prices.items() if query.plan in (None, price.plan)}, query)


@router.get("/{price_id}", summary="Look at one price", responses=declares(404))
async def get_price(price_id: RecordId, principal: RecordReader, context: Ctx) -> Price:
    async with context.database.transaction() as connection:
        return await catalogue.get(connection, Price, price_id)


@router.put("/{price_id}", summary="Publish a price's next version")
async def put_price(
    price_id: RecordId, price: Annotated[Price, Body(examples=[PRICE])], principal: RecordWriter, context: Ctx
) -> Published:
    """Orders accepted before keep the version they were accepted with."""
    return await replace(context, price_id, price)
