"""What customers may use: grants by source, so that ending one source takes away only what no other grants."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.services import entitlements
from domain.values import Instant, Value


class Entitlement(Value):
    """`source` is the service that grants it; `revoked_at` None while it holds."""

    source: str
    feature: str
    customer: str
    value: str
    granted_at: Instant
    revoked_at: Instant | None = None
    suspended: bool = False


_MADE = insert(entitlements)
_GRANT = _MADE.on_conflict_do_update(
    index_elements=["source", "feature"],
    set_={"value": _MADE.excluded.value, "revoked_at": None, "suspended": False},
)


async def grant(connection: Connection, source: str, customer: str, features: dict[str, str], now: datetime) -> None:
    """Grant each feature; granting what is granted sets its value and keeps its date."""
    rows = [
        {"source": source, "feature": feature, "customer": customer, "value": value, "granted_at": now}
        for feature, value in features.items()
    ]
    if rows:
        await connection.execute(_GRANT, rows)


async def revoke(connection: Connection, source: str, now: datetime) -> None:
    """End everything this source grants; nothing granted: nothing happens."""
    await connection.execute(
        update(entitlements).where(entitlements.c.source == source, entitlements.c.revoked_at.is_(None)).values(revoked_at=now)
    )


async def revoke_but(connection: Connection, source: str, kept: Collection[str], now: datetime) -> None:
    """End what this source grants besides the `kept` features."""
    others = (entitlements.c.source == source, entitlements.c.feature.not_in(kept), entitlements.c.revoked_at.is_(None))
    await connection.execute(update(entitlements).where(*others).values(revoked_at=now))


async def of_source(connection: Connection, source: str) -> list[Entitlement]:
    query = select(entitlements).where(entitlements.c.source == source).order_by(entitlements.c.feature)
    return [Entitlement.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def held(connection: Connection, source: str) -> int:
    """How many grants of this source hold now."""
    query = select(func.count()).where(entitlements.c.source == source, entitlements.c.revoked_at.is_(None))
    return int((await connection.execute(query)).scalar_one())
