"""Taking an order: checked, priced and written in one transaction, once for each idempotency key."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from activities.store import capacity, customers, entry, orders
from activities.store.database import Connection
from activities.store.orders import StoredOrder
from api.auth import demand
from api.context import Context
from api.preview import OrderPreview, describe
from domain.checks import Surroundings, wanted
from domain.customers import Customer
from domain.entry import Placing, freeze
from domain.errors import BadInput, Conflict, NotFound
from domain.money import Money
from domain.orders import MAIN, OrderRequest
from domain.roles import Principal, Right
from domain.states import OrderState
from domain.values import Instant, Value

LONGEST_AHEAD = timedelta(days=3660)
"""How far ahead a date may be asked for. One in the past may be up to a day old, for clocks and zones that differ."""


class Placed(Value):
    """`replayed` where the idempotency key had made this order before."""

    id: str
    state: OrderState
    version: int
    total: Money
    replayed: bool = False


@dataclass(frozen=True)
class Once:
    """One request under an idempotency key; without a key, every request is a new one."""

    principal: Principal
    key: str | None
    digest: str

    @classmethod
    def of(cls, principal: Principal, key: str | None, *request: object) -> "Once":
        """The digest is over the parsed request, so that spacing and the order of fields do not matter."""
        return cls(principal, key, hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest())

    async def known(self, connection: Connection) -> Placed | None:
        """The order this key made before. Conflict where it was for another request."""
        if self.key is None:
            return None
        order = await orders.claim_key(connection, self.principal.key_id, self.key, self.digest)
        return _as_placed(await orders.get(connection, order)) if order else None

    async def keep(self, connection: Connection, order: str, now: datetime) -> None:
        """Remember that this key made `order`."""
        if self.key is not None:
            await orders.keep_key(connection, self.principal.key_id, self.key, self.digest, order, now)


async def place(context: Context, principal: Principal, request: OrderRequest, key: str | None = None) -> Placed:
    """Accept an order, or keep it as a draft where `request.submit` is false. `key` is the idempotency key, of 1 to 200
    printable ASCII characters. BadInput names the field; Conflict where the key was used for another request."""
    demand(principal, Right.place_orders)
    now = context.now()
    refuse_odd_dates(request.requested_start, request.requested_completion, now)
    once = Once.of(principal, key, request.model_dump(mode="json"))
    async with context.database.transaction(statement=request.submit and key is None) as connection:
        if known := await once.known(connection):
            return known.model_copy(update={"replayed": True})
        take = _accept if request.submit else _draft
        placed = await take(context, connection, principal, request, now)
        await once.keep(connection, placed.id, now)
    return placed


async def submit_draft(context: Context, principal: Principal, order_id: str, key: str | None = None) -> Placed:
    """Accept what a draft holds, at today's prices. Whoever submits it is who placed it. Raises NotFound, Conflict where it is
    no draft any more, BadInput where it cannot be accepted as it stands."""
    demand(principal, Right.place_orders)
    now = context.now()
    once = Once.of(principal, key, "submit", order_id)
    async with context.database.transaction() as connection:
        if known := await once.known(connection):
            return known.model_copy(update={"replayed": True})
        stored = await orders.get(connection, order_id, lock=True)
        if not principal.may(Right.read_orders) and stored.placed_by != principal.name:
            raise NotFound("order", order_id)
        placed = await _submit(context, connection, principal, stored, now)
        await once.keep(connection, order_id, now)
    return placed


async def preview(context: Context, principal: Principal, request: OrderRequest) -> OrderPreview:
    """What placing `request` now would charge and do. Raises what placing it would."""
    demand(principal, Right.place_orders)
    now = context.now()
    refuse_odd_dates(request.requested_start, request.requested_completion, now)
    async with context.database.transaction() as connection:
        placing = await circumstances(context, connection, request.customer, "preview", principal.name, now)
        order = freeze(request, placing)
        free = await capacity.free(connection, order.id, list(wanted(order.items)))
    return describe(order, Surroundings(customer=placing.customer, active_products=placing.active_products, free=free))


async def circumstances(
    context: Context, connection: Connection, customer: str, order_id: str | None, placed_by: str, now: datetime
) -> Placing:
    """What an order is frozen against; None stands for a new one, which gets its id. Services of the order itself do not count
    as live already. BadInput for an unknown customer."""
    try:
        found = await entry.circumstances(connection, customer, besides_order=order_id)
    except NotFound:
        raise BadInput("customer", f"there is no customer {customer!r}; POST /v1/customers adds one") from None
    return Placing(
        order_id=order_id or str(found.order_id),
        customer=found.customer,
        catalogue=await context.catalogues.at(connection, found.revision),
        policies=found.policies,
        active_products=found.active_products,
        placed_by=placed_by,
        placed_at=now,
        legal_entity=found.customer.legal_entity or MAIN,
        timezone=found.customer.timezone or "UTC",
    )


def refuse_odd_dates(start: Instant | None, completion: Instant | None, now: datetime) -> None:
    """BadInput for a date long past or beyond all planning."""
    for field, asked in (("requested_start", start), ("requested_completion", completion)):
        if asked and not now - timedelta(days=1) <= asked <= now + LONGEST_AHEAD:
            raise BadInput(field, "has to lie between yesterday and ten years from now")


async def _accept(
    context: Context, connection: Connection, principal: Principal, request: OrderRequest, now: datetime
) -> Placed:
    order = freeze(request, await circumstances(context, connection, request.customer, None, principal.name, now))
    await orders.accept(connection, order, now)
    return Placed(id=order.id, state=OrderState.acknowledged, version=order.revision, total=order.total)


async def _draft(
    _context: Context, connection: Connection, principal: Principal, request: OrderRequest, now: datetime
) -> Placed:
    await _customer(connection, request.customer)
    order_id = await orders.next_id(connection)
    await orders.add_draft(connection, order_id, request, principal.name, now)
    return Placed(id=order_id, state=OrderState.draft, version=1, total=Money.zero(request.currency))


async def _submit(context: Context, connection: Connection, principal: Principal, stored: StoredOrder, now: datetime) -> Placed:
    if stored.state is not OrderState.draft or stored.request is None:
        raise Conflict(f"order {stored.id} is {stored.state}; only a draft can be submitted")
    refuse_odd_dates(stored.request.requested_start, stored.request.requested_completion, now)
    placing = await circumstances(context, connection, stored.request.customer, stored.id, principal.name, now)
    order = freeze(stored.request, placing).model_copy(update={"revision": stored.revision})
    await orders.accept(connection, order, now)
    return Placed(id=stored.id, state=OrderState.acknowledged, version=order.revision, total=order.total)


async def _customer(connection: Connection, customer: str) -> Customer:
    try:
        return await customers.get(connection, customer)
    except NotFound:
        raise BadInput("customer", f"there is no customer {customer!r}; POST /v1/customers adds one") from None


def _as_placed(stored: StoredOrder) -> Placed:
    currency = stored.request.currency if stored.request else "EUR"
    total = stored.order.total if stored.order else Money.zero(currency)
    return Placed(id=stored.id, state=stored.state, version=stored.revision, total=total)
