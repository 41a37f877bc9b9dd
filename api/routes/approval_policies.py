"""Approval policies: which orders need whose agreement."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from activities.store import policies
from api.dependencies import Db, RecordId, RecordReader, RecordWriter
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from api.samples import POLICY
from domain.approvals import ApprovalPolicy
from domain.errors import BadInput

router = APIRouter(prefix="/v1/approval-policies", tags=["approval policies"])


@router.get("", summary="List approval policies")
async def list_policies(query: Annotated[ById, Query()], principal: RecordReader, database: Db) -> Page[ApprovalPolicy]:
    async with database.transaction() as connection:
        found = await policies.every(connection)
    return slice_by_id({policy.id: policy for policy in found}, query)


@router.put("/{policy_id}", summary="Add or replace an approval policy")
async def put_policy(
    policy_id: RecordId,
    policy: Annotated[ApprovalPolicy, Body(examples=[POLICY])],
    principal: RecordWriter,
    database: Db,
) -> ApprovalPolicy:
    """Holds for orders placed from now on."""
    if policy.id != policy_id:
        raise BadInput("id", f"should be {policy_id!r}, as in the address")
    async with database.transaction() as connection:
        await policies.put(connection, policy)
    return policy


@router.delete("/{policy_id}", status_code=204, summary="Remove an approval policy", responses=declares(404))
async def delete_policy(policy_id: RecordId, principal: RecordWriter, database: Db) -> None:
    """Orders accepted under it keep it."""
    async with database.transaction() as connection:
        await policies.remove(connection, policy_id)
