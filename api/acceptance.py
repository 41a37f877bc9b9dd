"""Taking an order: checked, priced and written whole or not at all, once for each idempotency key."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import orjson

from activities.runtime.screening import Screener
from activities.store import capacity, clocks, coupons, customers, entry, live_items, orders, payment_methods
from activities.store.database import Connection
from activities.store.entry import Asking, Circumstances, Made
from activities.store.issuing import Answers
from activities.store.live_items import Looking
from activities.store.orders import Acceptance, StoredOrder
from api import order_taxes
from api.auth import demand
from api.context import Context
from api.preview import OrderPreview, charged, describe
from api.preview_tokens import instant_of, refuse_stale
from domain.billing.coupons import Redemption
from domain.checks import Surroundings, wanted
from domain.customers import Customer
from domain.entry import Placing, freeze, taxed
from domain.errors import BadInput, Conflict, NotFound, Unavailable
from domain.fraud import Screening
from domain.live_items import CHANGES
from domain.money import Money
from domain.orders import MAIN, ItemRequest, Order, OrderItem, OrderRequest
from domain.payment_methods import is_stored
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

    @property
    def claim(self) -> tuple[str | None, str | None]:
        """The API key with the idempotency key, where there is one."""
        return (self.principal.key_id, self.key) if self.key is not None else (None, None)

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


@dataclass(frozen=True)
class Wish:
    """A request with when it was made, and the token of the preview that it is to cost the same as. `answers` are those of an
    external tax engine; `shown` is what the customer's test clock shows, where it has one."""

    request: OrderRequest
    principal: Principal
    now: datetime
    token: str | None = None
    answers: Answers = field(default_factory=dict)
    shown: datetime | None = None

    @property
    def at(self) -> datetime:
        """The instant that it is priced for."""
        today = self.shown or self.now
        return today if self.token is None else instant_of(self.token, today)


async def place(
    context: Context, principal: Principal, request: OrderRequest, key: str | None = None, token: str | None = None
) -> Placed:
    """Accept an order, or keep it as a draft where `request.submit` is false. `key` is the idempotency key, of 1 to 200
    printable ASCII characters; with the `token` of a preview it costs what that showed. BadInput names the field; Conflict
    where the key was used for another request, or the preview is stale."""
    demand(principal, Right.place_orders)
    wish = Wish(request, principal, context.now(), token)
    if token is not None and not request.submit:
        raise BadInput("submit", "a draft is not charged yet; give the token when it is submitted")
    once = Once.of(principal, key, request.model_dump(mode="json"))

    async def attempt(answers: Answers) -> Placed:
        if _needs_no_lock(request):
            return await _accept_with_others(context, once, replace(wish, answers=answers))
        async with context.database.transaction() as connection:
            if known := await once.known(connection):
                return known.model_copy(update={"replayed": True})
            take = _accept if request.submit else _draft
            placed = await take(context, connection, replace(wish, answers=answers))
            await once.keep(connection, placed.id, wish.now)
        return placed

    return await order_taxes.asking(context, attempt)


def _needs_no_lock(request: OrderRequest) -> bool:
    """Coupons are locked while they are redeemed, and what is live while it is changed."""
    return request.submit and not request.coupons and all(item.action not in CHANGES for item in request.items)


async def _accept_with_others(context: Context, once: Once, wish: Wish) -> Placed:
    """With those that come at the same moment: what they need is read in one statement, and they are written in another, which
    claims their keys. No connection is held meanwhile."""
    found = await context.circumstances.ask(Asking(wish.request.customer, None, *once.claim))
    if isinstance(found, Made):
        return await _made_before(context, once)
    async with context.database.transaction(statement=True) as connection:
        order = await _frozen(context, connection, wish, _known(found, wish.request.customer), None)
    if await context.accepting.ask(Acceptance(order, wish.now, *once.claim, once.digest)):
        return _acknowledged(order)
    if once.key is None:
        raise orders.accepted_before(order.id)
    return await _made_before(context, once)


async def _made_before(context: Context, once: Once) -> Placed:
    async with context.database.transaction() as connection:
        known = await once.known(connection)
    if known is None:
        raise Unavailable("the order that this key made cannot be read; try again")
    return known.model_copy(update={"replayed": True})


