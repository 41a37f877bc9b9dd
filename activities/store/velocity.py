"""Counters that fraud rules ask about: each order once by its card, customer and address, in one statement."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import String

from activities.store.database import Connection
from domain.customers import Customer
from domain.orders import Order
from domain.payment_methods import is_stored
from domain.velocity import LONGEST, WINDOWS, Counted, VelocityTraits, subjects

PRUNED = 10
"""Rows that go with each order that comes; an order adds three at the most."""

SUBJECTS = """
    subjects AS (
        SELECT subject FROM unnest(:subjects) AS given(subject)
         UNION SELECT 'card:' || left(encode(sha256(convert_to(coalesce(facts ->> 'fingerprint', id), 'UTF8')), 'hex'), 32)
          FROM payment_methods WHERE id = :method
         UNION SELECT 'card:' || left(encode(sha256(convert_to(coalesce(
            (SELECT facts ->> 'fingerprint' FROM token_facts WHERE token = :token), :token), 'UTF8')), 'hex'), 32)
          WHERE :token IS NOT NULL
    )
"""
LOCK = """
    held AS (
        SELECT count(pg_advisory_xact_lock(key)) AS locks FROM (
            SELECT hashtextextended('fraud:' || subject, 0) AS key FROM subjects
             WHERE split_part(subject, ':', 1) = ANY(:locked) ORDER BY key OFFSET 0) AS sorted
    )
"""
"""In the order of their keys, so that no two orders wait for each other."""
_KEEP = """
    pruned AS (
        DELETE FROM fraud_sightings WHERE (order_id, subject) IN (
            SELECT order_id, subject FROM fraud_sightings WHERE at <= :month AND order_id <> :order
             ORDER BY at LIMIT :pruned FOR UPDATE SKIP LOCKED)
    ), kept AS (
        INSERT INTO fraud_sightings (order_id, subject, currency, amount, at)
        SELECT :order, subject, :currency, :amount, :now FROM subjects
        ON CONFLICT (order_id, subject) DO UPDATE SET currency = EXCLUDED.currency, amount = EXCLUDED.amount
    )
"""
_READ = """
    seen AS (
        SELECT split_part(subject, ':', 1) AS counted, at, currency, amount FROM fraud_sightings JOIN subjects USING (subject)
         WHERE at > :month AND order_id <> :order AND split_part(subject, ':', 1) = ANY(:counted)
    ), card AS (
        SELECT facts ->> 'fingerprint' AS print FROM payment_methods WHERE id = :method
         UNION SELECT facts ->> 'fingerprint' FROM token_facts WHERE token = :token
    ), methods AS (
        SELECT coalesce(:method, :token) AS id
         UNION SELECT id FROM payment_methods JOIN card ON facts ->> 'fingerprint' = print
         UNION SELECT token FROM token_facts JOIN card ON facts ->> 'fingerprint' = print
    ), declined AS (
        SELECT 'card' AS counted, asked_at AS at FROM payment_attempts JOIN methods ON method = id
         WHERE outcome IN ('declined_soft', 'declined_hard') AND asked_at > :month AND 'card' = ANY(:counted)
         UNION ALL
        SELECT 'customer', asked_at FROM payment_attempts
         WHERE customer = :customer AND outcome IN ('declined_soft', 'declined_hard') AND asked_at > :month
           AND 'customer' = ANY(:counted)
    ), every AS (
        SELECT counted, 'orders' AS measure, at, 1::bigint AS amount FROM seen
         UNION ALL SELECT counted, 'amount', at, amount FROM seen WHERE currency = :currency
         UNION ALL SELECT counted, 'declines', at, 1 FROM declined
    )
    SELECT counted || '_' || measure AS name,
           (coalesce(sum(amount) FILTER (WHERE at > :hour), 0))::bigint AS "1h",
           (coalesce(sum(amount) FILTER (WHERE at > :day), 0))::bigint AS "24h",
           (coalesce(sum(amount) FILTER (WHERE at > :week), 0))::bigint AS "7d",
           sum(amount)::bigint AS "30d"
      FROM every GROUP BY 1
"""
TYPES: list[BindParameter[Any]] = [
    bindparam("subjects", type_=ARRAY(String)),
    bindparam("method", type_=String),
    bindparam("token", type_=String),
]
_COUNTED = bindparam("counted", type_=ARRAY(String))
_LOOK = text(f"WITH {SUBJECTS}, {_READ}").bindparams(*TYPES, _COUNTED)
_COUNT = text(f"WITH {SUBJECTS}, {_KEEP}, {_READ}").bindparams(*TYPES, _COUNTED)
_NOTE = text(f"WITH {SUBJECTS}, {_KEEP} SELECT").bindparams(*TYPES)


def identity(order: Order, customer: Customer) -> dict[str, Any]:
    """What `SUBJECTS` asks for."""
    method = order.payment_method
    of_token = method is not None and not is_stored(method)
    given = {"method": None, "token": method} if of_token else {"method": method, "token": None}
    return {"subjects": subjects(order, customer), **given}


async def note(connection: Connection, order: Order, customer: Customer, now: datetime) -> None:
    """Count the order where no rule asks how many there are. Again counts it once, with its newest amount."""
    await connection.execute(_NOTE, identity(order, customer) | _kept(order, now))


async def look(
    connection: Connection, order: Order, customer: Customer, now: datetime, counted: Collection[Counted], *, count: bool
) -> VelocityTraits:
    """What the counters say at `now`, this order among them; with `count` they keep it. Others at the same moment are waited
    for where `LOCK` was taken in a statement before this one."""
    given = identity(order, customer) | {"customer": customer.id, "counted": sorted(counted), **_since(now)}
    kept = _kept(order, now) if count else {"order": order.id, "currency": order.currency}
    rows = (await connection.execute(_COUNT if count else _LOOK, given | kept)).mappings()
    others = {f"{row['name']}_{window}": int(row[window]) for row in rows for window in WINDOWS}
    own = {Counted(subject.partition(":")[0]) for subject in given["subjects"]}
    if order.payment_method is not None:
        own.add(Counted.card)
    return VelocityTraits.with_order(others, own & set(counted), order.worth.minor)


def _kept(order: Order, now: datetime) -> dict[str, Any]:
    amount = {"currency": order.currency, "amount": order.worth.minor}
    return {"order": order.id, **amount, "now": now, "month": now - LONGEST, "pruned": PRUNED}


def _since(now: datetime) -> dict[str, datetime]:
    return {name: now - length for name, length in zip(("hour", "day", "week", "month"), WINDOWS.values(), strict=True)}
