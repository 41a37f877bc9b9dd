"""Cancelling a subscription and seeing first what that comes to, as the API and the console both ask for it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from activities.store import catalogue, endings, subscriptions
from api.context import Context
from api.preview_tokens import Token, digest_in, instant_of, token_of
from api.subscriptions import instruct, next_charge
from domain.money import Money
from domain.roles import Principal
from domain.subscriptions.ending import CancelCommand, Cancellation, When
from domain.subscriptions.facts import EndReason
from domain.subscriptions.renewal import next_renewal
from domain.values import Instant, StrictValue, Value


class CancelRequest(StrictValue):
    """`when` is `now`, `period_end`, or an instant. `version` refuses it where the subscription has changed since."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"when": "period_end", "words": "moves to another plan"}]})

    when: When | Instant = When.period_end
    words: Annotated[str, Field(max_length=500)] = ""
    renew: Annotated[bool, Field(description="true: it is cancelled; false: it is not renewed at the end of its period")] = True
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None

    def command(self, by: str) -> CancelCommand:
        reason = EndReason.requested if self.renew else EndReason.not_renewed
        return CancelCommand(when=self.when, by=by, words=self.words, reason=reason, version=self.version)


class CancellationPreview(Cancellation):
    """`token` holds the cancellation to this."""

    token: Token


class Onwards(Value):
    """When a subscription is charged next and how much, before discounts and tax."""

    renewal: Instant | None
    charge: Money | None


async def preview(context: Context, principal: Principal, subscription: str, request: CancelRequest) -> CancellationPreview:
    """What cancelling comes to; nothing is written. Raises NotFound, and Conflict as cancelling does."""
    async with context.database.transaction() as connection:
        made = await endings.preview(connection, subscription, request.command(principal.name))
    return CancellationPreview(**dict(made), token=token_of(context.now(), made))


async def onwards(context: Context, subscription: str) -> Onwards:
    """What goes on where the end that was decided is taken back; nothing is written. Raises NotFound."""
    async with context.database.transaction() as connection:
        facts = (await subscriptions.get(connection, subscription)).subscription.model_copy(update={"ending": None})
        later = await catalogue.moving(connection, facts)
    return Onwards(renewal=next_renewal(facts), charge=next_charge(facts, later))


async def cancel(
    context: Context, principal: Principal, subscription: str, request: CancelRequest, token: str | None = None
) -> Cancellation:
    """`token` is a preview's, and holds it to what that showed. Raises as `instruct`."""
    shown = {} if token is None else {"shown": digest_in(token, context.now()), "as_of": instant_of(token, context.now())}
    asked = request.command(principal.name).model_dump(exclude={"by", "shown", "as_of"})
    return Cancellation.model_validate(await instruct(context, principal, subscription, "cancel", **asked, **shown))
