"""Plans: ways to have a product, each with the steps that fulfil it."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from activities.store import catalogue
from api.dependencies import Ctx, RecordId, RecordReader, RecordWriter
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from api.publishing import Published, add, replace
from api.samples import PLAN
from domain.catalogue import Plan
from domain.plans import Identifier

router = APIRouter(prefix="/v1/plans", tags=["catalogue"])


class PlanQuery(ById):
    product: Identifier | None = None


@router.post("", status_code=201, summary="Publish a new plan", responses=declares(409))
async def create_plan(
    plan: Annotated[Plan, Body(examples=[PLAN])], principal: RecordWriter, context: Ctx, response: Response
) -> Published:
    published = await add(context, plan)
    response.headers["Location"] = f"/v1/plans/{plan.id}"
    return published


@router.get("", summary="List plans as they are now")
async def list_plans(query: Annotated[PlanQuery, Query()], principal: RecordReader, context: Ctx) -> Page[Plan]:
    async with context.database.transaction() as connection:
        current = await context.catalogues.current(connection)
    return slice_by_id({key: plan for key, plan in current.plans.items() if query.product in (None, plan.product)}, query)


@router.get("/{plan_id}", summary="Look at one plan", responses=declares(404))
async def get_plan(plan_id: RecordId, principal: RecordReader, context: Ctx) -> Plan:
    async with context.database.transaction() as connection:
        return await catalogue.get(connection, Plan, plan_id)


@router.put("/{plan_id}", summary="Publish a plan's next version")
async def put_plan(
    plan_id: RecordId, plan: Annotated[Plan, Body(examples=[PLAN])], principal: RecordWriter, context: Ctx
) -> Published:
    """Running orders keep their version. A plan whose steps form a cycle is refused."""
    return await replace(context, plan_id, plan)
