"""Refunds: written down before a gateway is asked, so that never more of a payment is promised than is left of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import access_blocks, balances, crediting_payments, dispatches, ledger, paid, patrol
from activities.store.database import Connection, among
from activities.store.dispatches import Dispatch, Kind
from activities.store.tables.payments import disputes, refunds
from domain import keys
from domain.billing.cash_postings import Payment, payment_received, refund_came_back, refunded
from domain.billing.credit_notes import CreditReason
from domain.disputes import TAKEN
from domain.errors import Conflict, NotFound, Refused
from domain.money import Money
from domain.payments import RefundRequest
from domain.refunds import COUNTED, AccessAfter, Paid, Refund, RefundState, left_of

BLOCKED_BY = "refund"
OF_AN_ORDER = "order"
"""Who asks for the refund of an order's item."""


async def reserve(connection: Connection, wanted: Refund, whole: bool) -> Refund:
    """Promise a refund and ask for its process, once; with `whole`, over all that is left. The same id again is the same one.

    Raises NotFound for a payment that took no money, and Conflict where something else was asked for under the id, where more
    is asked for than is left, or where the payment is disputed.
    """
    booked = await paid.find(connection, wanted.payment, lock=True)
    if booked is None:
        raise NotFound("captured payment", wanted.payment)
    before = await find(connection, wanted.id)
    if before is not None:
        return _same(before, wanted, whole)
    left = await _left(connection, booked)
    amount = left if whole else wanted.amount
    if not amount or left.currency != amount.currency or left < amount:
        raise Conflict(f"{amount} of payment {booked.key} cannot be refunded: {left} of {booked.amount} is left to refund")
    asked = wanted.model_copy(update={"amount": amount, "customer": booked.customer})
    await _insert(connection, asked)
    request = Dispatch(key=f"refund:{asked.id}", kind=Kind.refund, subject=asked.id, due_at=asked.requested_at)
    await dispatches.request(connection, [request])
    return asked


def _same(before: Refund, wanted: Refund, whole: bool) -> Refund:
    told = (before.payment, before.access, before.reason) == (wanted.payment, wanted.access, wanted.reason)
    if not told or not (whole or before.amount == wanted.amount):
        raise Conflict(f"refund {before.id} was asked for over something else; use a new id or key for a new refund")
    return before


async def left(connection: Connection, payment: Paid) -> Money:
    """What may still be refunded, where the payment is not disputed."""
    given = await connection.execute(
        select(func.coalesce(func.sum(refunds.c.amount), 0)).where(
            refunds.c.payment == payment.key, among(refunds.c.state, [state.value for state in COUNTED])
        )
    )
    contested = await connection.execute(
        select(func.coalesce(func.sum(disputes.c.amount), 0)).where(
            disputes.c.payment == payment.key, among(disputes.c.state, [state.value for state in TAKEN])
        )
    )
    amounts = [Money(minor=int(each.scalar_one()), currency=payment.amount.currency) for each in (given, contested)]
    return left_of(payment.amount, *amounts)


async def _left(connection: Connection, payment: Paid) -> Money:
    """Raises Conflict where a dispute or a return has taken the money already."""
    taken = select(disputes.c.id).where(
        disputes.c.payment == payment.key, among(disputes.c.state, [state.value for state in TAKEN])
    )
    dispute = (await connection.execute(taken.limit(1))).scalar()
    if dispute is not None:
        raise Conflict(f"payment {payment.key} is disputed ({dispute}): a refund would give the money back twice")
    if await ledger.posted(connection, keys.returned(payment.key)):
        raise Conflict(f"payment {payment.key} was returned by the payer's bank, and there is nothing to refund")
    return await left(connection, payment)


async def reserve_item(connection: Connection, request: RefundRequest, now: datetime) -> None:
    """Promise the refund of an order's item, under the same ceiling. Again changes nothing. Raises Refused where it does not
    fit; a payment that is not booked has no ceiling but the gateway's own."""
    booked = await paid.find(connection, request.key, lock=True)
    row = await _row(connection, refunds.c.key == request.refund_key)
    if row is not None and row["state"] != RefundState.refused:
        return
    if booked is not None:
        try:
            free = await _left(connection, booked)
        except Conflict as conflict:
            raise Refused(str(conflict)) from None
        if free < request.amount:
            raise Refused(f"{request.amount} of payment {request.key} cannot be refunded: {free} is left to refund")
    asked = Refund(
        id=request.refund_key,
        key=request.refund_key,
        payment=request.key,
        customer=booked.customer if booked else None,
        amount=request.amount,
        state=RefundState.reserved,
        access=AccessAfter.keep,
        requested_by=OF_AN_ORDER,
        requested_at=now,
    )
    await _insert(connection, asked)


async def _insert(connection: Connection, refund: Refund) -> None:
    row = refund.model_dump(exclude={"amount"}) | {"amount": refund.amount.minor, "currency": refund.amount.currency}
    made = insert(refunds).values(**row)
    again = {"state": RefundState.reserved, "amount": made.excluded.amount, "message": "", "settled_at": None}
    refused = refunds.c.state == RefundState.refused
    await connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=again, where=refused))


