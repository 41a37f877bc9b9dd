"""Settings of the fraud check, append-only: the newest version of each holds, and decisions name the one that they went by."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.payments import fraud_settings
from domain.fraud_rules import Thresholds
from domain.fraud_scores import ScoringPolicy
from domain.values import Instant, StrictValue, Value

Setting = TypeVar("Setting", bound=StrictValue)
KINDS: dict[type[StrictValue], str] = {Thresholds: "thresholds", ScoringPolicy: "scoring"}


class Published(Value, Generic[Setting]):
    """What was set, when and by whom. Versions count from 1; 0 is what holds where nothing was ever set."""

    version: int
    setting: Setting
    published_at: Instant | None = None
    published_by: str = ""


async def publish(connection: Connection, setting: Setting, by: str, now: datetime) -> Published[Setting]:
    """The next version, or the one that holds where it says the same already."""
    kind = KINDS[type(setting)]
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"fraud_setting:{kind}", 0))))
    before = await current(connection, type(setting))
    if before.version and before.setting == setting:
        return before
    row = {"kind": kind, "version": before.version + 1, "published_at": now, "published_by": by}
    await connection.execute(insert(fraud_settings).values(**row, document=setting.model_dump(mode="json")))
    return Published(version=before.version + 1, setting=setting, published_at=now, published_by=by)


async def current(connection: Connection, kind: type[Setting]) -> Published[Setting]:
    newest = select(fraud_settings).where(fraud_settings.c.kind == KINDS[kind]).order_by(fraud_settings.c.version.desc())
    row = (await connection.execute(newest.limit(1))).mappings().first()
    return Published(version=0, setting=kind()) if row is None else _published(row, kind)


async def versions(connection: Connection, kind: type[Setting]) -> list[Published[Setting]]:
    """All that were published, the oldest first."""
    query = select(fraud_settings).where(fraud_settings.c.kind == KINDS[kind]).order_by(fraud_settings.c.version)
    return [_published(row, kind) for row in (await connection.execute(query)).mappings()]


def _published(row: Any, kind: type[Setting]) -> Published[Setting]:
    when = {"published_at": row["published_at"], "published_by": row["published_by"]}
    return Published(version=row["version"], setting=kind.model_validate(row["document"]), **when)
