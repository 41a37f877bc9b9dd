"""Products: what can be ordered."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from activities.store import catalogue
from api.dependencies import Ctx, RecordId, RecordReader, RecordWriter
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from api.publishing import Published, add, replace
from api.samples import PRODUCT
from domain.catalogue import Product

router = APIRouter(prefix="/v1/products", tags=["catalogue"])


@router.post("", status_code=201, summary="Publish a new product", responses=declares(409))
async def create_product(
    product: Annotated[Product, Body(examples=[PRODUCT])], principal: RecordWriter, context: Ctx, response: Response
) -> Published:
    published = await add(context, product)
    response.headers["Location"] = f"/v1/products/{product.id}"
    return published


@router.get("", summary="List products as they are now")
async def list_products(query: Annotated[ById, Query()], principal: RecordReader, context: Ctx) -> Page[Product]:
    async with context.database.transaction() as connection:
        current = await context.catalogues.current(connection)
    return slice_by_id(current.products, query)


@router.get("/{product_id}", summary="Look at one product", responses=declares(404))
async def get_product(product_id: RecordId, principal: RecordReader, context: Ctx) -> Product:
    async with context.database.transaction() as connection:
        return await catalogue.get(connection, Product, product_id)


@router.put("/{product_id}", summary="Publish a product's next version")
async def put_product(
    product_id: RecordId, product: Annotated[Product, Body(examples=[PRODUCT])], principal: RecordWriter, context: Ctx
) -> Published:
    """Orders accepted before keep the version they were accepted with. Orders that wait for capacity look again."""
    return await replace(context, product_id, product)
