"""What became of the changes that orders ask of subscriptions: made once, or refused for good, by the reference of the item.

Made is written in the transaction that makes it, refused before the order gives it up; whatever comes first holds. So an order
that asks again is answered as before, and what it gave up is made by nobody later.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.life import ordered_changes
from domain.errors import Conflict
from domain.values import Value


async def made(connection: Connection, reference: str) -> Any | None:
    """What it came to, where it was made. Conflict where it was refused for good."""
    query = select(ordered_changes.c.answer, ordered_changes.c.refusal).where(ordered_changes.c.reference == reference)
    row = (await connection.execute(query)).first()
    if row is not None and row.refusal is not None:
        raise Conflict(row.refusal)
    return row.answer if row is not None else None


async def keep(connection: Connection, reference: str, subscription: str, answer: Value) -> None:
    """It is made in this transaction. Conflict where it was refused for good meanwhile."""
    values = {"reference": reference, "subscription": subscription, "answer": answer.model_dump(mode="json")}
    added = insert(ordered_changes).values(settled_at=datetime.now(UTC), **values).on_conflict_do_nothing()
    if (await connection.execute(added.returning(ordered_changes.c.reference))).first() is None:
        raise Conflict(f"what {reference} asked for is settled already")


async def refuse(connection: Connection, reference: str, subscription: str, words: str) -> None:
    """It is given up: it is not made any more, unless it was made already."""
    values = {"reference": reference, "subscription": subscription, "refusal": words}
    await connection.execute(insert(ordered_changes).values(settled_at=datetime.now(UTC), **values).on_conflict_do_nothing())
