"""Subscriptions: what customers have, what it is charged, what lies ahead, and how it ends."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from pydantic import ConfigDict, Field

from activities.store import subscriptions
from activities.store.subscriptions import StoredEvent
from api import subscription_endings
from api.auth import demand
from api.dependencies import BillingReader, Ctx, Db, SubscriptionKeeper, Suspender
from api.openapi import declares
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from api.preview_tokens import PreviewToken
from api.subscription_endings import CancellationPreview, CancelRequest
from api.subscriptions import SubscriptionDetail, SubscriptionLine, detail, instruct, line
from domain.plans import Identifier
from domain.states import SubscriptionState
from domain.subscriptions.ending import Cancellation
from domain.subscriptions.suspension import Reason
from domain.values import Instant, StrictValue

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])
SubscriptionId = Annotated[str, Path(max_length=200, examples=["S-1001-1"])]


class _Position(StrictValue):
    created_at: Instant
    id: str


class SubscriptionQuery(StrictValue):
    customer: Identifier | None = None
    state: SubscriptionState | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class TimelineQuery(StrictValue):
    """`after` is the number of the last event that was seen."""

    after: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    limit: Limit = 50


class HoldRequest(StrictValue):
    reason: Annotated[str, Field(min_length=1, max_length=500, examples=["lawsuit 4711"])]


class Said(StrictValue):
    message: str


@router.get("", summary="List subscriptions, the newest first")
async def list_subscriptions(
    query: Annotated[SubscriptionQuery, Query()], principal: BillingReader, database: Db
) -> Page[SubscriptionLine]:
    position = position_of(_Position, query.cursor)
    after = None if position is None else (position.created_at, position.id)
    async with database.transaction() as connection:
        found = await subscriptions.page(connection, after, query.limit + 1, customer=query.customer, state=query.state)
    shown = page(found, query.limit, lambda one: cursor_of(_Position(created_at=one.created_at, id=one.subscription.id)))
    return Page(items=[line(one) for one in shown.items], next=shown.next)


@router.get("/{subscription}", summary="Look at one subscription", responses=declares(404))
async def get_subscription(subscription: SubscriptionId, principal: BillingReader, database: Db) -> SubscriptionDetail:
    async with database.transaction() as connection:
        return await detail(connection, principal, subscription)


@router.get("/{subscription}/timeline", summary="What happened to a subscription", responses=declares(404))
async def get_timeline(
    subscription: SubscriptionId, query: Annotated[TimelineQuery, Query()], principal: BillingReader, database: Db
) -> list[StoredEvent]:
    """In order. `at` is business time, `recorded_at` real time."""
    async with database.transaction() as connection:
        await subscriptions.get(connection, subscription)
        return await subscriptions.events(connection, subscription, query.after, query.limit)


@router.post("/{subscription}/cancel/preview", summary="See what a cancellation comes to", responses=declares(404, 409))
async def preview_cancel(
    subscription: SubscriptionId, request: Annotated[CancelRequest, Body()], principal: SubscriptionKeeper, context: Ctx
) -> CancellationPreview:
    """Computed by what cancels; nothing is written."""
    return await subscription_endings.preview(context, principal, subscription, request)


@router.post("/{subscription}/cancel", summary="Cancel a subscription", responses=declares(404, 409))
async def cancel(
    subscription: SubscriptionId,
    request: Annotated[CancelRequest, Body()],
    principal: SubscriptionKeeper,
    context: Ctx,
    token: PreviewToken = None,
) -> Cancellation:
    """The same again changes nothing; another date moves the end. Billing and access end at the same instant."""
    return await subscription_endings.cancel(context, principal, subscription, request, token)


@router.post("/{subscription}/uncancel", summary="Let a cancelled subscription go on", responses=declares(404, 409))
async def uncancel(subscription: SubscriptionId, principal: SubscriptionKeeper, context: Ctx) -> SubscriptionDetail:
    """Until it has ended."""
    await instruct(context, principal, subscription, "uncancel")
    async with context.database.transaction() as connection:
        return await detail(connection, principal, subscription)


@router.put("/{subscription}/legal-hold", summary="Keep its data for a legal reason", responses=declares(404))
async def put_hold(
    subscription: SubscriptionId, request: Annotated[HoldRequest, Body()], principal: SubscriptionKeeper, context: Ctx
) -> Said:
    """It is not taken down as long as the hold is there, also after it has ended."""
    return Said(message=str(await instruct(context, principal, subscription, "hold", reason=request.reason)))


@router.delete("/{subscription}/legal-hold", summary="Lift a legal hold", responses=declares(404))
async def lift_hold(subscription: SubscriptionId, principal: SubscriptionKeeper, context: Ctx) -> Said:
    return Said(message=str(await instruct(context, principal, subscription, "hold", reason="")))


class SuspendRequest(StrictValue):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "request", "words": "on holiday"}]})

    reason: Reason = Reason.request
    words: Annotated[str, Field(max_length=500)] = ""


class UnsuspendRequest(StrictValue):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "request"}]})

    reason: Reason = Reason.request


@router.post("/{subscription}/suspend", summary="Close access for a reason", responses=declares(404, 409))
async def suspend(
    subscription: SubscriptionId, request: Annotated[SuspendRequest, Body()], principal: Suspender, context: Ctx
) -> Said:
    """Access is closed until each reason it was closed for is lifted. Again changes nothing."""
    demand(principal, request.reason.right)
    asked = {"reason": request.reason, "words": request.words}
    return Said(message=str(await instruct(context, principal, subscription, "suspend", **asked)))


@router.post("/{subscription}/unsuspend", summary="Lift one reason why access is closed", responses=declares(404, 409))
async def unsuspend(
    subscription: SubscriptionId, request: Annotated[UnsuspendRequest, Body()], principal: Suspender, context: Ctx
) -> Said:
    """What was closed for want of payment is opened by paying, and by nothing else."""
    demand(principal, request.reason.right)
    return Said(message=str(await instruct(context, principal, subscription, "unsuspend", reason=request.reason)))
