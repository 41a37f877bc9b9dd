"""What customers may use: grants by source, so that ending one source takes away only what no other grants."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select, text, update

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


_GRANT = text("""
    INSERT INTO entitlements (source, feature, customer, value, granted_at, suspended)
    SELECT CAST(:source AS varchar), feature, :customer, value, :now,
           EXISTS (SELECT FROM access_blocks block WHERE block.service = CAST(:source AS varchar) AND block.lifted_at IS NULL)
      FROM unnest(CAST(:features AS varchar[]), CAST(:values AS varchar[])) AS given (feature, value)
        ON CONFLICT (source, feature) DO UPDATE
       SET value = EXCLUDED.value, revoked_at = NULL, suspended = EXCLUDED.suspended
""")


async def grant(connection: Connection, source: str, customer: str, features: dict[str, str], now: datetime) -> None:
    """Grant each feature, suspended where something blocks the source, whose access is to be held; granting what is granted
    sets its value and keeps its date."""
    if features:
        given = {"features": list(features), "values": list(features.values())}
        await connection.execute(_GRANT, {"source": source, "customer": customer, "now": now, **given})


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
