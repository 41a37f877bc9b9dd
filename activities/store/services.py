"""Live services and the subscriptions they belong to."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from activities.store.database import Connection
from activities.store.tables.services import services
from domain import keys
from domain.errors import NotFound
from domain.facts import ItemStatus
from domain.states import SERVICE, ServiceState, can_move
from domain.values import Instant, Value


class Service(Value):
    """`id` is `<order>:<item>`. `access_changes` is how often it was closed and opened again: odd while it is closed;
    `throttle_changes` how often it was slowed down and sped up."""

    id: str
    order_id: str
    item: str
    customer: str
    product: str
    plan: str
    quantity: int
    state: ServiceState
    remote_id: str | None = None
    activated_at: Instant | None = None
    ended_at: Instant | None = None
    access_changes: int = 0
    throttle_changes: int = 0


async def write_states(connection: Connection, order: str, items: Sequence[ItemStatus]) -> None:
    """Carry an item's service state to its service, where it has gone live before."""
    for item in items:
        known = select(services.c.state).where(services.c.id == keys.reference(order, item.item))
        state = (await connection.execute(known)).scalar()
        if state is not None and can_move(SERVICE, ServiceState(state), item.service):
            values = {"state": item.service, "remote_id": item.remote_id}
            await connection.execute(update(services).where(services.c.id == keys.reference(order, item.item)).values(values))


async def page(
    connection: Connection, after: str | None, limit: int, customer: str | None = None, order: str | None = None
) -> list[Service]:
    """In order of id, those after `after`."""
    query = select(services).order_by(services.c.id).limit(limit)
    if after is not None:
        query = query.where(services.c.id > after)
    if customer is not None:
        query = query.where(services.c.customer == customer)
    if order is not None:
        query = query.where(services.c.order_id == order)
    return [Service.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def get(connection: Connection, service: str) -> Service:
    """Raises NotFound."""
    row = (await connection.execute(select(services).where(services.c.id == service))).mappings().first()
    if row is None:
        raise NotFound("service", service)
    return Service.model_validate(dict(row))


async def end(connection: Connection, service: str, now: datetime) -> None:
    """Terminated for good."""
    await connection.execute(
        update(services).where(services.c.id == service).values(state=ServiceState.terminated, ended_at=now)
    )


async def change(connection: Connection, service: str, product: str, plan: str, quantity: int) -> None:
    values = {"product": product, "plan": plan, "quantity": quantity}
    await connection.execute(update(services).where(services.c.id == service).values(**values))


async def suspend(connection: Connection, service: str) -> None:
    """A live one; another is left as it is."""
    await _move(connection, service, ServiceState.active, ServiceState.suspended)


async def resume(connection: Connection, service: str) -> None:
    """A suspended one; another is left as it is."""
    await _move(connection, service, ServiceState.suspended, ServiceState.active)


async def _move(connection: Connection, service: str, before: ServiceState, after: ServiceState) -> None:
    here = (services.c.id == service, services.c.state == before)
    await connection.execute(update(services).where(*here).values(state=after))
