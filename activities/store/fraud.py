"""Fraud rules as they were published, and what they ask about an order."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import String

from activities.store import fraud_settings, payment_methods, token_facts, velocity
from activities.store.database import Connection
from activities.store.tables.payments import fraud_rules
from domain.customers import Customer
from domain.errors import NotFound
from domain.fraud import Screening
from domain.fraud_rules import (
    CustomerTraits,
    FraudPolicy,
    FraudRule,
    MethodTraits,
    OrderTraits,
    PublishedFraudRule,
    Thresholds,
    Traits,
    in_order,
)
from domain.fraud_scores import ScoringPolicy
from domain.orders import Order
from domain.payment_methods import is_stored
from domain.states import OrderState
from domain.velocity import Counted, VelocityTraits

LARGEST = 10**15
_NEWEST = select(fraud_rules.c.id, func.max(fraud_rules.c.version).label("version")).group_by(fraud_rules.c.id).subquery()
_EVERY = (
    select(fraud_rules)
    .join(_NEWEST, and_(fraud_rules.c.id == _NEWEST.c.id, fraud_rules.c.version == _NEWEST.c.version))
    .where(fraud_rules.c.document.is_not(None))
)


async def publish(connection: Connection, rule: FraudRule, by: str, now: datetime) -> PublishedFraudRule:
    """The next version, or the one that holds where it says the same already."""
    document = rule.model_dump(mode="json")
    before = await _last(connection, rule.id)
    if before is not None and before.document == document:
        return PublishedFraudRule(
            rule=rule, version=before.version, published_at=before.published_at, published_by=before.published_by
        )
    version = before.version + 1 if before is not None else 1
    row = {"id": rule.id, "version": version, "published_at": now, "published_by": by}
    await connection.execute(insert(fraud_rules).values(**row, document=document))
    return PublishedFraudRule(rule=rule, version=version, published_at=now, published_by=by)


async def retire(connection: Connection, rule: str, by: str, now: datetime) -> None:
    """Raises NotFound where there is none, or it is retired."""
    before = await _last(connection, rule)
    if before is None or before.document is None:
        raise NotFound("fraud rule", rule)
    row = {"id": rule, "version": before.version + 1, "published_at": now, "published_by": by, "document": None}
    await connection.execute(insert(fraud_rules).values(**row))


async def _last(connection: Connection, rule: str) -> Any:
    """The newest version, nobody else publishing one until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"fraud_rule:{rule}", 0))))
    query = select(fraud_rules).where(fraud_rules.c.id == rule).order_by(fraud_rules.c.version.desc()).limit(1)
    return (await connection.execute(query)).first()


async def every(connection: Connection) -> tuple[PublishedFraudRule, ...]:
    """Those that hold, in the order in which they are named."""
    return in_order(_published(row) for row in (await connection.execute(_EVERY)).mappings())


async def versions(connection: Connection, rule: str) -> list[PublishedFraudRule]:
    """All that were published, the oldest first. Raises NotFound."""
    query = select(fraud_rules).where(fraud_rules.c.id == rule, fraud_rules.c.document.is_not(None))
    found = [_published(row) for row in (await connection.execute(query.order_by(fraud_rules.c.version))).mappings()]
    if not found:
        raise NotFound("fraud rule", rule)
    return found


def _published(row: Any) -> PublishedFraudRule:
    return PublishedFraudRule.model_validate({**row, "rule": row["document"]})


async def keep(connection: Connection, order: Order, found: Screening, now: datetime) -> Screening:
    """How this version of the order was judged first: whoever judges it again sees orders that came after it."""
    row = {"order_id": order.id, "revision": order.revision, "document": found.model_dump_json(), "judged_at": now}
    kept = (await connection.execute(_KEEP, row)).scalar_one()
    return Screening.model_validate(kept)


async def policy(connection: Connection) -> FraudPolicy:
    thresholds = await fraud_settings.current(connection, Thresholds)
    scoring = await fraud_settings.current(connection, ScoringPolicy)
    return FraudPolicy(
        rules=await every(connection),
        thresholds=thresholds.setting,
        thresholds_version=thresholds.version,
        scoring=scoring.setting,
        scoring_version=scoring.version,
    )


_KEEP = text("""
    INSERT INTO fraud_screenings (order_id, revision, document, judged_at)
    VALUES (:order_id, :revision, CAST(:document AS jsonb), :judged_at)
    ON CONFLICT (order_id) DO UPDATE SET
        document = CASE WHEN fraud_screenings.revision < EXCLUDED.revision THEN EXCLUDED.document
                        ELSE fraud_screenings.document END,
        judged_at = CASE WHEN fraud_screenings.revision < EXCLUDED.revision THEN EXCLUDED.judged_at
                         ELSE fraud_screenings.judged_at END,
        revision = GREATEST(fraud_screenings.revision, EXCLUDED.revision)
    RETURNING document
""")
_KNOWN = """
    SELECT (SELECT locks FROM held) AS locks,
           (SELECT created_at FROM customers WHERE id = :customer) AS since,
           (SELECT count(*) FROM (SELECT FROM orders WHERE customer = :customer AND state = :completed AND id <> :order
                                   LIMIT 1000) AS completed) AS orders_before,
           (SELECT count(*) FROM disputes WHERE customer = :customer) AS disputes
"""
_PAST = text(f"WITH {velocity.SUBJECTS}, {velocity.LOCK} {_KNOWN}").bindparams(
    *velocity.TYPES, bindparam("locked", type_=ARRAY(String))
)


async def traits(
    connection: Connection, order: Order, customer: Customer, now: datetime, counted: Collection[Counted], *, count: bool
) -> Traits:
    """What rules ask about `order` at `now`, and of its counters those of `counted`. With `count` they count it, and are held
    until the transaction ends: of orders at the same moment each sees those before it."""
    asked = {"customer": customer.id, "order": order.id, "completed": OrderState.completed}
    held = {"locked": sorted(counted) if count else [], **velocity.identity(order, customer)}
    past = (await connection.execute(_PAST, asked | held)).one()
    return Traits(
        order=OrderTraits(
            total=min(order.worth.minor, LARGEST),
            currency=order.currency,
            items=len(order.items),
            coupons=len(order.coupons),
        ),
        customer=CustomerTraits(
            id=customer.id,
            country=customer.country,
            risk=customer.risk,
            verified=customer.verified,
            business=customer.tax.business,
            age_days=max(0, (now - (past.since or now)).days),
            orders_before=past.orders_before,
            disputes=past.disputes,
        ),
        method=await _method(connection, order.payment_method),
        velocity=await _velocity(connection, order, customer, now, counted, count=count),
    )


async def _velocity(
    connection: Connection, order: Order, customer: Customer, now: datetime, counted: Collection[Counted], *, count: bool
) -> VelocityTraits:
    if counted:
        return await velocity.look(connection, order, customer, now, counted, count=count)
    if count:
        await velocity.note(connection, order, customer, now)
    return VelocityTraits()


async def _method(connection: Connection, name: str | None) -> MethodTraits:
    if not name:
        return MethodTraits()
    stored = is_stored(name)
    known = await (payment_methods.find(connection, name) if stored else token_facts.find(connection, name))
    facts = known.facts if known is not None else None
    if facts is None:
        return MethodTraits()
    return MethodTraits(
        kind=facts.kind,
        brand=facts.brand or "",
        country=facts.country or "",
        stored=stored,
        fingerprinted=facts.fingerprint is not None,
    )
