"""What customers have on file to pay with. No card number is ever here: tokens of gateways, and what a person may be shown."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from activities.store.database import Connection, among, among_given
from activities.store.tables.customers import customers, payment_method_events, payment_method_tokens, payment_methods
from activities.store.tables.services import subscriptions
from domain import keys
from domain.errors import BadInput, NotFound
from domain.gateway_events import GatewayEvent, GatewayEventKind
from domain.payment_methods import (
    EXPIRING_WITHIN,
    MethodFacts,
    MethodState,
    StoredMethod,
    choose,
    good_until,
    is_stored,
    state_at,
)
from domain.states import ORDER, OrderState, is_terminal
from domain.values import Instant, Value

UPDATED = "payment_method.updated"
REVOKED = "payment_method.revoked"


class MethodEvent(Value):
    """One thing that became of a method. `key` makes it unique for the method."""

    key: str
    type: str
    actor: str
    summary: str
    at: Instant


def _methods() -> Select[Any]:
    token = func.json_object_agg(payment_method_tokens.c.gateway, payment_method_tokens.c.token)
    tokens = select(token).where(payment_method_tokens.c.method == payment_methods.c.id).scalar_subquery()
    return select(payment_methods, tokens.label("tokens"))


def _method(row: Any) -> StoredMethod:
    values = dict(row)
    return StoredMethod.model_validate(values | {"tokens": values["tokens"] or {}})


_FIND_MANY = _methods().where(among_given(payment_methods.c.id, "methods"))
_DEFAULTS = select(customers.c.id, customers.c.document["payment_method"].astext).where(
    among_given(customers.c.id, "customers")
)
_OVERRIDING = select(subscriptions.c.payment_method).where(subscriptions.c.id == bindparam("subscription"))


async def find(connection: Connection, method: str, *, lock: bool = False) -> StoredMethod | None:
    """None where there is none. `lock` holds it until the transaction ends."""
    query = _methods().where(payment_methods.c.id == method)
    row = (await connection.execute(query.with_for_update(of=payment_methods) if lock else query)).mappings().first()
    return None if row is None else _method(row)


async def get(connection: Connection, method: str, *, lock: bool = False) -> StoredMethod:
    """Raises NotFound."""
    found = await find(connection, method, lock=lock)
    if found is None:
        raise NotFound("payment method", method)
    return found


async def find_many(connection: Connection, methods: Iterable[str]) -> dict[str, StoredMethod]:
    """Those there are, by id."""
    if not (wanted := list(methods)):
        return {}
    rows = (await connection.execute(_FIND_MANY, {"methods": wanted})).mappings()
    return {method.id: method for method in map(_method, rows)}


async def of_customer(connection: Connection, customer: str) -> list[StoredMethod]:
    """In the order they were added, with those that are revoked."""
    query = _methods().where(payment_methods.c.customer == customer)
    rows = await connection.execute(query.order_by(payment_methods.c.added_at, payment_methods.c.id))
    return [_method(row) for row in rows.mappings()]


async def defaults_of(connection: Connection, of: Iterable[str]) -> dict[str, str | None]:
    """What each customer's record names: a stored method's id, or a token of the default gateway."""
    return {row[0]: row[1] for row in (await connection.execute(_DEFAULTS, {"customers": list(of)})).all()}


async def default_of(connection: Connection, customer: str) -> str | None:
    """As `defaults_of`, of one."""
    return (await defaults_of(connection, [customer])).get(customer)


async def charged_with(connection: Connection, customer: str, subscription: str | None = None) -> str | None:
    """What is charged for the customer, or for one subscription of it: a stored method's id or a token; None where nothing that
    it has given is good, so that it has to give something new."""
    own = {"subscription": subscription}
    overriding = (await connection.execute(_OVERRIDING, own)).scalar() if subscription is not None else None
    default = await default_of(connection, customer)
    stored = [method for method in (overriding, default) if method and is_stored(method)]
    return choose(overriding, default, await find_many(connection, stored))


async def chargeable_defaults(connection: Connection, among_customers: Iterable[str]) -> set[str]:
    """Those of these customers whose default is a stored method that money may be asked of."""
    wanted = list(among_customers)
    if not wanted:
        return set()
    default = customers.c.document["payment_method"].astext
    query = select(customers.c.id, default).where(among(customers.c.id, wanted), default.startswith(keys.PAYMENT_METHOD))
    named = {row.id: row[1] for row in await connection.execute(query)}
    known = await find_many(connection, named.values()) if named else {}
    return {customer for customer, method in named.items() if method in known and known[method].is_charged}


async def page(
    connection: Connection,
    after: str | None,
    limit: int,
    customer: str | None = None,
    expiring_before: datetime | None = None,
) -> list[StoredMethod]:
    """In order of id, those after `after`; `expiring_before` narrows to active ones that are good no more by then."""
    query = _methods().order_by(payment_methods.c.id).limit(limit)
    if after is not None:
        query = query.where(payment_methods.c.id > after)
    if customer is not None:
        query = query.where(payment_methods.c.customer == customer)
    if expiring_before is not None:
        query = query.where(payment_methods.c.state == MethodState.active, payment_methods.c.expires_at <= expiring_before)
    return [_method(row) for row in (await connection.execute(query)).mappings()]


async def add(connection: Connection, method: StoredMethod, actor: str, now: datetime) -> StoredMethod:
    """Keep it, or the facts that the gateway tells of one that is known; what was revoked is good again, as the customer gives
    it anew."""
    before = await find(connection, method.id, lock=True)
    expires_at = good_until(method.facts)
    state = state_at(MethodState.active, expires_at, now)
    changed = {"state": state, "facts": method.facts.model_dump(mode="json"), "expires_at": expires_at}
    made = insert(payment_methods).values(id=method.id, customer=method.customer, added_at=method.added_at, **changed)
    await connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=changed))
    for gateway, token in method.tokens.items():
        await add_token(connection, method.id, gateway, token)
    if before is None or before.state is MethodState.revoked:
        said = f"{method.facts.kind} added"
        event = MethodEvent(key=f"added:{now.isoformat()}", type="payment_method.added", actor=actor, summary=said, at=now)
        await tell(connection, method.id, event)
    return await get(connection, method.id)


async def add_token(connection: Connection, method: str, gateway: str, token: str) -> None:
    """What `gateway` calls it; a new name replaces the old one."""
    made = insert(payment_method_tokens).values(method=method, gateway=gateway, token=token)
    await connection.execute(made.on_conflict_do_update(index_elements=["method", "gateway"], set_={"token": token}))


async def revoke(connection: Connection, method: str, event: MethodEvent) -> None:
    """For good. Subscriptions that had it as their own follow the customer's default from now on."""
    gone = (payment_methods.c.id == method, payment_methods.c.state != MethodState.revoked)
    if (await connection.execute(update(payment_methods).where(*gone).values(state=MethodState.revoked))).rowcount:
        freed = update(subscriptions).where(subscriptions.c.payment_method == method)
        await connection.execute(freed.values(payment_method=None, version=subscriptions.c.version + 1))
        await tell(connection, method, event)


