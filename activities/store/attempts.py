"""Which gateway each payment was sent to, written down before it is asked."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection, among
from activities.store.tables.invoices import invoices
from activities.store.tables.orders import payments
from activities.store.tables.payments import collections, payment_attempts
from domain import keys
from domain.collection import CollectionState
from domain.errors import NotFound
from domain.money import Money
from domain.payments import Outcome, PaymentRequest, PaymentResult
from domain.routing import Decision, Look
from domain.states import PaymentState
from domain.values import Instant, Value

MOST = 100
"""Payments of one order or invoice that are looked for."""
TECHNICAL = (Outcome.not_attempted, Outcome.unknown)
"""Outcomes that speak against the gateway and not against the payment."""


class Attempt(Value):
    """`latency_ms` is that of the answer; None while there is none. `fee` is in minor units of the payment's currency.
    `failures` counts the answers that spoke against the gateway."""

    key: str
    gateway: str
    method: str
    customer: str
    amount: Money
    rule: str
    looks: list[Look]
    asked_at: Instant
    answered_at: Instant | None = None
    outcome: Outcome | None = None
    code: str | None = None
    elsewhere: bool = False
    request_id: str | None = None
    reference: str | None = None
    action: str | None = None
    latency_ms: int | None = None
    fee: int | None = None
    failures: int = 0


_BEGIN = (
    insert(payment_attempts)
    .on_conflict_do_update(index_elements=["key"], set_={"gateway": payment_attempts.c.gateway})
    .returning(payment_attempts)
)
_ANSWERED = update(payment_attempts).where(payment_attempts.c.key == bindparam("of"))
_FAILED = _ANSWERED.where(
    payment_attempts.c.outcome.is_(None) | among(payment_attempts.c.outcome, [outcome.value for outcome in TECHNICAL])
).values(failures=payment_attempts.c.failures + 1)
_FIND = select(payment_attempts).where(payment_attempts.c.key == bindparam("key"))
_GATEWAY = select(payment_attempts.c.gateway).where(payment_attempts.c.key == bindparam("key"))


async def begin(connection: Connection, request: PaymentRequest, decision: Decision, now: datetime) -> Attempt:
    """The attempt of this key: the one that was begun before, or else this one. One statement."""
    values = {
        "key": request.key,
        "gateway": decision.gateway,
        "method": request.method,
        "customer": request.customer,
        "currency": request.amount.currency,
        "amount": request.amount.minor,
        "rule": decision.rule,
        "looks": [look.model_dump() for look in decision.looks],
        "asked_at": now,
    }
    return _attempt((await connection.execute(_BEGIN, values)).mappings().one())


async def answer(connection: Connection, key: str, result: PaymentResult, latency: timedelta | None, now: datetime) -> None:
    """Note the outcome; `latency` None leaves that of the answer before. What is definite is not taken back by what is not
    known, and that the gateway once failed stays counted when the payment turns out well."""
    values: dict[str, Any] = {
        "answered_at": now,
        "outcome": result.outcome,
        "code": result.code,
        "elsewhere": result.elsewhere,
        "request_id": result.request_id,
        "reference": result.reference,
        "action": result.action,
        "fee": result.fee.minor if result.fee else None,
    }
    if latency is not None:
        values["latency_ms"] = latency // timedelta(milliseconds=1)
    statement = _FAILED if result.outcome in TECHNICAL else _ANSWERED
    await connection.execute(statement, {"of": key, **values})


async def find(connection: Connection, key: str) -> Attempt | None:
    """None for a payment that a release before this one asked for."""
    row = (await connection.execute(_FIND, {"key": key})).mappings().first()
    return _attempt(row) if row is not None else None


async def gateway_of(connection: Connection, key: str, default: str) -> str:
    """The gateway that holds the money of a payment; `default` for one that a release before this one asked for."""
    return (await connection.execute(_GATEWAY, {"key": key})).scalar_one_or_none() or default


async def key_of(connection: Connection, gateway: str, reference: str) -> str | None:
    """Our key of the payment that the gateway calls `reference`; None while no answer of it was noted."""
    query = select(payment_attempts.c.key).where(
        payment_attempts.c.gateway == gateway, payment_attempts.c.reference == reference
    )
    return (await connection.execute(query.order_by(payment_attempts.c.asked_at).limit(1))).scalar_one_or_none()


async def of_keys(connection: Connection, wanted: Sequence[str]) -> dict[str, Attempt]:
    found = await connection.execute(select(payment_attempts).where(among(payment_attempts.c.key, wanted)))
    return {row["key"]: _attempt(row) for row in found.mappings()}


_STATE = func.coalesce(
    payments.c.state,
    case(
        (collections.c.state == CollectionState.paid, PaymentState.captured.value),
        (collections.c.state == CollectionState.declined, PaymentState.declined.value),
        (collections.c.state == CollectionState.elsewhere, PaymentState.voided.value),
        (collections.c.state == CollectionState.asked, PaymentState.authorizing.value),
        (payment_attempts.c.outcome == Outcome.succeeded, PaymentState.captured.value),
        (payment_attempts.c.outcome.startswith("declined"), PaymentState.declined.value),
        (payment_attempts.c.elsewhere, PaymentState.voided.value),
        else_=PaymentState.authorizing.value,
    ),
)
"""An order's payment has a state of its own, and what an invoice is due that of its collection; of what neither knows the
outcome says it."""


class StoredPayment(Attempt):
    """A payment with what an order knows of it; None where it is not an order's. Amounts as in `amount`."""

    order: str | None = None
    state: PaymentState
    captured: Money | None = None
    refunded: Money | None = None


