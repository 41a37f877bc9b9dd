"""Customers' records."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from activities.store import customers, legal_entities
from activities.store.database import Connection
from api.dependencies import Ctx, Db, RecordId, RecordReader, RecordWriter
from api.openapi import declares
from api.paging import ById, Page, page
from api.samples import CUSTOMER, CUSTOMER_CHANGE
from domain.addresses import Address
from domain.billing.zones import TimeZone
from domain.customers import Customer, CustomerTax, LanguageTag, Risk
from domain.errors import BadInput, Conflict, NotFound
from domain.plans import Identifier
from domain.values import CountryCode, Name, StrictValue

router = APIRouter(prefix="/v1/customers", tags=["customers"])


class CustomerChange(StrictValue):
    """Only what should be otherwise. Null takes away what may be absent."""

    name: Name | None = None
    email: str | None = None
    country: CountryCode | None = None
    verified: bool | None = None
    risk: Risk | None = None
    payment_method: str | None = None
    tax: CustomerTax | None = None
    address: Address | None = None
    language: LanguageTag | None = None
    timezone: TimeZone | None = None
    legal_entity: Identifier | None = None


@router.post("", status_code=201, summary="Add a customer", responses=declares(409))
async def create_customer(
    customer: Annotated[Customer, Body(examples=[CUSTOMER])], principal: RecordWriter, context: Ctx, response: Response
) -> Customer:
    async with context.database.transaction() as connection:
        await _check_legal_entity(connection, customer)
        if await customers.put(connection, customer, context.now()) > 1:
            raise Conflict(f"there is already a customer {customer.id}; change it with PATCH /v1/customers/{customer.id}")
    response.headers["Location"] = f"/v1/customers/{customer.id}"
    return customer


@router.get("", summary="List customers")
async def list_customers(query: Annotated[ById, Query()], principal: RecordReader, database: Db) -> Page[Customer]:
    async with database.transaction() as connection:
        found = await customers.page(connection, query.cursor, query.limit + 1)
    return page(found, query.limit, lambda customer: customer.id)


@router.get("/{customer_id}", summary="Look at one customer", responses=declares(404))
async def get_customer(customer_id: RecordId, principal: RecordReader, database: Db) -> Customer:
    async with database.transaction() as connection:
        return await customers.get(connection, customer_id)


@router.put("/{customer_id}", summary="Add or replace a customer")
async def put_customer(
    customer_id: RecordId,
    customer: Annotated[Customer, Body(examples=[CUSTOMER])],
    principal: RecordWriter,
    context: Ctx,
) -> Customer:
    """Orders that wait for this customer look again."""
    if customer.id != customer_id:
        raise BadInput("id", f"should be {customer_id!r}, as in the address")
    async with context.database.transaction() as connection:
        await _check_legal_entity(connection, customer)
        await customers.put(connection, customer, context.now())
    return customer


@router.patch("/{customer_id}", summary="Change a customer", responses=declares(404))
async def patch_customer(
    customer_id: RecordId,
    change: Annotated[CustomerChange, Body(examples=[CUSTOMER_CHANGE])],
    principal: RecordWriter,
    context: Ctx,
) -> Customer:
    """Orders that wait for this customer look again: `{"verified": true}` lets those go on that need a verified one."""
    async with context.database.transaction() as connection:
        before = await customers.get(connection, customer_id, lock=True)
        after = _changed(before, change)
        await _check_legal_entity(connection, after)
        await customers.put(connection, after, context.now())
    return after


async def _check_legal_entity(connection: Connection, customer: Customer) -> None:
    try:
        await legal_entities.get(connection, customer.legal_entity)
    except NotFound as error:
        raise BadInput("legal_entity", f"{error}; set it up with PUT /v1/legal-entities/{customer.legal_entity}") from None


def _changed(before: Customer, change: CustomerChange) -> Customer:
    try:
        return Customer.model_validate(before.model_dump() | change.model_dump(exclude_unset=True))
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from None
