"""Subscriptions as they are shown, and what is asked of one: through its process, which writes it."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from activities.runtime.processes import Ended
from activities.store import catalogue, due_rows, exports, subscriptions
from activities.store.database import Connection
from activities.store.subscriptions import StoredSubscription
from api.commands import PATIENCE
from api.context import Context
from domain.billing.lines import InvoiceLine
from domain.catalogue import Price
from domain.errors import Conflict, Unavailable
from domain.money import Money
from domain.provisioning import ExportState
from domain.roles import Principal, Right
from domain.states import SubscriptionState
from domain.subscriptions.facts import BillingStop, Ending, Pausing, Progress, ScheduledChange, Subscription
from domain.subscriptions.renewal import line_of, upcoming
from domain.values import Instant, Value


class SubscriptionLine(Value):
    """`next_renewal` is when its next period is billed, `paid_until` the end of the last one that was paid for."""

    id: str
    customer: str
    product: str
    plan: str
    quantity: int
    currency: str
    state: SubscriptionState
    version: int
    started_at: Instant
    next_renewal: Instant | None
    paid_until: Instant | None
    ending: Ending | None
    ended_at: Instant | None


class Ahead(Value):
    """What happens to it at a business date; `trouble` is why it has not happened yet, where it was due."""

    kind: str
    due_at: Instant
    trouble: str | None = None


class ExportView(Value):
    """What a system has given out of a service that has ended. `address` is shown to who may change subscriptions: whoever has
    it has the data. It is there until it expires or the service is taken down."""

    system: str
    state: ExportState
    asked_at: Instant
    ready_at: Instant | None
    expires_at: Instant | None
    address: str | None


class SubscriptionDetail(SubscriptionLine):
    """`next_charge` is what the next period costs before discounts and tax, as things stand."""

    order: str
    item: str
    service: str
    plan_name: str
    price: str
    price_version: int
    payment_method: str | None
    trial_ends: Instant | None
    progress: tuple[Progress, ...]
    owed: tuple[str, ...]
    suspended_for: tuple[str, ...]
    throttled_for: tuple[str, ...]
    billing_stop: BillingStop | None
    paused_since: Instant | None
    pausing: Pausing | None
    changes: tuple[ScheduledChange, ...]
    legal_hold: str
    exports: list[ExportView]
    next_charge: Money | None
    ahead: list[Ahead]


def line(stored: StoredSubscription) -> SubscriptionLine:
    return SubscriptionLine(**_line(stored))


async def detail(connection: Connection, principal: Principal, subscription: str) -> SubscriptionDetail:
    """As who looks may see it. Raises NotFound."""
    stored = await subscriptions.get(connection, subscription)
    facts = stored.subscription
    ahead = [
        Ahead(kind=row.kind, due_at=row.due_at, trouble=row.error)
        for row in await due_rows.of_subject(connection, subscription)
    ]
    kept = set(SubscriptionDetail.model_fields) & set(type(facts).model_fields)
    return SubscriptionDetail(
        **{name: getattr(facts, name) for name in kept - {"price"}},
        **{name: value for name, value in _line(stored).items() if name not in kept},
        service=facts.service,
        price=facts.price.id,
        price_version=facts.price.version,
        payment_method=stored.payment_method,
        exports=await _exports(connection, facts, shown=principal.may(Right.keep_subscriptions)),
        next_charge=next_charge(facts, await catalogue.moving(connection, facts)),
        ahead=ahead,
    )


async def _exports(connection: Connection, facts: Subscription, *, shown: bool) -> list[ExportView]:
    if facts.ended_at is None:
        return []
    return [
        ExportView(
            **each.model_dump(exclude={"address", "failures"}),
            address=each.address.get_secret_value() if shown and each.address is not None else None,
        )
        for each in await exports.of_service(connection, facts.service)
    ]


def _line(stored: StoredSubscription) -> dict[str, Any]:
    facts = stored.subscription
    own = set(SubscriptionLine.model_fields) & set(type(facts).model_fields)
    around = {"state": stored.state, "version": stored.version, "next_renewal": stored.next_renewal}
    return {name: getattr(facts, name) for name in own} | around


def next_charge(subscription: Subscription, later: Sequence[Price]) -> Money | None:
    """What its next renewal charges before discounts and tax, as things stand; None where nothing recurs any more. `later` are
    prices that move it."""
    lines: list[InvoiceLine] = [line_of(subscription, each) for each in upcoming(subscription, later)]
    return None if not lines else sum((each.amount for each in lines[1:]), lines[0].amount)


async def instruct(context: Context, principal: Principal, subscription: str, update: str, **asked: Any) -> Any:
    """What its process answers. Again changes nothing. Raises NotFound, BadInput, Conflict where it is past it, and Unavailable
    while it cannot be done."""
    async with context.database.transaction() as connection:
        await subscriptions.get(connection, subscription)
    argument = {name: _plain(value) for name, value in asked.items() if value is not None} | {"by": principal.name}
    try:
        async with asyncio.timeout(PATIENCE):
            return await context.processes.instruct(subscription, update, argument, f"{update}:{uuid.uuid4().hex}")
    except TimeoutError:
        raise Unavailable(
            f"subscription {subscription} does not answer now; it may still do as asked, so look before asking again"
        ) from None
    except Ended:
        raise Conflict(f"subscription {subscription} was being changed; ask again") from None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
