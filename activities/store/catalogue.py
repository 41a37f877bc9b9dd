"""The catalogue: every version of every product, plan and price, and the revision of the whole."""

from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert

from activities.store import dispatches
from activities.store.database import Connection
from activities.store.tables.catalogue import catalogue_entries, catalogue_revision
from domain.catalogue import Catalogue, Plan, Price, Product, check_charged
from domain.checks import capacity_subject
from domain.errors import BadInput, NotFound
from domain.subscriptions.facts import Subscription

Entry = TypeVar("Entry", Product, Plan, Price)
KINDS: dict[type, str] = {Product: "product", Plan: "plan", Price: "price"}
_MOVING = select(catalogue_entries.c.document).where(
    catalogue_entries.c.kind == "price",
    catalogue_entries.c.id == bindparam("id"),
    catalogue_entries.c.version > bindparam("version"),
    catalogue_entries.c.document["moves_existing_at"].astext.is_not(None),
)


async def revision(connection: Connection) -> int:
    return int((await connection.execute(select(catalogue_revision.c.revision))).scalar() or 0)


async def load(connection: Connection) -> Catalogue:
    """Everything current, as of one revision."""
    latest = (
        select(catalogue_entries.c.kind, catalogue_entries.c.id, catalogue_entries.c.document)
        .ext(distinct_on(catalogue_entries.c.kind, catalogue_entries.c.id))
        .order_by(catalogue_entries.c.kind, catalogue_entries.c.id, catalogue_entries.c.version.desc())
    )
    at = await revision(connection)
    rows = (await connection.execute(latest)).all()
    by_kind: dict[str, dict[str, object]] = {"product": {}, "plan": {}, "price": {}}
    for kind, entry_id, document in rows:
        by_kind[kind][entry_id] = document
    found = {"products": by_kind["product"], "plans": by_kind["plan"], "prices": by_kind["price"]}
    return Catalogue.model_validate({"revision": at, **found, "earlier": await _earlier_prices(connection)})


async def _earlier_prices(connection: Connection) -> list[Any]:
    """Versions of prices that a later one, which holds from a date on, does not yet replace."""
    query = text("""
        SELECT document FROM catalogue_entries entry WHERE kind = 'price'
           AND EXISTS (SELECT FROM catalogue_entries later WHERE later.kind = 'price' AND later.id = entry.id
                          AND later.version > entry.version)
           AND NOT EXISTS (SELECT FROM catalogue_entries later WHERE later.kind = 'price' AND later.id = entry.id
                              AND later.version > entry.version AND later.document ->> 'effective_from' IS NULL)
    """)
    return list((await connection.execute(query)).scalars())


async def publish(connection: Connection, entry: Product | Plan | Price, now: datetime) -> int:
    """Publish a new version; returns it. BadInput where it refers to something that is not there.

    Running orders keep the version they were accepted with. Orders that wait for capacity are woken by a changed product.
    """
    bump = insert(catalogue_revision).values(revision=1)
    bump = bump.on_conflict_do_update(index_elements=["only"], set_={"revision": catalogue_revision.c.revision + 1})
    at = (await connection.execute(bump.returning(catalogue_revision.c.revision))).scalar_one()
    await _check_references(connection, entry)
    kind = KINDS[type(entry)]
    version = await _latest_version(connection, kind, entry.id) + 1
    if isinstance(entry, Price):
        entry = entry.model_copy(update={"version": version})
    await connection.execute(
        insert(catalogue_entries).values(
            kind=kind,
            id=entry.id,
            version=version,
            revision=at,
            document=entry.model_dump(mode="json"),
            created_at=now,
        )
    )
    if isinstance(entry, Product):
        subject = capacity_subject(entry.id)
        await dispatches.wake_blocked(connection, [subject], now, f"product:{entry.id}:{version}")
    return version


async def moving(connection: Connection, subscription: Subscription) -> list[Price]:
    """Versions that move existing subscriptions, at whatever date, later than the oldest that a charge of it goes by."""
    price = subscription.price
    oldest = min([price, *(each.price for each in subscription.progress if each.price)], key=lambda each: each.version)
    later = await connection.execute(_MOVING, {"id": price.id, "version": oldest.version})
    return [Price.model_validate(document) for document in later.scalars()]


async def get(connection: Connection, kind: type[Entry], entry_id: str) -> Entry:
    """The current version; raises NotFound."""
    latest = (
        select(catalogue_entries.c.document)
        .where(catalogue_entries.c.kind == KINDS[kind], catalogue_entries.c.id == entry_id)
        .order_by(catalogue_entries.c.version.desc())
        .limit(1)
    )
    document = (await connection.execute(latest)).scalar()
    if document is None:
        raise NotFound(KINDS[kind], entry_id)
    return kind.model_validate(document)


async def capacities(connection: Connection, products: list[str]) -> dict[str, int]:
    """The capacity of those of `products` that have one, by the current catalogue."""
    latest = (
        select(catalogue_entries.c.id, catalogue_entries.c.document["capacity"].label("capacity"))
        .where(catalogue_entries.c.kind == "product", catalogue_entries.c.id.in_(products))
        .ext(distinct_on(catalogue_entries.c.id))
        .order_by(catalogue_entries.c.id, catalogue_entries.c.version.desc())
    )
    return {row.id: int(row.capacity) for row in (await connection.execute(latest)).all() if row.capacity is not None}


async def _latest_version(connection: Connection, kind: str, entry_id: str) -> int:
    highest = select(func.max(catalogue_entries.c.version)).where(
        catalogue_entries.c.kind == kind, catalogue_entries.c.id == entry_id
    )
    return int((await connection.execute(highest)).scalar() or 0)


async def _check_references(connection: Connection, entry: Product | Plan | Price) -> None:
    if isinstance(entry, Plan):
        await _refuse_absent(connection, "product", "product", entry.product)
    if isinstance(entry, Price):
        check_charged(entry)
        await _refuse_absent(connection, "plan", "plan", entry.plan)
        await _refuse_second_price(connection, entry)
        await _refuse_another_kind(connection, entry)
    if isinstance(entry, Product):
        for field in ("requires", "excludes", "prerequisites"):
            for index, other in enumerate(getattr(entry, field)):
                if other == entry.id:
                    raise BadInput(f"{field}[{index}]", f"{other} cannot name itself")
                await _refuse_absent(connection, f"{field}[{index}]", "product", other)


async def _refuse_absent(connection: Connection, field: str, kind: str, entry_id: str) -> None:
    if not await _latest_version(connection, kind, entry_id):
        raise BadInput(field, f"there is no {kind} {entry_id!r}; publish it first")


async def _refuse_second_price(connection: Connection, price: Price) -> None:
    others = await connection.execute(
        text(
            "SELECT id FROM catalogue_entries WHERE kind = 'price' AND id <> :id"
            " AND document->>'plan' = :plan AND document->>'currency' = :currency LIMIT 1"
        ),
        {"id": price.id, "plan": price.plan, "currency": price.currency},
    )
    other = others.scalar()
    if other is not None:
        raise BadInput("currency", f"{price.plan} already has a price in {price.currency}: {other}; change that one")


async def _refuse_another_kind(connection: Connection, price: Price) -> None:
    """Subscriptions are moved within their plan, currency and way of showing tax only."""
    if price.moves_existing_at is None or not await _latest_version(connection, "price", price.id):
        return
    before = await get(connection, Price, price.id)
    for field in ("plan", "currency", "tax_inclusive"):
        if getattr(before, field) != getattr(price, field):
            raise BadInput(field, f"subscriptions cannot be moved from {getattr(before, field)!r}; leave moves_existing_at out")
