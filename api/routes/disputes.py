"""Disputes: what payers have taken back through their banks, and what finance does about it."""

import asyncio
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from pydantic import ConfigDict

from activities.runtime.processes import Ended
from activities.store import after_payment_policy, disputes
from api.commands import PATIENCE
from api.context import Context
from api.dependencies import Biller, BillingReader, Ctx, Db
from api.openapi import declares
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from domain.disputes import AfterPaymentPolicy, Dispute, DisputeState
from domain.errors import BadInput, Conflict, Unavailable
from domain.gateway_events import Text
from domain.plans import Identifier
from domain.roles import Principal
from domain.values import Instant, StrictValue

router = APIRouter(prefix="/v1", tags=["disputes"])

DisputeId = Annotated[str, Path(max_length=350, examples=["sandbox:dp_1"])]


class EvidenceBody(StrictValue):
    """Texts that a person at the payer's bank may read, each of at most 20,000 characters."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"product": "CRM for teams", "explanation": "used every day until yesterday"}]}
    )

    product: Text = ""
    customer_name: Text = ""
    service_date: Text = ""
    access_log: Text = ""
    explanation: Text = ""


class _Position(StrictValue):
    opened_at: Instant
    id: str


class DisputeQuery(StrictValue):
    state: DisputeState | None = None
    customer: Identifier | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


@router.get("/disputes", summary="List disputes, the newest first")
async def list_disputes(query: Annotated[DisputeQuery, Query()], principal: BillingReader, database: Db) -> Page[Dispute]:
    """`deadline` is when evidence is due."""
    position = position_of(_Position, query.cursor)
    after = None if position is None else (position.opened_at, position.id)
    async with database.transaction() as connection:
        found = await disputes.page(connection, after, query.limit + 1, state=query.state, customer=query.customer)
    return page(found, query.limit, lambda one: cursor_of(_Position(opened_at=one.opened_at, id=one.id)))


@router.get("/disputes/{dispute_id}", summary="Look at one dispute", responses=declares(404))
async def get_dispute(dispute_id: DisputeId, principal: BillingReader, database: Db) -> Dispute:
    async with database.transaction() as connection:
        return await disputes.get(connection, dispute_id)


@router.post("/disputes/{dispute_id}/evidence", summary="Contest a dispute", responses=declares(404, 409))
async def post_evidence(
    dispute_id: DisputeId, body: Annotated[EvidenceBody, Body()], principal: Biller, context: Ctx
) -> Dispute:
    """Submitted to the gateway once, before the deadline; the same again changes nothing."""
    if not any(body.model_dump().values()):
        raise BadInput("explanation", "give at least one text that speaks for the payment")
    return await ask(context, dispute_id, "evidence", principal, evidence=body.model_dump())


@router.post("/disputes/{dispute_id}/accept", summary="Give in to a dispute", responses=declares(404, 409))
async def accept_dispute(dispute_id: DisputeId, principal: Biller, context: Ctx) -> Dispute:
    """No evidence is submitted any more; the gateway will say that it is lost."""
    return await ask(context, dispute_id, "accept", principal)


@router.post("/disputes/{dispute_id}/release", summary="Let charges and access go on", responses=declares(404, 409))
async def release_dispute(dispute_id: DisputeId, principal: Biller, context: Ctx) -> Dispute:
    """Of one that is lost: what is won is let go by itself."""
    return await ask(context, dispute_id, "release", principal)


@router.get("/after-payment-policy", summary="What disputes and returned debits do")
async def get_policy(principal: BillingReader, database: Db) -> AfterPaymentPolicy:
    async with database.transaction() as connection:
        return await after_payment_policy.get(connection)


@router.put("/after-payment-policy", summary="Decide what disputes and returned debits do")
async def put_policy(policy: Annotated[AfterPaymentPolicy, Body()], principal: Biller, database: Db) -> AfterPaymentPolicy:
    """For what is opened from now on."""
    async with database.transaction() as connection:
        await after_payment_policy.put(connection, policy)
    return policy


async def ask(context: Context, dispute: str, update: str, principal: Principal, **asked: Any) -> Dispute:
    """Through its process, which writes it. Raises NotFound, BadInput, Conflict, Unavailable."""
    async with context.database.transaction() as connection:
        await disputes.get(connection, dispute)
    argument = {"dispute": dispute, "by": principal.name, **asked}
    try:
        async with asyncio.timeout(PATIENCE):
            await context.processes.contest(dispute, update, argument, f"{update}:{uuid.uuid4().hex}")
    except TimeoutError:
        raise Unavailable(
            f"dispute {dispute} does not answer now; it may still do as asked, so look before asking again"
        ) from None
    except Ended:
        raise Conflict(f"dispute {dispute} was being changed; ask again") from None
    async with context.database.transaction() as connection:
        return await disputes.get(connection, dispute)
