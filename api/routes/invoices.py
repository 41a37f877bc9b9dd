"""Invoices: what was charged, what will be, and what finance does about it."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import ConfigDict, Field

from activities.store import clocks, collections, customers, invoices, invoicing, legal_entities
from activities.store.billables import Debtor
from activities.store.invoices import InvoiceSummary
from api.context import Context
from api.dependencies import Biller, BillingReader, Ctx, Db, InvoiceId, Key
from api.invoices import InvoiceDetail, PreviewedInvoice, correct, credit, detail, previewed
from api.openapi import declares
from api.paging import Cursor, Limit, Page, cursor_of, page, position_of
from api.preview_tokens import PreviewToken, digest_in
from api.samples import CREDIT
from domain.billing.corrections import Reason
from domain.billing.credit_notes import CreditNote, CreditRequest
from domain.billing.invoice_states import InvoiceState
from domain.errors import BadInput, NotFound
from domain.money import CurrencyCode
from domain.plans import Identifier
from domain.values import Instant, StrictValue

router = APIRouter(prefix="/v1/invoices", tags=["invoices"])


class _Position(StrictValue):
    gathered_at: Instant
    id: str


class InvoiceQuery(StrictValue):
    customer: Identifier | None = None
    state: InvoiceState | None = None
    order: Identifier | None = None
    number: Annotated[str, Field(min_length=1, max_length=30)] | None = None
    legal_entity: Identifier | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class InvoiceRequest(StrictValue):
    """`legal_entity` is the customer's where it is left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"customer": "C-100", "currency": "EUR"}]})

    customer: Identifier
    currency: CurrencyCode
    legal_entity: Identifier | None = None


class InvoicePreviewRequest(InvoiceRequest):
    """`at` is now where it is left out."""

    at: Instant | None = None


class GiveUp(StrictValue):
    reason: Reason


class Reschedule(StrictValue):
    """`issue_date` is a local date of the legal entity, today or later."""

    issue_date: date


@router.get("", summary="List invoices, the newest first")
async def list_invoices(
    query: Annotated[InvoiceQuery, Query()], principal: BillingReader, database: Db
) -> Page[InvoiceSummary]:
    """By when they were begun. `total` of a draft is the sum of its lines before discounts and tax."""
    position = position_of(_Position, query.cursor)
    after = None if position is None else (position.gathered_at, position.id)
    wanted = query.model_dump(exclude={"cursor", "limit"})
    async with database.transaction() as connection:
        found = await invoices.page(connection, after, query.limit + 1, **wanted)
    return page(found, query.limit, lambda one: cursor_of(_Position(gathered_at=one.gathered_at, id=one.id)))


@router.post("/preview", summary="See what a customer would be invoiced", responses=declares(409))
async def preview_invoices(request: InvoicePreviewRequest, principal: BillingReader, context: Ctx) -> list[PreviewedInvoice]:
    """What invoicing everything that is due by then would charge, computed by the functions that issue it; nothing is written.
    There may be several documents, and there is none where nothing is due."""
    debtor = await _debtor(context, request)
    async with context.database.transaction() as connection:
        now = await clocks.business_now(connection, debtor.customer)
    made = await invoicing.preview(context.database, context.taxes, debtor, request.at or now)
    return [previewed(invoice, now) for invoice in made]


@router.post("", summary="Put what a customer is due on drafts now")
async def draft_invoices(request: InvoiceRequest, principal: Biller, context: Ctx) -> list[InvoiceDetail]:
    """As the invoice run does it every few minutes. The drafts stay open for their grace, or are issued by `finalize`; again
    gives the same drafts."""
    debtor = await _debtor(context, request)
    async with context.database.transaction() as connection:
        await invoicing.gather_debtor(connection, debtor, await clocks.business_now(connection, debtor.customer))
        drafts = await invoices.drafts_of(connection, [debtor])
        return [await detail(connection, draft.invoice.id) for draft in drafts]


