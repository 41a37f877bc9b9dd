"""Dunning policies as they were published."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.messages import dunning_policies as table
from domain.dunning import DEFAULT, SHIPPED, DunningPolicy, PublishedPolicy
from domain.errors import NotFound


async def publish(connection: Connection, policy: DunningPolicy, by: str, now: datetime) -> PublishedPolicy:
    """The next version, or the one that holds where it says the same already. Cases that are open keep theirs."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"dunning_policy:{policy.id}", 0))))
    query = select(table).where(table.c.id == policy.id).order_by(table.c.version.desc()).limit(1)
    before = (await connection.execute(query)).mappings().first()
    if before is not None and before["document"] == policy.model_dump(mode="json"):
        return _published(before)
    row = {"id": policy.id, "version": before["version"] + 1 if before else 1, "published_at": now, "published_by": by}
    await connection.execute(insert(table).values(**row, document=policy.model_dump(mode="json")))
    return PublishedPolicy(policy=policy, version=row["version"], published_at=now, published_by=by)


async def every(connection: Connection) -> list[PublishedPolicy]:
    """Those that hold, in order of id."""
    rows = (await connection.execute(select(table).order_by(table.c.id, table.c.version))).mappings()
    return list({row["id"]: _published(row) for row in rows}.values())


async def versions(connection: Connection, policy: str) -> list[PublishedPolicy]:
    """All that were published, the newest first. Raises NotFound."""
    query = select(table).where(table.c.id == policy).order_by(table.c.version.desc())
    found = [_published(row) for row in (await connection.execute(query)).mappings()]
    if not found and policy != DEFAULT:
        raise NotFound("dunning policy", policy)
    return found


async def for_plans(connection: Connection, plans: Collection[str]) -> tuple[DunningPolicy, int]:
    """With its version, which is 0 of the one that is shipped."""
    known = await every(connection)
    own = [each for each in known if set(each.policy.plans) & set(plans)]
    found = next(iter(own or [each for each in known if each.policy.id == DEFAULT]), None)
    return (SHIPPED, 0) if found is None else (found.policy, found.version)


def _published(row: Any) -> PublishedPolicy:
    return PublishedPolicy.model_validate({**row, "policy": row["document"]})
