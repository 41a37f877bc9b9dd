"""Dunning cases: what is being done about invoices that are not paid."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from activities.store import clocks, dunning_views, invoices
from activities.store.dunning_views import DunningLine, DunningView
from api.dependencies import BillingReader, Db, InvoiceId
from api.openapi import declares
from api.paging import ById, Page, page
from domain.dunning import CaseState
from domain.plans import Identifier

router = APIRouter(prefix="/v1/dunning-cases", tags=["invoices"])


class CaseQuery(ById):
    """`subscription` finds the cases of invoices that it is on."""

    customer: Identifier | None = None
    subscription: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,200}$")] | None = None
    state: CaseState | None = None


@router.get("", summary="List dunning cases")
async def list_cases(query: Annotated[CaseQuery, Query()], principal: BillingReader, database: Db) -> Page[DunningLine]:
    """In order of invoice."""
    wanted = query.model_dump(include={"customer", "subscription", "state"})
    async with database.transaction() as connection:
        found = await dunning_views.page(connection, query.cursor, query.limit + 1, **wanted)
    return page(found, query.limit, lambda one: one.invoice)


@router.get("/{invoice_id}", summary="Look at the dunning case of an invoice", responses=declares(404))
async def get_case(invoice_id: InvoiceId, principal: BillingReader, database: Db) -> DunningView:
    """What was done when, what comes when, how many charges are left, and why the next step waits."""
    async with database.transaction() as connection:
        customer = (await invoices.get(connection, invoice_id)).invoice.customer
        return await dunning_views.get(connection, invoice_id, await clocks.business_now(connection, customer))
