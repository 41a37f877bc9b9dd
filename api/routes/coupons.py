"""Coupons: what they take off, and who redeemed them."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from activities.store import coupons
from activities.store.coupons import StoredCoupon, StoredRedemption
from api.dependencies import Biller, BillingReader, Ctx, Db, RecordId
from api.openapi import declares
from api.paging import ById, Page, page
from api.samples import COUPON
from domain.billing.coupons import Coupon
from domain.errors import BadInput

router = APIRouter(prefix="/v1/coupons", tags=["coupons"])


class CouponRecord(Coupon):
    """`redeemed` is how often it counts as redeemed: what was redeemed for an order that came to nothing counts no more."""

    redeemed: int


@router.get("", summary="List coupons")
async def list_coupons(query: Annotated[ById, Query()], principal: BillingReader, database: Db) -> Page[CouponRecord]:
    async with database.transaction() as connection:
        found = await coupons.page(connection, query.cursor, query.limit + 1)
    return page([_shown(each) for each in found], query.limit, lambda coupon: coupon.id)


@router.get("/{coupon_id}", summary="Look at one coupon", responses=declares(404))
async def get_coupon(coupon_id: RecordId, principal: BillingReader, database: Db) -> CouponRecord:
    async with database.transaction() as connection:
        return _shown(await coupons.get(connection, coupon_id))


@router.put("/{coupon_id}", summary="Add or replace a coupon", responses=declares(409))
async def put_coupon(
    coupon_id: RecordId, coupon: Annotated[Coupon, Body(examples=[COUPON])], principal: Biller, context: Ctx
) -> CouponRecord:
    """Who has redeemed it keeps it as it was then. A limit below what was redeemed is refused."""
    if coupon.id != coupon_id:
        raise BadInput("id", f"should be {coupon_id!r}, as in the address")
    async with context.database.transaction() as connection:
        await coupons.put(connection, coupon, context.now())
        return _shown(await coupons.get(connection, coupon_id))


@router.get("/{coupon_id}/redemptions", summary="List who redeemed a coupon", responses=declares(404))
async def list_redemptions(
    coupon_id: RecordId, query: Annotated[ById, Query()], principal: BillingReader, database: Db
) -> Page[StoredRedemption]:
    async with database.transaction() as connection:
        await coupons.get(connection, coupon_id)
        found = await coupons.redemptions_page(connection, coupon_id, query.cursor, query.limit + 1)
    return page(found, query.limit, lambda each: each.redemption.key)


def _shown(stored: StoredCoupon) -> CouponRecord:
    return CouponRecord(**dict(stored.coupon), redeemed=stored.redeemed)
