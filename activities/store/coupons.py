"""Coupons, and who redeemed them. A coupon's row is locked while it is redeemed, so that its limits hold."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection, among
from activities.store.tables.catalogue import coupon_redemptions, coupons
from domain.billing.coupons import Coupon, Redemption, Tally, redeem
from domain.errors import Conflict, NotFound
from domain.values import Value


class StoredCoupon(Value):
    coupon: Coupon
    redeemed: int


class StoredRedemption(Value):
    """`released` is one that came to nothing, since its order did."""

    redemption: Redemption
    order: str | None = None
    released: bool = False


async def put(connection: Connection, coupon: Coupon, now: datetime) -> None:
    """Create or replace. Who has redeemed it already keeps it as it was. Conflict for a limit below what was redeemed."""
    known = (await connection.execute(select(coupons.c.redeemed).where(coupons.c.id == coupon.id).with_for_update())).scalar()
    if known is not None and coupon.redemption_limit is not None and coupon.redemption_limit < known:
        raise Conflict(f"coupon {coupon.id} has been redeemed {known} times; its redemption_limit cannot be less")
    document = coupon.model_dump(mode="json")
    made = insert(coupons).values(id=coupon.id, document=document, created_at=now)
    await connection.execute(made.on_conflict_do_update(index_elements=["id"], set_={"document": document}))


async def get(connection: Connection, coupon: str, *, lock: bool = False) -> StoredCoupon:
    """Raises NotFound."""
    query = select(coupons).where(coupons.c.id == coupon)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound("coupon", coupon)
    return StoredCoupon(coupon=Coupon.model_validate(row.document), redeemed=row.redeemed)


async def page(connection: Connection, after: str | None, limit: int) -> list[StoredCoupon]:
    """In order of id, those after `after`."""
    query = select(coupons).order_by(coupons.c.id).limit(limit)
    if after is not None:
        query = query.where(coupons.c.id > after)
    rows = (await connection.execute(query)).all()
    return [StoredCoupon(coupon=Coupon.model_validate(row.document), redeemed=row.redeemed) for row in rows]


async def look(connection: Connection, coupon: str, customer: str, now: datetime, *, lock: bool = False) -> Redemption:
    """What redeeming it at `now` gives; nothing is counted. Raises NotFound, and Conflict where it cannot be redeemed."""
    known = await get(connection, coupon, lock=lock)
    own = (coupon_redemptions.c.coupon == coupon, coupon_redemptions.c.customer == customer)
    query = select(coupon_redemptions.c.released, func.count()).where(*own).group_by(coupon_redemptions.c.released)
    count = {released: int(number) for released, number in (await connection.execute(query)).all()}
    tally = Tally(total=known.redeemed, by_customer=count.get(False, 0), released=count.get(True, 0))
    return redeem(known.coupon, customer, tally, now)


async def redeem_for(connection: Connection, redemption: Redemption, order: str | None) -> None:
    """Count a redemption that was looked at with the coupon locked. One for an order takes nothing off any other invoice until
    the order is billed."""
    row = {"key": redemption.key, "coupon": redemption.coupon.id, "customer": redemption.customer, "order_id": order}
    document = redemption.model_dump(mode="json")
    made = insert(coupon_redemptions).values(**row, open=order is None, document=document, redeemed_at=redemption.redeemed_at)
    await connection.execute(made)
    counted = update(coupons).where(coupons.c.id == redemption.coupon.id).values(redeemed=coupons.c.redeemed + 1)
    await connection.execute(counted)


async def release(connection: Connection, redemptions: Sequence[str]) -> None:
    """Redemptions that came to nothing count no longer; one that is released already is left out."""
    counted = (among(coupon_redemptions.c.key, redemptions), ~coupon_redemptions.c.released)
    gone = update(coupon_redemptions).where(*counted).values(released=True, open=False).returning(coupon_redemptions.c.coupon)
    for coupon in sorted((await connection.execute(gone)).scalars()):
        given_back = update(coupons).where(coupons.c.id == coupon).values(redeemed=coupons.c.redeemed - 1)
        await connection.execute(given_back)


async def open_ones(connection: Connection, customer: str) -> list[Redemption]:
    """What the customer holds that still takes something off, in the order it was redeemed; locked."""
    query = (
        select(coupon_redemptions.c.document)
        .where(coupon_redemptions.c.customer == customer, coupon_redemptions.c.open)
        .order_by(coupon_redemptions.c.redeemed_at, coupon_redemptions.c.key)
        .with_for_update()
    )
    return [Redemption.model_validate(row) for row in (await connection.execute(query)).scalars()]


async def by_key(connection: Connection, keys: Collection[str]) -> list[Redemption]:
    """Redemptions that still hold, locked until the transaction ends."""
    known = (among(coupon_redemptions.c.key, keys), ~coupon_redemptions.c.released)
    query = select(coupon_redemptions.c.document).where(*known).order_by(coupon_redemptions.c.key).with_for_update()
    return [Redemption.model_validate(row) for row in (await connection.execute(query)).scalars()]


async def save(connection: Connection, redemptions: Sequence[Redemption]) -> None:
    """As they stand after an invoice."""
    for each in redemptions:
        values: dict[str, Any] = {"open": each.open, "document": each.model_dump(mode="json")}
        await connection.execute(update(coupon_redemptions).where(coupon_redemptions.c.key == each.key).values(**values))


async def redemptions_page(connection: Connection, coupon: str, after: str | None, limit: int) -> list[StoredRedemption]:
    """Of one coupon in order of key, those after `after`."""
    query = select(coupon_redemptions).where(coupon_redemptions.c.coupon == coupon)
    if after is not None:
        query = query.where(coupon_redemptions.c.key > after)
    rows = await connection.execute(query.order_by(coupon_redemptions.c.key).limit(limit))
    return [
        StoredRedemption(redemption=Redemption.model_validate(row.document), order=row.order_id, released=row.released)
        for row in rows.all()
    ]
