"""Fraud scores: asked for once an order, and kept with why there is none."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from activities.store import payment_methods
from activities.store.database import Connection
from activities.store.tables.payments import fraud_scores
from domain import keys
from domain.fraud_scores import KeptScore, ScoreQuestion
from domain.orders import Order
from domain.payment_methods import is_stored


async def find(connection: Connection, order: str) -> KeptScore | None:
    """None where none was asked for, or no answer was kept yet."""
    row = (await connection.execute(select(fraud_scores).where(fraud_scores.c.order_id == order))).mappings().first()
    return None if row is None else KeptScore.model_validate(dict(row))


async def keep(connection: Connection, order: str, found: KeptScore, now: datetime) -> KeptScore:
    """The first one stays."""
    row = {"order_id": order, "score": found.score, "trouble": found.trouble[:500], "answered_at": now}
    await connection.execute(insert(fraud_scores).values(**row).on_conflict_do_nothing())
    return await find(connection, order) or found


async def question(connection: Connection, order: Order) -> ScoreQuestion:
    method = order.payment_method
    stored = await payment_methods.find(connection, method) if method and is_stored(method) else None
    facts = stored.facts if stored is not None else None
    return ScoreQuestion(
        key=keys.fraud_score(order.id),
        order=order.id,
        amount=order.total,
        customer=order.customer.id,
        country=order.customer.country,
        method_kind=facts.kind if facts else "",
        method_brand=(facts.brand if facts else None) or "",
        method_country=(facts.country if facts else None) or "",
    )