async def _debtor(context: Context, request: InvoiceRequest) -> Debtor:
    try:
        async with context.database.transaction() as connection:
            customer = await customers.get(connection, request.customer)
            seller = await legal_entities.get(connection, request.legal_entity or customer.legal_entity)
    except NotFound as error:
        raise BadInput(error.kind.replace(" ", "_"), str(error)) from None
    return Debtor(customer=customer.id, legal_entity=seller.id, currency=request.currency)


@router.get("/{invoice_id}", summary="Look at one invoice", responses=declares(404))
async def get_invoice(invoice_id: InvoiceId, principal: BillingReader, database: Db) -> InvoiceDetail:
    """Its lines with how each amount came about, its tax, how it is settled, its credit notes, and who did what to it."""
    async with database.transaction() as connection:
        return await detail(connection, invoice_id)


@router.post("/{invoice_id}/finalize", summary="Issue a draft now", responses=declares(404, 409))
async def finalize_invoice(invoice_id: InvoiceId, principal: Biller, context: Ctx, token: PreviewToken = None) -> InvoiceDetail:
    """From its issue date on. One that is issued already stays as it is; while its tax is not known it waits."""
    shown = {}
    if token is not None:
        async with context.database.transaction() as connection:
            shown = {"shown": digest_in(token, await clocks.business_now_of(connection, invoice_id))}
    return await correct(context, principal, invoice_id, "finalize", **shown)


@router.post("/{invoice_id}/collect", status_code=202, summary="Take what an invoice is due", responses=declares(404, 409))
async def collect_invoice(invoice_id: InvoiceId, principal: Biller, context: Ctx) -> InvoiceDetail:
    """From what the customer has on file. Its process asks the gateway, however long that takes, and `collections` say what
    came of it; until it is decided nothing else can be done to the invoice. 409 where nothing is due or can be charged."""
    async with context.database.transaction() as connection:
        await collections.ask_by_hand(connection, invoice_id, principal.name, context.now())
        return await detail(connection, invoice_id)


@router.post("/{invoice_id}/void", summary="Take back a draft or an unpaid invoice", responses=declares(404, 409))
async def void_invoice(
    invoice_id: InvoiceId, request: Annotated[GiveUp, Body()], principal: Biller, context: Ctx
) -> InvoiceDetail:
    """Its number stays used, and what it took from the customer's balance and prepaid credit is given back. The lines of a
    draft are never invoiced then. What was paid or credited in part is corrected by a credit note."""
    return await correct(context, principal, invoice_id, "void", reason=request.reason)


@router.post("/{invoice_id}/uncollectible", summary="Give up what an invoice is due", responses=declares(404, 409))
async def write_invoice_off(
    invoice_id: InvoiceId, request: Annotated[GiveUp, Body()], principal: Biller, context: Ctx
) -> InvoiceDetail:
    """Money that comes for it later is a recovery."""
    return await correct(context, principal, invoice_id, "write_off", reason=request.reason)


@router.post("/{invoice_id}/reschedule", summary="Issue a draft on another day", responses=declares(404, 409))
async def reschedule_invoice(
    invoice_id: InvoiceId, request: Annotated[Reschedule, Body()], principal: Biller, context: Ctx
) -> InvoiceDetail:
    return await correct(context, principal, invoice_id, "reschedule", issue_date=request.issue_date.isoformat())


@router.post("/{invoice_id}/credit-notes", status_code=201, summary="Issue a credit note", responses=declares(404, 409))
async def credit_invoice(
    invoice_id: InvoiceId,
    request: Annotated[CreditRequest, Body(examples=[CREDIT])],
    principal: Biller,
    context: Ctx,
    key: Key = None,
) -> CreditNote:
    """Over given lines, an amount, or all that is left: first against what is still due, and what the customer has paid becomes
    credit. The same key makes the same credit note; without one, asking again makes another."""
    return await credit(context, principal, invoice_id, request, key)
