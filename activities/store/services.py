"""Live services and the subscriptions they belong to."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables import services, subscriptions
from domain import keys
from domain.errors import NotFound
from domain.facts import HandOver, ItemStatus
from domain.states import SERVICE, ServiceState, SubscriptionState, can_move
from domain.values import Instant, Value


class Service(Value):
    """`id` is `<order>:<item>`."""

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


async def active_products(connection: Connection, customer: str, besides_order: str | None = None) -> set[str]:
    """Products the customer has a live service of, not counting those of `besides_order`."""
    query = select(services.c.product).where(services.c.customer == customer, services.c.state == ServiceState.active)
    if besides_order is not None:
        query = query.where(services.c.order_id != besides_order)
    return set((await connection.execute(query)).scalars())


async def hand_over(connection: Connection, given: HandOver) -> None:
    """A service has gone live: its row turns active and its subscription is pending until its own workflow takes it."""
    service = insert(services).values(
        id=keys.reference(given.order, given.item),
        order_id=given.order,
        item=given.item,
        customer=given.customer,
        product=given.product,
        plan=given.plan,
        quantity=given.quantity,
        state=ServiceState.active,
        remote_id=given.remote_id,
        activated_at=given.activated_at,
    )
    await connection.execute(service.on_conflict_do_nothing())
    subscription = insert(subscriptions).values(
        id=given.subscription,
        customer=given.customer,
        order_id=given.order,
        item=given.item,
        state=SubscriptionState.pending,
        document=given.model_dump(mode="json"),
        version=1,
        created_at=given.activated_at,
    )
    await connection.execute(subscription.on_conflict_do_nothing())


async def write_states(connection: Connection, order: str, items: Sequence[ItemStatus]) -> None:
    """Carry an item's service state to its service, where it has gone live before."""
    for item in items:
        known = select(services.c.state).where(services.c.id == keys.reference(order, item.item))
        state = (await connection.execute(known)).scalar() if item.captured else None
        if state is not None and can_move(SERVICE, ServiceState(state), item.service):
            values = {"state": item.service, "remote_id": item.remote_id}
            await connection.execute(update(services).where(services.c.id == keys.reference(order, item.item)).values(values))


async def activate_subscription(connection: Connection, subscription: str) -> SubscriptionState:
    """pending → active; active already: nothing. Raises NotFound. Returns the state it is in now."""
    query = select(subscriptions.c.state).where(subscriptions.c.id == subscription).with_for_update()
    state = (await connection.execute(query)).scalar()
    if state is None:
        raise NotFound("subscription", subscription)
    if state != SubscriptionState.pending:
        return SubscriptionState(state)
    await connection.execute(
        update(subscriptions)
        .where(subscriptions.c.id == subscription)
        .values(state=SubscriptionState.active, version=subscriptions.c.version + 1)
    )
    return SubscriptionState.active


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
