"""Changing a subscription: to another plan or quantity, and pausing it."""

from typing import Annotated

from fastapi import APIRouter, Body, Path
from pydantic import ConfigDict, Field

from activities.runtime.changes import taxed
from activities.store import change_requests
from api.dependencies import Ctx, SubscriptionKeeper
from api.openapi import declares
from api.preview_tokens import PreviewToken, Token, digest_in, instant_of, token_of
from api.routes.subscriptions import Said, SubscriptionId
from api.subscriptions import SubscriptionDetail, detail, instruct
from domain.plans import Identifier
from domain.subscriptions.changes import Change, ChangeCommand
from domain.subscriptions.ending import When
from domain.values import Instant, Quantity, StrictValue

router = APIRouter(prefix="/v1/subscriptions/{subscription}", tags=["subscriptions"])
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class ChangeRequest(StrictValue):
    """`when` is `now`, `period_end`, or an instant; left out, what costs less begins with the next period and what costs more
    at once. `version` refuses it where the subscription has changed since."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"plan": "crm-pro", "when": "now", "version": 1}]})

    plan: Identifier | None = None
    quantity: Quantity | None = None
    when: When | Instant | None = None
    words: Annotated[str, Field(max_length=500)] = ""
    version: Version | None = None


class ChangePreview(Change):
    """`token` holds the change to this."""

    token: Token


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
    command = ChangeCommand(by=principal.name, **dict(request))
    made = await taxed(
        context.database,
        context.taxes,
        lambda connection, answers: change_requests.preview(connection, context.taxes, answers, subscription, command),
    )
    return ChangePreview(**dict(made), token=token_of(context.now(), made))


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
    shown = {} if token is None else {"shown": digest_in(token, context.now()), "as_of": instant_of(token, context.now())}
    return Change.model_validate(await instruct(context, principal, subscription, "change", **dict(request), **shown))


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
        return await detail(connection, subscription)


@router.post("/resume", summary="Let a paused subscription go on", responses=declares(404, 409))
async def resume(subscription: SubscriptionId, principal: SubscriptionKeeper, context: Ctx) -> SubscriptionDetail:
    """From now on. One that is to be paused later is not paused."""
    await instruct(context, principal, subscription, "resume")
    async with context.database.transaction() as connection:
        return await detail(connection, subscription)