async def settle(connection: Connection, refund: str, now: datetime) -> Refund:
    """The gateway has accepted it: credit what was invoiced, book what went out, and decide about access. Again changes
    nothing. Raises NotFound."""
    asked = await get(connection, refund, lock=True)
    if asked.state is not RefundState.reserved:
        return asked
    payment = await paid.get(connection, asked.payment)
    credited = await crediting_payments.credit(connection, payment, asked.amount, CreditReason.goodwill, asked.reason, now)
    gateway = payment.account.partition(":")[2]
    await ledger.post(connection, [refunded(asked.key, gateway, payment.customer, asked.amount, now)], payment.order)
    await patrol.look_again(connection, payment.order)
    if credited != asked.amount:
        await balances.change(connection, payment.customer, credited - asked.amount)
    if asked.access is AccessAfter.revoke:
        await access_blocks.block(connection, await paid.services_of(connection, payment), BLOCKED_BY, asked.id, now)
    return await _moved(connection, asked, RefundState.succeeded, now)


async def refuse(connection: Connection, refund: str, message: str, now: datetime) -> Refund:
    """A definite no: what was promised is free again. Again changes nothing."""
    asked = await get(connection, refund, lock=True)
    if asked.state is not RefundState.reserved:
        return asked
    return await _moved(connection, asked, RefundState.refused, now, message)


async def note(connection: Connection, refund: str, message: str) -> None:
    await connection.execute(update(refunds).where(refunds.c.id == refund).values(message=message[:500]))


async def settle_rest(connection: Connection, undone: Paid, now: datetime) -> Refund | None:
    """All of a payment that had been given up has gone back: book what came and went, and let finance know. Again changes
    nothing; None where nothing went back. `undone` is used where the payment is not booked."""
    row = await _row(connection, refunds.c.id == keys.rest(undone.key), lock=True)
    if row is None or row["state"] != RefundState.reserved:
        return None
    if await paid.find(connection, undone.key, lock=True) is None:
        gateway = undone.account.partition(":")[2]
        came = Payment(key=undone.key, at=now, customer=undone.customer, parts=(), over=undone.amount)
        await ledger.post(connection, [payment_received(came, gateway)], await paid.order_of(connection, undone.key))
        await balances.change(connection, undone.customer, undone.amount)
    return await settle(connection, row["id"], now)


async def item_settled(connection: Connection, key: str, now: datetime) -> None:
    """The refund of an order's item is booked."""
    done = update(refunds).where(refunds.c.key == key).values(state=RefundState.succeeded, settled_at=now)
    await connection.execute(done)


async def refuse_item(connection: Connection, key: str, message: str, now: datetime) -> None:
    mine = (refunds.c.key == key, refunds.c.state == RefundState.reserved)
    values = {"state": RefundState.refused, "message": message[:500], "settled_at": now}
    await connection.execute(update(refunds).where(*mine).values(**values))


async def came_back(connection: Connection, key: str, reason: str, now: datetime) -> Refund | None:
    """A refund that had succeeded has failed: the money is at the gateway again, and is the customer's credit. Again changes
    nothing; None for a refund that is none of ours. Raises Conflict while it is not booked yet."""
    row = await _row(connection, refunds.c.key == key, lock=True)
    if row is None:
        return None
    asked = _refund(row)
    if asked.state is RefundState.reserved:
        raise Conflict(f"refund {asked.id} is not booked yet")
    if asked.state is not RefundState.succeeded:
        return asked
    payment = await paid.get(connection, asked.payment)
    gateway = payment.account.partition(":")[2]
    booked = refund_came_back(key, gateway, payment.customer, asked.amount, now)
    await ledger.post(connection, [booked], payment.order)
    await patrol.look_again(connection, payment.order)
    await balances.change(connection, payment.customer, asked.amount)
    await access_blocks.lift(connection, BLOCKED_BY, asked.id, now)
    return await _moved(connection, asked, RefundState.failed, now, reason)


async def _moved(connection: Connection, refund: Refund, state: RefundState, now: datetime, message: str = "") -> Refund:
    values = {"state": state, "settled_at": now, "message": message[:500]}
    await connection.execute(update(refunds).where(refunds.c.id == refund.id).values(**values))
    return await get(connection, refund.id)


async def find(connection: Connection, refund: str) -> Refund | None:
    row = await _row(connection, refunds.c.id == refund)
    return None if row is None else _refund(row)


async def get(connection: Connection, refund: str, *, lock: bool = False) -> Refund:
    """Raises NotFound."""
    row = await _row(connection, refunds.c.id == refund, lock=lock)
    if row is None:
        raise NotFound("refund", refund)
    return _refund(row)


async def page(
    connection: Connection,
    after: tuple[datetime, str] | None,
    limit: int,
    *,
    payment: str | None = None,
    customer: str | None = None,
) -> list[Refund]:
    """The newest first, those before `after` (requested_at, id)."""
    place = (refunds.c.requested_at, refunds.c.id)
    query = select(refunds).order_by(*(column.desc() for column in place)).limit(limit)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    for column, value in ((refunds.c.payment, payment), (refunds.c.customer, customer)):
        query = query if value is None else query.where(column == value)
    return [_refund(row) for row in (await connection.execute(query)).mappings()]


async def _row(connection: Connection, which: Any, *, lock: bool = False) -> Any:
    query = select(refunds).where(which)
    return (await connection.execute(query.with_for_update() if lock else query)).mappings().first()


def _refund(row: Any) -> Refund:
    return Refund.model_validate({**row, "amount": Money(minor=row["amount"], currency=row["currency"])})
