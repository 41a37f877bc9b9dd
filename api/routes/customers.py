"""Customers' records."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from activities.store import collections, customers, erasures, legal_entities, payment_methods, vat_checks, vat_proofs
from activities.store.database import Connection
from api.dependencies import Ctx, Db, RecordId, RecordReader, RecordWriter
from api.openapi import declares
from api.paging import ById, Page, page
from api.samples import CUSTOMER, CUSTOMER_CHANGE
from domain.addresses import Address
from domain.billing.tax.parties import VatProof
from domain.billing.zones import TimeZone
from domain.customers import Customer, CustomerTax, LanguageTag, Risk
from domain.errors import BadInput, Conflict, NotFound
from domain.plans import Identifier
from domain.roles import Principal
from domain.values import CountryCode, Instant, Name, StrictValue, Value

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
    buyer_reference: str | None = None


@router.post("", status_code=201, summary="Add a customer", responses=declares(409))
async def create_customer(
    customer: Annotated[Customer, Body(examples=[CUSTOMER])], principal: RecordWriter, context: Ctx, response: Response
) -> Customer:
    async with context.database.transaction() as connection:
        await _check_references(connection, customer)
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


@router.put("/{customer_id}", summary="Add or replace a customer", responses=declares(409))
async def put_customer(
    customer_id: RecordId,
    customer: Annotated[Customer, Body(examples=[CUSTOMER])],
    principal: RecordWriter,
    context: Ctx,
) -> Customer:
    """Orders that wait for this customer look again; what is past due is collected at once where there is another method."""
    if customer.id != customer_id:
        raise BadInput("id", f"should be {customer_id!r}, as in the address")
    async with context.database.transaction() as connection:
        await erasures.refuse(connection, customer.id)
        await _check_references(connection, customer)
        before = await customers.find(connection, customer_id, lock=True)
        await _put(connection, before, customer, principal, context.now())
    return customer


@router.patch("/{customer_id}", summary="Change a customer", responses=declares(404, 409))
async def patch_customer(
    customer_id: RecordId,
    change: Annotated[CustomerChange, Body(examples=[CUSTOMER_CHANGE])],
    principal: RecordWriter,
    context: Ctx,
) -> Customer:
    """Orders that wait for this customer look again: `{"verified": true}` lets those go on that need a verified one. With
    another `payment_method` what is past due is collected at once."""
    async with context.database.transaction() as connection:
        before = await customers.get(connection, customer_id, lock=True)
        await erasures.refuse(connection, customer_id)
        after = _changed(before, change)
        await _check_references(connection, after)
        await _put(connection, before, after, principal, context.now())
    return after


async def _put(connection: Connection, before: Customer | None, after: Customer, by: Principal, now: datetime) -> None:
    version = await customers.put(connection, after, now)
    if before is not None and after.payment_method not in {None, before.payment_method}:
        await collections.ask_for_past_due(connection, after.id, f"customer:{version}", by.name)


class VatStatus(Value):
    """`proof` is what the register said last about `vat_id`, null where it has not been asked; `due_at` is when it is asked
    again, null for a number that no register of the Union knows."""

    vat_id: str | None
    proof: VatProof | None
    due_at: Instant | None


@router.get("/{customer_id}/vat-check", summary="What the register says of a VAT id", responses=declares(404))
async def get_vat_check(customer_id: RecordId, principal: RecordReader, database: Db) -> VatStatus:
    async with database.transaction() as connection:
        return await _vat_status(connection, customer_id)


@router.post("/{customer_id}/vat-check", status_code=202, summary="Have a VAT id checked now", responses=declares(404, 409))
async def post_vat_check(customer_id: RecordId, principal: RecordWriter, context: Ctx) -> VatStatus:
    """The register is asked within a minute or so, and again where it does not answer; until then tax is charged."""
    async with context.database.transaction() as connection:
        await customers.get(connection, customer_id, lock=True)
        await vat_checks.ask(connection, customer_id, context.now())
        return await _vat_status(connection, customer_id)


async def _vat_status(connection: Connection, customer: str) -> VatStatus:
    vat_id = (await customers.get(connection, customer)).tax.vat_id
    proof = await vat_proofs.latest(connection, vat_id) if vat_id else None
    return VatStatus(vat_id=vat_id, proof=proof, due_at=await vat_checks.next_at(connection, customer))


async def _check_references(connection: Connection, customer: Customer) -> None:
    await payment_methods.check_usable(connection, customer.payment_method, customer.id)
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