async def submit_draft(
    context: Context, principal: Principal, order_id: str, key: str | None = None, token: str | None = None
) -> Placed:
    """Accept what a draft holds, at today's prices. Whoever submits it is who placed it. Raises NotFound, Conflict where it is
    no draft any more or the preview is stale, BadInput where it cannot be accepted as it stands."""
    demand(principal, Right.place_orders)
    now = context.now()
    once = Once.of(principal, key, "submit", order_id)

    async def attempt(answers: Answers) -> Placed:
        async with context.database.transaction() as connection:
            if known := await once.known(connection):
                return known.model_copy(update={"replayed": True})
            stored = await orders.get(connection, order_id, lock=True)
            if not principal.may(Right.read_orders) and stored.placed_by != principal.name:
                raise NotFound("order", order_id)
            if stored.state is not OrderState.draft or stored.request is None:
                raise Conflict(f"order {stored.id} is {stored.state}; only a draft can be submitted")
            wish = Wish(stored.request, principal, now, token, answers)
            placed = await _accept(context, connection, wish, stored)
            await once.keep(connection, order_id, now)
        return placed

    return await order_taxes.asking(context, attempt)


async def preview(context: Context, principal: Principal, request: OrderRequest) -> OrderPreview:
    """What placing `request` now would charge and do. Raises what placing it would. Who may not read orders is not told why the
    fraud rules say what they say, or could find out by asking what gets past them."""
    demand(principal, Right.place_orders)
    wish = Wish(request, principal, context.now())

    async def attempt(answers: Answers) -> OrderPreview:
        async with context.database.transaction() as connection:
            found = await circumstances(connection, request.customer, "preview")
            order = await _frozen(context, connection, replace(wish, answers=answers), found, "preview")
            free = await capacity.free(connection, order.id, list(wanted(order.items)))
            screening = await Screener().judge(connection, order, found.customer, wish.now, count=False)
        around = Surroundings(customer=found.customer, active_products=found.active_products, free=free)
        if not principal.may(Right.read_orders):
            screening = Screening(band=screening.band)
        return describe(order, around, screening)

    return await order_taxes.asking(context, attempt)


async def circumstances(connection: Connection, customer: str, besides_order: str | None) -> Circumstances:
    """What an order is frozen against; None stands for a new one, which gets its id. Services of the order itself do not count
    as live already. BadInput for an unknown customer."""
    [found] = await entry.read(connection, [Asking(customer, besides_order)])
    return _known(found, customer)


def _known(found: Circumstances | Made | None, customer: str) -> Circumstances:
    if not isinstance(found, Circumstances):
        raise BadInput("customer", f"there is no customer {customer!r}; POST /v1/customers adds one")
    return found


async def placing_of(
    context: Context, connection: Connection, found: Circumstances, order_id: str, placed_by: str, at: datetime
) -> Placing:
    return Placing(
        order_id=order_id,
        customer=found.customer,
        catalogue=await context.catalogues.at(connection, found.revision),
        policies=found.policies,
        active_products=found.active_products,
        placed_by=placed_by,
        placed_at=found.shown or at,
        legal_entity=found.customer.legal_entity or MAIN,
        timezone=found.customer.timezone or "UTC",
        drafting=found.seller.drafting,
    )


async def _frozen(
    context: Context, connection: Connection, wish: Wish, found: Circumstances, order_id: str | None, *, redeem: bool = False
) -> Order:
    """The order as it is accepted; with `redeem` its coupons are locked until the transaction ends. Conflict where the preview
    is stale."""
    if found.is_erased:
        raise BadInput("customer", f"customer {found.customer.id} is erased, or has asked to be, and takes no new order")
    wish = replace(wish, shown=found.shown)
    refuse_odd_dates(wish.request.requested_start, wish.request.requested_completion, found.shown or wish.now)
    _refuse_start_ahead(wish.request.requested_start, found.shown)
    placing = await placing_of(context, connection, found, order_id or str(found.order_id), wish.principal.name, wish.at)
    redemptions = await redemptions_of(connection, wish, lock=redeem)
    changes = await changes_of(context, connection, placing, wish.request.items, wish.request.currency, wish.answers)
    order = freeze(wish.request, placing.model_copy(update={"coupons": redemptions, "changes": changes}))
    await refuse_unpayable(connection, order)
    if decisions := await order_taxes.decide(context, connection, order, found, wish.answers):
        order = taxed(order, decisions, placing.policies)
    if wish.token is not None:
        refuse_stale(wish.token, charged(order))
    return order


