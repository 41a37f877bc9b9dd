"""Payments: where each went, by which rule, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from activities.store import attempts
from activities.store.attempts import StoredPayment, Wanted
from api.dependencies import BillingReader, Config, Db
from api.openapi import declares
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from domain import keys
from domain.payments import Outcome
from domain.states import PaymentState
from domain.values import Instant, StrictValue, Value

router = APIRouter(prefix="/v1/payments", tags=["payments"])
PaymentKey = Annotated[str, Path(max_length=200, examples=["O-1001:payment:1"])]
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class PaymentQuery(StrictValue):
    customer: Text | None = None
    order: Text | None = None
    invoice: Text | None = None
    gateway: Text | None = None
    outcome: Outcome | None = None
    state: PaymentState | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class PaymentLinks(Value):
    self: str
    order: str | None = None
    invoice: str | None = None
    console: str


class PaymentDetail(StoredPayment):
    """`asked` are all payments of the same order or invoice in the order in which they were asked for, this one among them:
    where one gateway did nothing or declined for now, the next went to another."""

    asked: list[StoredPayment]
    links: PaymentLinks


class _Position(Value):
    asked_at: Instant
    key: Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]


@router.get("", summary="List payments, the newest first")
async def list_payments(query: Annotated[PaymentQuery, Query()], principal: BillingReader, database: Db) -> Page[StoredPayment]:
    """Those that were sent to a gateway. `looks` say which rules were looked at, and why each decided or did not."""
    after = position_of(_Position, query.cursor)
    wanted = Wanted.model_validate(query.model_dump(exclude={"cursor", "limit"}))
    async with database.transaction() as connection:
        found = await attempts.page(connection, (after.asked_at, after.key) if after else None, query.limit + 1, wanted)
    return page(found, query.limit, lambda each: cursor_of(_Position(asked_at=each.asked_at, key=each.key)))


@router.get("/{payment_key}", summary="Look at one payment", responses=declares(404))
async def get_payment(payment_key: PaymentKey, principal: BillingReader, database: Db, settings: Config) -> PaymentDetail:
    subject = keys.paid_subject(payment_key)
    async with database.transaction() as connection:
        payment = await attempts.get(connection, payment_key)
        asked = await attempts.of_subject(connection, subject)
    return PaymentDetail(**dict(payment), asked=asked, links=_links(settings.public_url or "", payment, subject))


def _links(base: str, payment: StoredPayment, subject: str) -> PaymentLinks:
    return PaymentLinks(
        self=f"{base}/v1/payments/{payment.key}",
        order=f"{base}/v1/orders/{payment.order}" if payment.order else None,
        invoice=None if payment.order else f"{base}/v1/invoices/{subject}",
        console=f"{base}/console/payments/{payment.key}",
    )
