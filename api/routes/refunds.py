"""Refunds: money of a payment that is given back on request."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from pydantic import AfterValidator, ConfigDict, Field

from activities.store import refunds
from api.dependencies import Biller, BillingReader, Ctx, Db, Key
from api.openapi import declares
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from domain import keys
from domain.errors import BadInput
from domain.money import Money
from domain.plans import Identifier
from domain.refunds import AccessAfter, Refund, RefundId, RefundState
from domain.values import Instant, StrictValue

router = APIRouter(prefix="/v1/refunds", tags=["refunds"])

PaymentKey = Annotated[str, Field(min_length=1, max_length=200, examples=["O-1001:payment:1"])]


def _more_than_nothing(amount: Money) -> Money:
    if amount.minor <= 0:
        raise ValueError("must be more than zero")
    return amount


class RefundBody(StrictValue):
    """`amount` is all that is left of the payment where it is not given. `access` says what becomes of what was paid for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "payment": "O-1001:payment:1",
                    "amount": {"minor": 500, "currency": "EUR"},
                    "reason": "two days without service",
                    "access": "keep",
                }
            ]
        }
    )

    payment: PaymentKey
    amount: Annotated[Money, AfterValidator(_more_than_nothing)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    access: AccessAfter
    id: RefundId | None = None


class _Position(StrictValue):
    requested_at: Instant
    id: str


class RefundQuery(StrictValue):
    payment: PaymentKey | None = None
    customer: Identifier | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


@router.post("", status_code=202, summary="Refund a payment, or a part of it", responses=declares(404, 409))
async def post_refund(body: Annotated[RefundBody, Body()], principal: Biller, context: Ctx, key: Key = None) -> Refund:
    """Never more than was captured and is neither refunded nor disputed, also where several are asked for at once: it is
    promised first, then paid out, credited and booked. The same `id` or Idempotency-Key again is the same refund."""
    refund = body.id or (keys.refund_id(principal.key_id, key) if key else None)
    if refund is None:
        raise BadInput("id", "give one, such as R-4711, or an Idempotency-Key: it makes asking twice asking once")
    wanted = Refund(
        id=refund,
        key=keys.requested_refund(body.payment, refund),
        payment=body.payment,
        amount=body.amount or Money.zero("EUR"),
        state=RefundState.reserved,
        reason=body.reason,
        access=body.access,
        requested_by=principal.name,
        requested_at=context.now(),
    )
    async with context.database.transaction() as connection:
        return await refunds.reserve(connection, wanted, whole=body.amount is None)


@router.get("", summary="List refunds, the newest first")
async def list_refunds(query: Annotated[RefundQuery, Query()], principal: BillingReader, database: Db) -> Page[Refund]:
    """Also those of orders' items, whose id is their key."""
    position = position_of(_Position, query.cursor)
    after = None if position is None else (position.requested_at, position.id)
    async with database.transaction() as connection:
        found = await refunds.page(connection, after, query.limit + 1, payment=query.payment, customer=query.customer)
    return page(found, query.limit, lambda one: cursor_of(_Position(requested_at=one.requested_at, id=one.id)))


@router.get("/{refund_id}", summary="Look at one refund", responses=declares(404))
async def get_refund(
    refund_id: Annotated[str, Path(max_length=300, examples=["R-4711"])], principal: BillingReader, database: Db
) -> Refund:
    async with database.transaction() as connection:
        return await refunds.get(connection, refund_id)
