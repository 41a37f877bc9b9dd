"""Units of limited products: how many are free, and who holds the rest."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store import catalogue, dispatches
from activities.store.database import Connection
from activities.store.tables import capacity_reservations
from domain.checks import capacity_subject
from domain.orders import Action, OrderItem


async def free(connection: Connection, order: str, products: Sequence[str]) -> dict[str, int]:
    """Units free per limited product, not counting what `order` itself holds. Locks each product until the transaction ends,
    so that what is free now is still free when it is reserved."""
    limits = await catalogue.capacities(connection, sorted(products))
    for product in sorted(limits):
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"capacity:{product}"))))
    held = (
        select(capacity_reservations.c.product, func.sum(capacity_reservations.c.units).label("units"))
        .where(capacity_reservations.c.product.in_(list(limits)), capacity_reservations.c.order_id != order)
        .group_by(capacity_reservations.c.product)
    )
    taken = {row.product: int(row.units) for row in (await connection.execute(held)).all()} if limits else {}
    return {product: limit - taken.get(product, 0) for product, limit in limits.items()}


async def reserve(connection: Connection, order: str, items: Sequence[OrderItem], limited: Sequence[str]) -> None:
    """Hold the units of every item of a limited product; holding them again sets the quantity anew."""
    rows = [
        {"product": item.product.id, "order_id": order, "item": item.id, "units": item.quantity}
        for item in items
        if item.product.id in limited and item.action is Action.add
    ]
    if rows:
        statement = insert(capacity_reservations).values(rows)
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=["product", "order_id", "item"], set_={"units": statement.excluded.units}
            )
        )


async def release(connection: Connection, order: str, items: Sequence[str], now: datetime) -> None:
    """Give back what these items hold; nothing held: nothing happens. Orders waiting for it are woken."""
    statement = (
        delete(capacity_reservations)
        .where(capacity_reservations.c.order_id == order, capacity_reservations.c.item.in_(list(items)))
        .returning(capacity_reservations.c.product)
    )
    freed = {row.product for row in (await connection.execute(statement)).all()}
    because = f"released:{order}:{','.join(sorted(items))}"
    await dispatches.wake_blocked(connection, [capacity_subject(product) for product in sorted(freed)], now, because)