class Wanted(Value):
    """Conditions that all hold; None is any."""

    customer: str | None = None
    order: str | None = None
    invoice: str | None = None
    """Those that collect it, and those of the order that it is for."""
    gateway: str | None = None
    outcome: Outcome | None = None
    state: PaymentState | None = None


async def page(connection: Connection, after: tuple[datetime, str] | None, limit: int, wanted: Wanted) -> list[StoredPayment]:
    """The newest first, those before `after` (asked_at, key)."""
    place = (payment_attempts.c.asked_at, payment_attempts.c.key)
    query = _payments().order_by(*(column.desc() for column in place)).limit(limit)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    conditions = (
        (payment_attempts.c.customer, wanted.customer),
        (payments.c.order_id, wanted.order),
        (payment_attempts.c.gateway, wanted.gateway),
        (payment_attempts.c.outcome, wanted.outcome),
        (_STATE, wanted.state),
    )
    query = query.where(*(column == value for column, value in conditions if value is not None))
    if wanted.invoice is not None:
        query = query.where(_of_invoice(wanted.invoice))
    return [_payment(row) for row in (await connection.execute(query)).mappings()]


async def of_subject(connection: Connection, subject: str) -> list[StoredPayment]:
    """All payments of one order or invoice, in the order in which they were asked for."""
    query = _payments().where(_of(subject)).order_by(payment_attempts.c.asked_at, payment_attempts.c.key)
    return [_payment(row) for row in (await connection.execute(query)).mappings()]


async def get(connection: Connection, key: str) -> StoredPayment:
    """Raises NotFound."""
    row = (await connection.execute(_payments().where(payment_attempts.c.key == key))).mappings().first()
    if row is None:
        raise NotFound("payment", key)
    return _payment(row)


def _payments() -> Select[Any]:
    known = (payments.c.order_id.label("order"), _STATE.label("state"), payments.c.captured, payments.c.refunded)
    of_orders = select(payment_attempts, *known).outerjoin(payments, payments.c.key == payment_attempts.c.key)
    return of_orders.outerjoin(collections, collections.c.key == payment_attempts.c.key)


def _of(subject: str) -> ColumnElement[bool]:
    """By their keys, so that the primary key finds them."""
    return among(payment_attempts.c.key, [keys.payment(subject, number) for number in range(1, MOST + 1)])


def _of_invoice(invoice: str) -> ColumnElement[bool]:
    order = select(invoices.c.order_id).where(invoices.c.id == invoice).scalar_subquery()
    return or_(_of(invoice), payments.c.order_id == order)


def _payment(row: Any) -> StoredPayment:
    amounts = {
        name: Money(minor=row[name], currency=row["currency"]) for name in ("captured", "refunded") if row[name] is not None
    }
    return StoredPayment.model_validate({**row, "amount": Money(minor=row["amount"], currency=row["currency"]), **amounts})


class Tally(Value):
    """What a gateway answered in a stretch of time: `failed` of `answered` spoke against it. `median` and `slowest` (p99) are
    milliseconds."""

    gateway: str
    begins: Instant
    answered: int
    failed: int
    median: int
    slowest: int


async def tallies(connection: Connection, since: datetime, until: datetime, every: timedelta) -> list[Tally]:
    """By gateway and stretch of `every`, for what was answered in `[since, until)`; those without an answer are left out."""
    columns = payment_attempts.c
    begins = func.date_bin(every, columns.answered_at, since)
    query = (
        select(
            columns.gateway,
            begins.label("begins"),
            func.count().label("answered"),
            func.count().filter(_failed()).label("failed"),
            func.coalesce(func.percentile_disc(0.5).within_group(columns.latency_ms), 0).label("median"),
            func.coalesce(func.percentile_disc(0.99).within_group(columns.latency_ms), 0).label("slowest"),
        )
        .where(columns.answered_at >= since, columns.answered_at < until)
        .group_by(columns.gateway, begins)
        .order_by(columns.gateway, begins)
    )
    return [Tally.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def recent(connection: Connection, gateway: str, since: datetime, limit: int) -> list[bool]:
    """Whether each of the last answers since then, the newest first, speaks against the gateway."""
    columns = payment_attempts.c
    query = select(_failed()).where(columns.gateway == gateway, columns.answered_at >= since)
    return list((await connection.execute(query.order_by(columns.answered_at.desc()).limit(limit))).scalars())


def _failed() -> ColumnElement[bool]:
    return payment_attempts.c.failures > 0


def _attempt(row: Any) -> Attempt:
    return Attempt.model_validate({**row, "amount": Money(minor=row["amount"], currency=row["currency"])})
