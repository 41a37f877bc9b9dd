"""Routing rules as they were published, what gateways cost, and how well they are."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.access import settings
from activities.store.tables.payments import gateway_health, routing_rules
from domain.errors import NotFound
from domain.gateway_health import Health
from domain.routing import GatewayCost, PublishedRule, RoutingRule, Surroundings

COST = "gateway_cost"

_NEWEST = select(routing_rules.c.id, func.max(routing_rules.c.version).label("version")).group_by(routing_rules.c.id).subquery()
_EVERY = (
    select(routing_rules)
    .join(_NEWEST, and_(routing_rules.c.id == _NEWEST.c.id, routing_rules.c.version == _NEWEST.c.version))
    .where(routing_rules.c.document.is_not(None))
)
_COSTS = select(settings.c.document).where(settings.c.kind == COST).order_by(settings.c.id)
_HEALTH = select(gateway_health)


async def publish(connection: Connection, rule: RoutingRule, by: str, now: datetime) -> PublishedRule:
    """The next version, or the one that holds where it says the same already."""
    before = await _last(connection, rule.id)
    if before is not None and before.document == rule.model_dump(mode="json"):
        return PublishedRule(
            rule=rule, version=before.version, published_at=before.published_at, published_by=before.published_by
        )
    version = before.version + 1 if before is not None else 1
    row = {"id": rule.id, "version": version, "published_at": now, "published_by": by}
    await connection.execute(insert(routing_rules).values(**row, document=rule.model_dump(mode="json")))
    return PublishedRule(rule=rule, version=version, published_at=now, published_by=by)


async def retire(connection: Connection, rule: str, by: str, now: datetime) -> None:
    """Raises NotFound where there is none, or it is retired."""
    before = await _last(connection, rule)
    if before is None or before.document is None:
        raise NotFound("routing rule", rule)
    row = {"id": rule, "version": before.version + 1, "published_at": now, "published_by": by, "document": None}
    await connection.execute(insert(routing_rules).values(**row))


async def _last(connection: Connection, rule: str) -> Any:
    """The newest version, nobody else publishing one until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"routing_rule:{rule}", 0))))
    query = select(routing_rules).where(routing_rules.c.id == rule).order_by(routing_rules.c.version.desc()).limit(1)
    return (await connection.execute(query)).first()


async def every(connection: Connection) -> list[PublishedRule]:
    """Those that hold, in the order in which they are looked at."""
    found = [_published(row) for row in (await connection.execute(_EVERY)).mappings()]
    return sorted(found, key=lambda each: (each.rule.priority, each.rule.id))


async def versions(connection: Connection, rule: str) -> list[PublishedRule]:
    """All that were published, the oldest first. Raises NotFound."""
    query = select(routing_rules).where(routing_rules.c.id == rule, routing_rules.c.document.is_not(None))
    found = [_published(row) for row in (await connection.execute(query.order_by(routing_rules.c.version))).mappings()]
    if not found:
        raise NotFound("routing rule", rule)
    return found


def _published(row: Any) -> PublishedRule:
    return PublishedRule.model_validate({**row, "rule": row["document"]})


async def put_cost(connection: Connection, cost: GatewayCost) -> None:
    document = cost.model_dump(mode="json")
    made = insert(settings).values(kind=COST, id=f"{cost.gateway}:{cost.currency}", document=document)
    await connection.execute(made.on_conflict_do_update(index_elements=["kind", "id"], set_={"document": document}))


async def costs(connection: Connection) -> list[GatewayCost]:
    return [GatewayCost.model_validate(row) for row in (await connection.execute(_COSTS)).scalars()]


async def remove_cost(connection: Connection, gateway: str, currency: str) -> None:
    """Raises NotFound."""
    gone = await connection.execute(delete(settings).where(settings.c.kind == COST, settings.c.id == f"{gateway}:{currency}"))
    if gone.rowcount == 0:
        raise NotFound("gateway cost", f"{gateway}:{currency}")


async def note_health(connection: Connection, health: Health) -> None:
    made = insert(gateway_health).values(health.model_dump())
    changed = {name: made.excluded[name] for name in ("healthy", "answered", "failed", "since", "checked_at")}
    await connection.execute(made.on_conflict_do_update(index_elements=["gateway"], set_=changed))


async def health(connection: Connection) -> dict[str, Health]:
    found = (await connection.execute(_HEALTH)).mappings()
    return {row["gateway"]: Health.model_validate(dict(row)) for row in found}


async def surroundings(connection: Connection, gateways: Iterable[str], default: str, now: datetime) -> Surroundings:
    """`gateways` are those that there are: a rule's other names hold no token of anything."""
    known = set(gateways)
    down = {name for name, each in (await health(connection)).items() if name in known and each.is_down(now)}
    return Surroundings(
        rules=tuple(await every(connection)),
        costs=tuple(await costs(connection)),
        default=default,
        down=frozenset(down),
    )