async def why_kept(connection: Connection, method: StoredMethod, default: str | None) -> str | None:
    """Why it cannot be taken away now: an open order is paid with it, or something is past due and there is nothing else to pay
    it with. None where it can."""
    found = {"customer": method.customer, "method": method.id}
    order = (await connection.execute(_PAID_WITH, found)).scalar()
    if order is not None:
        return f"order {order} is still open and is paid with it"
    asked = (await connection.execute(_ASKED, found)).scalar()
    if asked is not None:
        return f"payment {asked} with it is not decided yet"
    others = [each for each in await of_customer(connection, method.customer) if each.id != method.id and each.is_charged]
    is_other_default = default is not None and default != method.id and not is_stored(default)
    if not method.is_charged or others or is_other_default:
        return None
    invoice = (await connection.execute(_PAST_DUE, found)).scalar()
    return None if invoice is None else f"invoice {invoice} is past due and there is nothing else to pay it with"


_PAID_WITH = text("""
    SELECT id FROM orders WHERE customer = :customer AND document ->> 'payment_method' = :method AND state <> ALL(:ended)
     ORDER BY number LIMIT 1
""").bindparams(bindparam("ended", [state for state in OrderState if is_terminal(ORDER, state)], type_=ARRAY(String)))
_ASKED = text("SELECT key FROM collections WHERE method = :method AND state = 'asked' LIMIT 1")
_PAST_DUE = text("SELECT id FROM invoices WHERE customer = :customer AND state = 'overdue' ORDER BY due_date, id LIMIT 1")


async def follow_own(connection: Connection, subscription: str, method: str | None) -> None:
    """From now on the subscription is charged with `method`; None: with the customer's default."""
    changed = update(subscriptions).where(subscriptions.c.id == subscription)
    await connection.execute(changed.values(payment_method=method, version=subscriptions.c.version + 1))


async def owner_and_own(connection: Connection, subscription: str, *, lock: bool = False) -> tuple[str, str | None]:
    """(customer, the subscription's own method). Raises NotFound."""
    query = select(subscriptions.c.customer, subscriptions.c.payment_method).where(subscriptions.c.id == subscription)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound("subscription", subscription)
    return row.customer, row.payment_method


async def check_usable(connection: Connection, method: str | None, customer: str, field: str = "payment_method") -> None:
    """BadInput, naming `field`, for a stored method that is not this customer's or is good no more; a token is the gateway's to
    judge."""
    if method is None or not is_stored(method):
        return
    known = await find(connection, method)
    if known is None or known.customer != customer:
        raise BadInput(field, f"customer {customer} has no payment method {method}; POST /v1/payment-methods adds one")
    if known.state is not MethodState.active:
        raise BadInput(field, f"{method} is {known.state}; give another, or add one with POST /v1/payment-methods")


