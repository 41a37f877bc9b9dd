"""Changing a subscription: to another plan or quantity, and pausing it."""

from typing import Annotated

from fastapi import APIRouter, Body, Path
from pydantic import ConfigDict

from api import subscription_changes
from api.dependencies import Ctx, SubscriptionKeeper
from api.openapi import declares
from api.preview_tokens import PreviewToken
from api.routes.subscriptions import Said, SubscriptionId
from api.subscription_changes import ChangePreview, ChangeRequest, Version
from api.subscriptions import SubscriptionDetail, detail, instruct
from domain.subscriptions.changes import Change
from domain.subscriptions.ending import When
from domain.values import Instant, StrictValue

router = APIRouter(prefix="/v1/subscriptions/{subscription}", tags=["subscriptions"])


class PauseRequest(StrictValue):
    """`when` is `now`, `period_end`, or an instant; `until` is when it goes on by itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"when": "now", "until": "2026-12-31T00:00:00Z"}]})

    when: When | Instant = When.now
    until: Instant | None = None
    version: Version | None = None


@router.post("/changes/preview", summary="See what a change comes to", responses=declares(404, 409))
async def preview_change(
    subscription: SubscriptionId, request: Annotated[ChangeRequest, Body()], principal: SubscriptionKeeper, context: Ctx
) -> ChangePreview:
    """Computed by what changes it; nothing is written."""
    return await subscription_changes.preview(context, principal, subscription, request)


@router.post("/changes", summary="Change a subscription", responses=declares(404, 409))
async def change(
    subscription: SubscriptionId,
    request: Annotated[ChangeRequest, Body()],
    principal: SubscriptionKeeper,
    context: Ctx,
    token: PreviewToken = None,
) -> Change:
    """At once it holds only if its payment succeeds and every system has done its part: else 409 says why, and all is as it
    was."""
    return await subscription_changes.change(context, principal, subscription, request, token)


@router.delete("/changes/{number}", summary="Not make a change that is decided", responses=declares(404, 409))
async def drop_change(
    subscription: SubscriptionId,
    number: Annotated[int, Path(ge=1, le=2**31 - 1)],
    principal: SubscriptionKeeper,
    context: Ctx,
) -> Said:
    return Said(message=str(await instruct(context, principal, subscription, "drop_change", number=number)))


@router.post("/pause", summary="Pause a subscription", responses=declares(404, 409))
async def pause(
    subscription: SubscriptionId, request: Annotated[PauseRequest, Body()], principal: SubscriptionKeeper, context: Ctx
) -> SubscriptionDetail:
    """Nothing is billed and nothing may be used. What was billed for the time is given back, or is there again afterwards, by
    policy."""
    await instruct(context, principal, subscription, "pause", **dict(request))
    async with context.database.transaction() as connection:
        return await detail(connection, principal, subscription)


@router.post("/resume", summary="Let a paused subscription go on", responses=declares(404, 409))
async def resume(subscription: SubscriptionId, principal: SubscriptionKeeper, context: Ctx) -> SubscriptionDetail:
    """From now on. One that is to be paused later is not paused."""
    await instruct(context, principal, subscription, "resume")
    async with context.database.transaction() as connection:
        return await detail(connection, principal, subscription)
