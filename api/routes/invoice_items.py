"""Charges and credits that finance adds by hand, and all that waits to be invoiced."""

from typing import Annotated, Self

from fastapi import APIRouter, Body, Query
from pydantic import ConfigDict, Field, model_validator

from activities.store import billables, clocks, customers, erasures
from api.dependencies import Biller, BillingReader, Ctx, Db, NeededKey
from api.openapi import declares
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from api.samples import INVOICE_ITEM
from domain import keys
from domain.billing.calendar import Period
from domain.billing.gathering import Billable
from domain.billing.lines import InvoiceLine
from domain.customers import Customer
from domain.errors import BadInput, Conflict, NotFound
from domain.money import Money
from domain.orders import MAIN
from domain.plans import Identifier
from domain.values import Instant, StrictValue, Value

router = APIRouter(prefix="/v1/invoice-items", tags=["invoices"])
LARGEST = 10**12
"""In minor units. A document of many of these still adds up to an amount that can be kept."""


class ServicePeriod(Period):
    """From `start`, inclusive, to `end`, exclusive."""

    model_config = ConfigDict(extra="forbid")


class InvoiceItemRequest(StrictValue):
    """`amount` is without tax unless `tax_inclusive`, and a credit where it is below zero. `product` decides how it is taxed;
    `due_at` is when it may be invoiced, at once where it is left out."""

    customer: Identifier
    product: Identifier
    description: Annotated[str, Field(min_length=1, max_length=200)]
    amount: Money
    tax_inclusive: bool = False
    period: ServicePeriod | None = None
    due_at: Instant | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not 0 < abs(self.amount.minor) <= LARGEST:
            raise ValueError(f"amount.minor: must be between 1 and {LARGEST}, or between -{LARGEST} and -1 for a credit")
        return self


class InvoiceItem(Value):
    """`plan` and `subscription` are those of what was not added by hand."""

    id: str
    customer: str
    legal_entity: str
    product: str | None
    plan: str | None
    subscription: str | None
    description: str
    amount: Money
    tax_inclusive: bool
    period: Period | None
    due_at: Instant


class InvoiceItemQuery(StrictValue):
    customer: Identifier
    cursor: Cursor | None = None
    limit: Limit = 50


class _Position(StrictValue):
    due_at: Instant
    id: str


@router.post("", status_code=201, summary="Charge or credit a customer by hand", responses=declares(409))
async def add_invoice_item(
    request: Annotated[InvoiceItemRequest, Body(examples=[INVOICE_ITEM])], principal: Biller, context: Ctx, key: NeededKey
) -> InvoiceItem:
    """It goes on the customer's next invoice. The same key is the same charge, and a conflict where the request differs; so is
    one for a customer who is erased, or has asked to be."""
    async with context.database.transaction() as connection:
        catalogue = await context.catalogues.current(connection)
        if request.product not in catalogue.products:
            raise BadInput("product", f"there is no product {request.product}")
        try:
            customer = await customers.get(connection, request.customer, lock=True)
        except NotFound as error:
            raise BadInput("customer", str(error)) from None
        due_at = request.due_at or await clocks.business_now(connection, customer.id)
        wanted = _billable(request, customer, f"{principal.key_id}:{key}", due_at)
        known = await billables.find(connection, wanted.line.id)
        if known is None:
            await erasures.refuse(connection, customer.id)
            await billables.add(connection, [wanted])
            return _shown(wanted)
    if known.line != wanted.line or (request.due_at and known.due_at != wanted.due_at):
        raise Conflict(f"Idempotency-Key {key!r} has charged something else; use a new key for a new charge")
    return _shown(known)


def _billable(request: InvoiceItemRequest, customer: Customer, key: str, due_at: Instant) -> Billable:
    line = InvoiceLine(
        id=keys.invoice_item(customer.id, key),
        product=request.product,
        charge="manual",
        description=request.description,
        period=request.period,
        amount=request.amount,
        tax_inclusive=request.tax_inclusive,
    )
    return Billable(line=line, customer=customer.id, legal_entity=customer.legal_entity or MAIN, due_at=due_at)


@router.get("", summary="List what a customer is not yet invoiced for, the first due first")
async def list_invoice_items(
    query: Annotated[InvoiceItemQuery, Query()], principal: BillingReader, database: Db
) -> Page[InvoiceItem]:
    position = position_of(_Position, query.cursor)
    after = None if position is None else (position.due_at, position.id)
    async with database.transaction() as connection:
        found = await billables.waiting(connection, query.customer, after, query.limit + 1)
    shown = [_shown(each) for each in found]
    return page(shown, query.limit, lambda one: cursor_of(_Position(due_at=one.due_at, id=one.id)))


def _shown(billable: Billable) -> InvoiceItem:
    return InvoiceItem(**{**dict(billable.line), **dict(billable)})