async def apply_update(connection: Connection, gateway: str, event: GatewayEvent, now: datetime) -> list[str]:
    """What a gateway tells of a token, `method_updated` with new facts or `method_revoked`. Returns the ids of the methods that
    have it; none where it is not on file. A message that comes twice, or after a later one, changes nothing."""
    known = select(payment_method_tokens.c.method).where(
        payment_method_tokens.c.gateway == gateway, payment_method_tokens.c.token == event.method
    )
    touched = list((await connection.execute(known.order_by(payment_method_tokens.c.method))).scalars())
    for method in touched:
        stored = await get(connection, method, lock=True)
        key = f"{gateway}:{event.id}"
        if event.kind is GatewayEventKind.method_revoked:
            summary = "revoked by the gateway"
            gone = MethodEvent(key=key, type=REVOKED, actor=gateway, summary=summary, at=event.at)
            await revoke(connection, method, gone)
        elif event.facts is not None and not await _is_stale(connection, method, event.at):
            news = MethodEvent(key=key, type=UPDATED, actor=gateway, summary=_summary(event.facts), at=event.at)
            await _take_over(connection, stored, event.facts, news, now)
    return touched


async def _is_stale(connection: Connection, method: str, at: datetime) -> bool:
    last = select(func.max(payment_method_events.c.at)).where(
        payment_method_events.c.method == method, payment_method_events.c.type == UPDATED
    )
    latest = (await connection.execute(last)).scalar()
    return latest is not None and latest > at


async def _take_over(
    connection: Connection, stored: StoredMethod, facts: MethodFacts, news: MethodEvent, now: datetime
) -> None:
    if not await tell(connection, stored.id, news):
        return
    expires_at = good_until(facts)
    changed = {"facts": facts.model_dump(mode="json"), "expires_at": expires_at}
    state = state_at(stored.state, expires_at, now)
    await connection.execute(update(payment_methods).where(payment_methods.c.id == stored.id).values(state=state, **changed))


async def expire(connection: Connection, now: datetime, limit: int, customers: list[str] | None = None) -> list[str]:
    """Up to `limit` active methods whose time is over at `now` are expired from now on; their ids. Those of `customers`, or of
    all that live in real time."""
    return list((await connection.execute(_EXPIRE, {"now": now, "limit": limit, "customers": customers})).scalars())


async def tell_expiring(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Tell once of up to `limit` active methods whose time ends within thirty days; their ids."""
    found = {"now": now, "until": now + EXPIRING_WITHIN, "limit": limit}
    return list((await connection.execute(_TELL_EXPIRING, found)).scalars())


_EXPIRE = text("""
    WITH over AS (
        UPDATE payment_methods SET state = 'expired' WHERE id = ANY(ARRAY(
            SELECT id FROM payment_methods WHERE state = 'active' AND expires_at <= :now
               AND CASE WHEN CAST(:customers AS varchar[]) IS NOT NULL THEN customer = ANY(CAST(:customers AS varchar[]))
                        ELSE NOT EXISTS (SELECT FROM customers WHERE id = customer AND clock IS NOT NULL) END
             ORDER BY expires_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
        )) RETURNING id, expires_at
    ), told AS (
        INSERT INTO payment_method_events (method, key, type, actor, summary, at)
        SELECT id, 'expired:' || expires_at::date, 'payment_method.expired', 'turnup', 'its month is over', :now FROM over
        ON CONFLICT DO NOTHING
    )
    SELECT id FROM over
""")
_TELL_EXPIRING = text("""
    INSERT INTO payment_method_events (method, key, type, actor, summary, at)
    SELECT id, 'expiring:' || expires_at::date, 'payment_method.expiring', 'turnup',
           'good through ' || to_char(expires_at - interval '1 day', 'MM/YYYY'), :now
      FROM payment_methods method
     WHERE state = 'active' AND expires_at > :now AND expires_at <= :until
       AND NOT EXISTS (SELECT FROM customers WHERE id = method.customer AND clock IS NOT NULL) AND NOT EXISTS (
           SELECT FROM payment_method_events told WHERE told.method = method.id AND told.key = 'expiring:' || expires_at::date)
     ORDER BY expires_at, id LIMIT :limit
    ON CONFLICT DO NOTHING
    RETURNING method
""")


def _summary(facts: MethodFacts) -> str:
    until = f", good through {facts.exp_month:02}/{facts.exp_year}" if facts.exp_month and facts.exp_year else ""
    return f"the gateway has news of it: {facts.brand or facts.kind} ending {facts.last4 or '?'}{until}"


async def tell(connection: Connection, method: str, event: MethodEvent) -> bool:
    """Whether it is news."""
    made = insert(payment_method_events).values(method=method, **event.model_dump()).on_conflict_do_nothing()
    return bool((await connection.execute(made)).rowcount)


async def events_of(connection: Connection, method: str) -> list[MethodEvent]:
    """In order of happening."""
    query = select(payment_method_events).where(payment_method_events.c.method == method)
    rows = await connection.execute(query.order_by(payment_method_events.c.at, payment_method_events.c.key))
    return [MethodEvent.model_validate(dict(row)) for row in rows.mappings()]
