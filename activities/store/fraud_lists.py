"""Who is blocked and who is trusted, with who put them there and took them away."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.payments import fraud_lists
from domain.errors import Conflict, NotFound
from domain.fraud_lists import MOST_LISTED, FraudLists, ListChange, Listed, Listing


async def put(connection: Connection, listing: Listing, by: str, now: datetime) -> Listed:
    """The next version of it, or the one that holds where it says the same. Conflict where the lists are full."""
    before = await _last(connection, listing.id)
    document = listing.model_dump(mode="json")
    if before is not None and before.document == document:
        return _listed(before)
    if (before is None or before.document is None) and len(await every(connection)) >= MOST_LISTED:
        raise Conflict(f"{MOST_LISTED} are listed; remove some first")
    version = before.version + 1 if before is not None else 1
    row = {"id": listing.id, "version": version, "document": document, "published_at": now, "published_by": by}
    await connection.execute(insert(fraud_lists).values(**row))
    return Listed(id=listing.id, listing=listing, version=version, listed_at=now, listed_by=by)


async def remove(connection: Connection, listing: str, by: str, now: datetime) -> None:
    """Raises NotFound where it is not listed."""
    before = await _last(connection, listing)
    if before is None or before.document is None:
        raise NotFound("listing", listing)
    row = {"id": listing, "version": before.version + 1, "document": None, "published_at": now, "published_by": by}
    await connection.execute(insert(fraud_lists).values(**row))


async def _last(connection: Connection, listing: str) -> Any:
    """The newest version, nobody else changing a list until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("fraud_lists", 0))))
    query = select(fraud_lists).where(fraud_lists.c.id == listing).order_by(fraud_lists.c.version.desc()).limit(1)
    return (await connection.execute(query)).first()


async def every(connection: Connection) -> list[Listed]:
    """Those on a list, also where their time is over, by id."""
    newest = select(fraud_lists.c.id, func.max(fraud_lists.c.version).label("version")).group_by(fraud_lists.c.id).subquery()
    together = and_(fraud_lists.c.id == newest.c.id, fraud_lists.c.version == newest.c.version)
    query = select(fraud_lists).join(newest, together).where(fraud_lists.c.document.is_not(None)).order_by(fraud_lists.c.id)
    return [_listed(row) for row in await connection.execute(query)]


async def history(connection: Connection, listing: str) -> list[ListChange]:
    """All that became of it, the oldest first. Raises NotFound."""
    query = select(fraud_lists).where(fraud_lists.c.id == listing).order_by(fraud_lists.c.version)
    found = [
        ListChange(version=row.version, listing=row.document, at=row.published_at, by=row.published_by)
        for row in await connection.execute(query)
    ]
    if not found:
        raise NotFound("listing", listing)
    return found


async def current(connection: Connection, known: FraudLists) -> FraudLists:
    """`known`, where nothing changed since: rows are only ever added."""
    revision = (await connection.execute(select(func.count()).select_from(fraud_lists))).scalar_one()
    return known if revision == known.revision else FraudLists.of(revision, await every(connection))


def _listed(row: Any) -> Listed:
    return Listed(id=row.id, listing=row.document, version=row.version, listed_at=row.published_at, listed_by=row.published_by)
