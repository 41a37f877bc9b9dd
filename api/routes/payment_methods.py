"""Payment methods: what customers have on file to pay with, and which of it is charged for what."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from activities.store import collections, customers, payment_methods
from activities.store.database import Connection
from activities.store.payment_methods import MethodEvent
from api import methods
from api.dependencies import BillingReader, Ctx, MethodKeeper
from api.methods import MethodRequest, TokenRequest
from api.openapi import declares
from api.paging import ById, Page, page
from domain.customers import PaymentMethod
from domain.payment_methods import MethodKind, MethodState, StoredMethod
from domain.plans import Identifier
from domain.values import Instant, StrictValue, Value

router = APIRouter(tags=["payment methods"])
ROOT = "/v1/payment-methods"
OWN = "/v1/subscriptions/{subscription}/payment-method"
MethodId = Annotated[str, Path(max_length=40, pattern=r"^pm_[a-p]{1,37}$", examples=["pm_abcdefghijklmnopabcdefgh"])]
SubscriptionId = Annotated[str, Path(max_length=200, examples=["S-1001-1"])]


class MethodView(Value):
    """What a person may be shown. `expires_at` is when it is good no more, and `expires_soon` within thirty days; `gateways`
    are those that have a token of it."""

    id: str
    customer: str
    kind: MethodKind
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    fingerprint: str | None
    country: str | None
    mandate: str | None
    gateways: list[str]
    state: MethodState
    default: bool
    added_at: Instant
    expires_at: Instant | None
    expires_soon: bool


class MethodHistory(MethodView):
    events: list[MethodEvent]


class MethodQuery(ById):
    customer: Identifier | None = None
    expiring_before: Instant | None = None


class OwnMethod(StrictValue):
    """`payment_method` is the id of a stored method or a token of the default gateway; null goes back to the customer's
    default."""

    payment_method: PaymentMethod | None


class Charged(Value):
    """`own` is the subscription's, null where it follows the customer's default; `charged` is what is asked for the next
    payment, null where nothing that was given is good."""

    subscription: str
    own: str | None
    charged: str | None


@router.post(ROOT, status_code=201, summary="Add a payment method", responses=declares(409))
async def add_method(request: Annotated[MethodRequest, Body()], principal: MethodKeeper, context: Ctx) -> MethodView:
    """The gateway is asked what the token is. The same token again is the same method, with what the gateway now says of it.
    Where something is past due, it becomes the default unless `default` is false, and is asked for that at once."""
    kept = await methods.add(context, principal, request)
    async with context.database.transaction() as connection:
        return (await _shown(connection, [kept], context.now()))[0]


@router.get(ROOT, summary="List payment methods")
async def list_methods(query: Annotated[MethodQuery, Query()], principal: BillingReader, context: Ctx) -> Page[MethodView]:
    """`expiring_before` narrows to those in use that will be good no more by then."""
    wanted = (query.cursor, query.limit + 1, query.customer, query.expiring_before)
    async with context.database.transaction() as connection:
        found = await _shown(connection, await payment_methods.page(connection, *wanted), context.now())
    return page(found, query.limit, lambda method: method.id)


@router.get(f"{ROOT}/{{method_id}}", summary="Look at one payment method", responses=declares(404))
async def get_method(method_id: MethodId, principal: BillingReader, context: Ctx) -> MethodHistory:
    async with context.database.transaction() as connection:
        shown = (await _shown(connection, [await payment_methods.get(connection, method_id)], context.now()))[0]
        return MethodHistory(**dict(shown), events=await payment_methods.events_of(connection, method_id))


@router.post(f"{ROOT}/{{method_id}}/tokens", summary="Add another gateway's token", responses=declares(404, 409))
async def post_token(
    method_id: MethodId, request: Annotated[TokenRequest, Body()], principal: MethodKeeper, context: Ctx
) -> MethodView:
    """The same card at another gateway, which may then be asked where the first does not answer."""
    kept = await methods.add_token(context, principal, method_id, request)
    async with context.database.transaction() as connection:
        return (await _shown(connection, [kept], context.now()))[0]


@router.post(f"{ROOT}/{{method_id}}/default", summary="Charge this one by default", responses=declares(404, 409))
async def post_default(method_id: MethodId, principal: MethodKeeper, context: Ctx) -> MethodView:
    """Subscriptions with a method of their own keep it."""
    async with context.database.transaction() as connection:
        owner = (await payment_methods.get(connection, method_id)).customer
        customer = await customers.get(connection, owner, lock=True)
        method = await payment_methods.get(connection, method_id, lock=True)
        await methods.make_default(connection, customer, method, principal.name, context.now())
        return (await _shown(connection, [method], context.now()))[0]


@router.delete(f"{ROOT}/{{method_id}}", summary="Take a payment method away", responses=declares(404, 409))
async def delete_method(method_id: MethodId, principal: MethodKeeper, context: Ctx) -> MethodView:
    """It is charged no more; what was paid with it still says so. Refused while an open order is paid with it, or something is
    past due and there is nothing else to pay it with."""
    gone = await methods.take_away(context, principal, method_id)
    async with context.database.transaction() as connection:
        return (await _shown(connection, [gone], context.now()))[0]


@router.get(OWN, summary="What a subscription is charged with", responses=declares(404))
async def get_own(subscription: SubscriptionId, principal: BillingReader, context: Ctx) -> Charged:
    async with context.database.transaction() as connection:
        return await _charged(connection, subscription)


@router.put(OWN, summary="Charge a subscription with a method of its own", responses=declares(404))
async def put_own(
    subscription: SubscriptionId, request: Annotated[OwnMethod, Body()], principal: MethodKeeper, context: Ctx
) -> Charged:
    """What is past due is collected at once."""
    async with context.database.transaction() as connection:
        customer, _ = await payment_methods.owner_and_own(connection, subscription, lock=True)
        await payment_methods.check_usable(connection, request.payment_method, customer)
        await payment_methods.follow_own(connection, subscription, request.payment_method)
        if (own := request.payment_method) is not None:
            await collections.ask_for_past_due(connection, customer, own, principal.name)
        return await _charged(connection, subscription)


async def _charged(connection: Connection, subscription: str) -> Charged:
    customer, own = await payment_methods.owner_and_own(connection, subscription)
    charged = await payment_methods.charged_with(connection, customer, subscription)
    return Charged(subscription=subscription, own=own, charged=charged)


async def _shown(connection: Connection, found: list[StoredMethod], now: Instant) -> list[MethodView]:
    defaults = await payment_methods.defaults_of(connection, {method.customer for method in found})
    return [
        MethodView(
            **dict(method.facts),
            **method.model_dump(include={"id", "customer", "state", "added_at", "expires_at"}),
            gateways=sorted(method.tokens),
            default=defaults.get(method.customer) == method.id,
            expires_soon=method.expires_soon(now),
        )
        for method in found
    ]
