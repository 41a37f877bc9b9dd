"""Dunning policies: what is done about invoices that are not paid, and when."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from activities.store import dunning_policies
from api.dependencies import Biller, BillingReader, Ctx, Db, RecordId
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from domain.dunning import DEFAULT, SHIPPED, DunningPolicy, PublishedPolicy
from domain.errors import BadInput

router = APIRouter(prefix="/v1/dunning-policies", tags=["invoices"])


@router.get("", summary="List dunning policies")
async def list_policies(
    query: Annotated[ById, Query()], principal: BillingReader, context: Ctx, database: Db
) -> Page[PublishedPolicy]:
    """Version 0 is the one that is shipped, which holds until another of its id is published."""
    async with database.transaction() as connection:
        found = {each.policy.id: each for each in await dunning_policies.every(connection)}
    shipped = PublishedPolicy(policy=SHIPPED, version=0, published_at=context.now(), published_by="turnup")
    return slice_by_id({DEFAULT: shipped} | found, query)


@router.put("/{policy_id}", summary="Publish a dunning policy")
async def put_policy(
    policy_id: RecordId,
    policy: Annotated[DunningPolicy, Body(examples=[SHIPPED.model_dump(mode="json")])],
    principal: Biller,
    context: Ctx,
) -> PublishedPolicy:
    """The next version of it, for invoices that are not paid from now on; cases that are open go by the one they began with."""
    if policy.id != policy_id:
        raise BadInput("id", f"should be {policy_id!r}, as in the address")
    async with context.database.transaction() as connection:
        return await dunning_policies.publish(connection, policy, principal.name, context.now())


@router.get("/{policy_id}/versions", summary="List the versions of a dunning policy", responses=declares(404))
async def list_versions(policy_id: RecordId, principal: BillingReader, database: Db) -> list[PublishedPolicy]:
    """The newest first; the shipped one, version 0, is not among them."""
    async with database.transaction() as connection:
        return await dunning_policies.versions(connection, policy_id)
