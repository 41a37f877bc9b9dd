"""Changing a subscription and seeing first what that comes to, as the API and the console both ask for it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from activities.runtime.changes import taxed
from activities.store import change_requests
from api.context import Context
from api.preview_tokens import Token, digest_in, instant_of, token_of
from api.subscriptions import instruct
from domain.plans import Identifier
from domain.roles import Principal
from domain.subscriptions.changes import Change, ChangeCommand
from domain.subscriptions.ending import When
from domain.values import Instant, Quantity, StrictValue

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


async def preview(context: Context, principal: Principal, subscription: str, request: ChangeRequest) -> ChangePreview:
    """What a change comes to; nothing is written. Raises NotFound, BadInput, and Conflict as changing does."""
    command = ChangeCommand(by=principal.name, **dict(request))
    made = await taxed(
        context.database,
        context.taxes,
        lambda connection, answers: change_requests.preview(connection, context.taxes, answers, subscription, command),
    )
    return ChangePreview(**dict(made), token=token_of(context.now(), made))


async def change(
    context: Context, principal: Principal, subscription: str, request: ChangeRequest, token: str | None = None
) -> Change:
    """`token` is a preview's, and holds it to what that showed. Raises as `instruct`."""
    shown = {} if token is None else {"shown": digest_in(token, context.now()), "as_of": instant_of(token, context.now())}
    return Change.model_validate(await instruct(context, principal, subscription, "change", **dict(request), **shown))
