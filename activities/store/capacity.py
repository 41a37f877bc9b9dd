"""Units of limited products: how many are free, and who holds the rest."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store import catalogue, dispatches
from activities.store.database import Connection, among
from activities.store.tables.catalogue import capacity_reservations, capacity_totals
from domain.checks import capacity_subject
from domain.errors import Conflict
from domain.orders import Action, OrderItem


async def free(connection: Connection, order: str, products: Sequence[str]) -> dict[str, int]:
    """Units free per limited product, not counting what `order` itself holds. Locks each product until the transaction ends,
    so that what is free now is still free when it is reserved."""
    limits = await catalogue.capacities(connection, sorted(products))
    for product in sorted(limits):
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"capacity:{product}"))))
    held = await _held(connection, limits.keys())
    own = await _own(connection, order, limits.keys())
    return {product: limit - held.get(product, 0) + own.get(product, 0) for product, limit in limits.items()}


async def _held(connection: Connection, products: Collection[str]) -> dict[str, int]:
    query = select(capacity_totals.c.product, capacity_totals.c.held).where(among(capacity_totals.c.product, products))
    return {row.product: int(row.held) for row in (await connection.execute(query)).all()} if products else {}


async def _own(connection: Connection, order: str, products: Collection[str]) -> dict[str, int]:
    """Units that the order itself holds, per product."""
    query = select(capacity_reservations.c.product, capacity_reservations.c.units).where(
        capacity_reservations.c.order_id == order, among(capacity_reservations.c.product, products)
    )
    units: Counter[str] = Counter()
    for row in (await connection.execute(query)).all() if products else ():
        units[row.product] += row.units
    return dict(units)


async def _move(connection: Connection, changes: Mapping[str, int]) -> None:
    """Carry changes of reservations to the totals, product by product in one order, so that no two wait for each other."""
    for product, units in sorted(changes.items()):
        made = insert(capacity_totals).values(product=product, held=units)
        held = capacity_totals.c.held + units
        await connection.execute(made.on_conflict_do_update(index_elements=["product"], set_={"held": held}))


async def reserve(connection: Connection, order: str, items: Sequence[OrderItem], limited: Sequence[str]) -> None:
    """Hold the units of every item of a limited product; holding them again sets the quantity anew."""
    rows = [
        {"product": item.product.id, "order_id": order, "item": item.id, "units": item.quantity}
        for item in items
        if item.product.id in limited and item.action is Action.add
    ]
    if rows:
        before = await _own(connection, order, limited)
        statement = insert(capacity_reservations)
        units = {"units": statement.excluded.units}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["product", "order_id", "item"], set_=units), rows
        )
        after = await _own(connection, order, limited)
        await _move(connection, {product: after[product] - before.get(product, 0) for product in after})


async def release(connection: Connection, order: str, items: Sequence[str], now: datetime) -> None:
    """Give back what these items hold; nothing held: nothing happens. Orders waiting for it are woken."""
    statement = (
        delete(capacity_reservations)
        .where(capacity_reservations.c.order_id == order, among(capacity_reservations.c.item, items))
        .returning(capacity_reservations.c.product, capacity_reservations.c.units)
    )
    freed: Counter[str] = Counter()
    for row in (await connection.execute(statement)).all():
        freed[row.product] -= row.units
    await _move(connection, freed)
    because = f"released:{order}:{','.join(sorted(items))}"
    await dispatches.wake_blocked(connection, [capacity_subject(product) for product in sorted(freed)], now, because)


async def change(connection: Connection, order: str, item: OrderItem, now: datetime) -> None:
    """Hold the units of one item in place of what it held. Raises Conflict where they are not free."""
    product = item.product.id
    await release(connection, order, [item.id], now)
    available = await free(connection, order, [product])
    others = await _own(connection, order, available.keys())
    left = {each: units - others.get(each, 0) for each, units in available.items()}
    if left.get(product, item.quantity) < item.quantity:
        raise Conflict(f"of {product} there are {max(left[product], 0)} free, and not {item.quantity}")
    await reserve(connection, order, [item], list(left))