async def changes_of(
    context: Context,
    connection: Connection,
    placing: Placing,
    items: Sequence[ItemRequest],
    currency: str,
    answers: Answers,
    known: Sequence[str] = (),
) -> dict[str, OrderItem]:
    """By item, those that change what is live and are not `known`, as their subscriptions are found. Raises as
    `live_items.look`."""
    looking = Looking(
        customer=placing.customer.id,
        currency=currency,
        by=placing.placed_by,
        as_of=placing.placed_at,
        catalogue=placing.catalogue,
        engines=context.taxes,
        answers=answers,
    )
    return await live_items.look(connection, items, looking, known)


async def refuse_unpayable(connection: Connection, order: Order) -> None:
    """BadInput for a stored method that cannot be asked for the order's money: another customer's, one that is good no more, or
    a transfer, which comes after the invoice and not before the service."""
    method = order.payment_method
    if not order.total or method is None or not is_stored(method):
        return
    await payment_methods.check_usable(connection, method, order.customer.id)
    known = await payment_methods.get(connection, method)
    if not known.is_charged:
        raise BadInput("payment_method", f"{method} is a {known.facts.kind}; an order needs one that can be charged")


async def redemptions_of(connection: Connection, wish: Wish, *, lock: bool) -> list[Redemption]:
    """What redeeming the request's coupons gives, in its order; locked in the order of their ids, so that two orders never wait
    for each other. BadInput for one that cannot be redeemed."""
    found = {}
    given = wish.request.coupons
    for coupon in sorted(set(given)):
        try:
            found[coupon] = await coupons.look(connection, coupon, wish.request.customer, wish.at, lock=lock)
        except (NotFound, Conflict) as error:
            raise BadInput(f"coupons[{given.index(coupon)}]", str(error)) from None
    if len(found) < len(given):
        raise BadInput("coupons", "name each coupon once")
    return [found[coupon] for coupon in given]


def refuse_odd_dates(start: Instant | None, completion: Instant | None, now: datetime) -> None:
    """BadInput for a date long past or beyond all planning."""
    for name, asked in (("requested_start", start), ("requested_completion", completion)):
        if asked and not now - timedelta(days=1) <= asked <= now + LONGEST_AHEAD:
            raise BadInput(name, "has to lie between yesterday and ten years from now")


def _refuse_start_ahead(start: Instant | None, shown: datetime | None) -> None:
    """BadInput where the start lies beyond what a test clock shows: an order would wait for it in real time."""
    if start is not None and shown is not None and start > shown:
        raise BadInput("requested_start", f"the customer's test clock shows {shown.isoformat()}; advance it to the start first")


async def _accept(context: Context, connection: Connection, wish: Wish, draft: StoredOrder | None = None) -> Placed:
    found = await circumstances(connection, wish.request.customer, draft.id if draft else None)
    order = await _frozen(context, connection, wish, found, draft.id if draft else None, redeem=True)
    if draft is not None:
        order = order.model_copy(update={"revision": draft.revision})
    await orders.accept(connection, order, wish.now)
    for redemption in order.coupons:
        await coupons.redeem_for(connection, redemption, order.id)
    return _acknowledged(order)


def _acknowledged(order: Order) -> Placed:
    return Placed(id=order.id, state=OrderState.acknowledged, version=order.revision, total=order.total)


async def _draft(_context: Context, connection: Connection, wish: Wish) -> Placed:
    await _customer(connection, wish.request.customer)
    today = await clocks.business_now(connection, wish.request.customer)
    refuse_odd_dates(wish.request.requested_start, wish.request.requested_completion, today)
    order_id = await orders.next_id(connection)
    await orders.add_draft(connection, order_id, wish.request, wish.principal.name, wish.now)
    return Placed(id=order_id, state=OrderState.draft, version=1, total=Money.zero(wish.request.currency))


async def _customer(connection: Connection, customer: str) -> Customer:
    try:
        return await customers.get(connection, customer)
    except NotFound:
        raise BadInput("customer", f"there is no customer {customer!r}; POST /v1/customers adds one") from None


def _as_placed(stored: StoredOrder) -> Placed:
    currency = stored.request.currency if stored.request else "EUR"
    total = stored.order.total if stored.order else Money.zero(currency)
    return Placed(id=stored.id, state=stored.state, version=stored.revision, total=total)
