"""Fraud lists: who is blocked and who is trusted, whatever the rules say."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from activities.store import fraud_lists
from api.dependencies import Ctx, Db, FraudKeeper, RecordId
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from api.samples import FRAUD_LISTING
from domain.fraud_lists import ListChange, Listed, ListedBy, Listing, ListName, normal

router = APIRouter(prefix="/v1/fraud-lists", tags=["fraud"])


class ListQuery(ById):
    list: ListName | None = None
    by: ListedBy | None = None


@router.get("", summary="List who is blocked and who is trusted")
async def list_listings(query: Annotated[ListQuery, Query()], principal: FraudKeeper, database: Db) -> Page[Listed]:
    """Also those whose time is over, until they are removed."""
    async with database.transaction() as connection:
        found = await fraud_lists.every(connection)
    wanted = (each for each in found if query.list in (None, each.listing.list) and query.by in (None, each.listing.by))
    return slice_by_id({each.id: each for each in wanted}, query)


@router.post("", summary="Block or trust a customer, card, address, e-mail domain or country", responses=declares(409))
async def add_listing(
    listing: Annotated[Listing, Body(examples=[FRAUD_LISTING])], principal: FraudKeeper, context: Ctx
) -> Listed:
    """Holds within a second or two, for orders judged from then on. Again with another reason or end replaces it."""
    now = context.now()
    compared = normal(listing, now)
    async with context.database.transaction() as connection:
        return await fraud_lists.put(connection, compared, principal.name, now)


@router.get("/{listing_id}/versions", summary="List what became of a listing, and by whom", responses=declares(404))
async def list_changes(
    listing_id: RecordId, query: Annotated[ById, Query()], principal: FraudKeeper, database: Db
) -> Page[ListChange]:
    async with database.transaction() as connection:
        found = await fraud_lists.history(connection, listing_id)
    return slice_by_id({f"{each.version:09d}": each for each in found}, query)


@router.delete("/{listing_id}", status_code=204, summary="Take somebody off a fraud list", responses=declares(404))
async def remove_listing(listing_id: RecordId, principal: FraudKeeper, context: Ctx) -> None:
    """Who it was, and why, stays on record."""
    async with context.database.transaction() as connection:
        await fraud_lists.remove(connection, listing_id, principal.name, context.now())
