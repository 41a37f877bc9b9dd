"""Disputes: what the gateway tells of them, in any order, and what follows for money, charges and access."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import (
    access_blocks,
    after_payment_policy,
    attempts,
    charge_stops,
    collections,
    crediting_payments,
    ledger,
    paid,
    patrol,
    reconciliation,
    refunds,
)
from activities.store.database import Connection
from activities.store.tables.payments import disputes
from domain import keys
from domain.billing import dispute_postings
from domain.billing.credit_notes import CreditReason
from domain.billing.reconciliation.comparison import Difference, DifferenceKind
from domain.disputes import CLOSED, VERDICTS, AccessWhile, Dispute, DisputeState, LostAs
from domain.errors import Conflict, NotFound
from domain.gateway_events import Evidence, GatewayEventKind, Told
from domain.money import Money
from domain.refunds import Paid

BLOCKED_BY = "dispute"


async def take_in(connection: Connection, told: Told, now: datetime) -> Dispute:
    """Keep what was told, and book what follows from it: again, late or out of order it comes to the same.

    Raises Unavailable while the payment is not booked, or the gateway has not said what is disputed.
    """
    event = told.event
    id_ = keys.dispute(told.gateway, event.dispute or "")
    before = await find(connection, id_)
    payment = await paid.get(connection, before.payment if before else await _payment_of(connection, told), lock=True)
    if before is None:
        before = await _open(connection, told, payment, now)
        await reconciliation.note(connection, told.gateway, event.at.date(), [_foreign(told).subject], [], now)
    else:
        before = await _fill_in(connection, before, told)
    verdict = VERDICTS.get(event.kind)
    if verdict is None or before.state in CLOSED:
        return before
    return await (_win if verdict is DisputeState.won else _lose)(connection, before, payment, now)


async def note_foreign(connection: Connection, told: Told, now: datetime) -> None:
    """A dispute of a payment that is none of ours is work for finance. One of ours that is not booked yet is not."""
    event = told.event
    if await attempts.find(connection, await _payment_of(connection, told)) is None:
        await reconciliation.note(connection, told.gateway, event.at.date(), [], [_foreign(told)], now)


def _foreign(told: Told) -> Difference:
    event, what = told.event, told.event.amount or "an amount that it does not say"
    of = event.payment or event.reference or "a payment that it does not name"
    return Difference(
        kind=DifferenceKind.dispute_foreign,
        subject=f"foreign {keys.dispute(told.gateway, event.dispute or '')}",
        expected="a payment of ours",
        found=f"{what} of {of}" + (f", {event.reason}" if event.reason else ""),
        text="The gateway tells of a dispute over a payment that was not made here: answer it there before its deadline"
        + (f", {event.deadline:%Y-%m-%d %H:%M} UTC" if event.deadline else ""),
    )


async def _payment_of(connection: Connection, told: Told) -> str:
    """Stripe's dispute carries none of our keys, only its own name of the payment."""
    if told.event.payment is not None:
        return told.event.payment
    found = await attempts.key_of(connection, told.gateway, told.event.reference) if told.event.reference else None
    return found or ""


async def _open(connection: Connection, told: Told, payment: Paid, now: datetime) -> Dispute:
    event, policy = told.event, await after_payment_policy.get(connection)
    amount = event.amount or payment.amount
    left = await refunds.left(connection, payment)
    dispute = Dispute(
        id=keys.dispute(told.gateway, event.dispute or ""),
        gateway=told.gateway,
        name=event.dispute or "",
        payment=payment.key,
        customer=payment.customer,
        amount=amount,
        fee=event.fee or Money.zero(amount.currency),
        state=DisputeState.open,
        reason=event.reason,
        access=policy.dispute_access,
        lost_as=policy.lost_as,
        deadline=event.deadline,
        opened_at=event.at,
    )
    row = dispute.model_dump(exclude={"amount", "fee", "evidence"})
    row |= {"amount": amount.minor, "fee": dispute.fee.minor, "currency": amount.currency}
    await connection.execute(insert(disputes).values(**row))
    booked = dispute_postings.opened(_booking(dispute), _account(payment), amount, dispute.fee, now)
    await ledger.post(connection, booked, payment.order)
    await patrol.look_again(connection, payment.order)
    await charge_stops.stop(connection, payment.customer, dispute.id, f"dispute {dispute.id}", now)
    if dispute.access is AccessWhile.block:
        await access_blocks.block(connection, await paid.services_of(connection, payment), BLOCKED_BY, dispute.id, now)
    if left < amount:
        await reconciliation.note(connection, told.gateway, event.at.date(), [], [_too_much(dispute, left)], now)
    return dispute


def _too_much(dispute: Dispute, left: Money) -> Difference:
    return Difference(
        kind=DifferenceKind.disputed_more,
        subject=f"dispute {dispute.id}",
        expected=f"at most {left}",
        found=f"{dispute.amount} disputed",
        text="More is disputed than is left after refunds: submit the refund as evidence",
    )


async def _fill_in(connection: Connection, dispute: Dispute, told: Told) -> Dispute:
    """What a message out of order has that the ones before had not."""
    opening = told.event.kind in {GatewayEventKind.dispute_opened, GatewayEventKind.dispute_changed}
    news = {
        "deadline": told.event.deadline if opening and told.event.deadline else dispute.deadline,
        "reason": dispute.reason or told.event.reason,
    }
    await connection.execute(update(disputes).where(disputes.c.id == dispute.id).values(**news))
    return dispute.model_copy(update=news)


async def _win(connection: Connection, dispute: Dispute, payment: Paid, now: datetime) -> Dispute:
    """Money and fee are back, charges go on, and the access that it had closed is open again."""
    back = dispute_postings.won(_booking(dispute), _account(payment), dispute.amount, dispute.fee, now)
    await ledger.post(connection, back, payment.order)
    await patrol.look_again(connection, payment.order)
    await _let_go(connection, dispute, now)
    return await _moved(connection, dispute, state=DisputeState.won, closed_at=now)


async def _lose(connection: Connection, dispute: Dispute, payment: Paid, now: datetime) -> Dispute:
    """The money is gone, as a loss or by a credit note. Charges stay stopped, and access as it is, until a person decides."""
    credited = Money.zero(dispute.amount.currency)
    if dispute.lost_as is LostAs.credit_note:
        memo = f"dispute {dispute.id}"
        credited = await crediting_payments.credit(connection, payment, dispute.amount, CreditReason.dispute, memo, now)
    booked = dispute_postings.lost(_booking(dispute), dispute.amount, credited, payment.customer, now)
    await ledger.post(connection, [booked], payment.order)
    return await _moved(connection, dispute, state=DisputeState.lost, closed_at=now)


async def contest(connection: Connection, dispute: str, evidence: Evidence, by: str, now: datetime) -> Dispute:
    """Keep evidence that is to be submitted. The same again changes nothing. Raises NotFound, and Conflict where it is too late
    or other evidence is kept."""
    found = await get(connection, dispute, lock=True)
    if found.evidence == evidence:
        return found
    if found.evidence is not None:
        raise Conflict(f"evidence for dispute {dispute} was given by {found.evidence_by}, and is submitted once")
    if found.state is not DisputeState.open:
        raise Conflict(f"dispute {dispute} is {found.state}, so no evidence can be submitted")
    if found.deadline is not None and found.deadline <= now:
        raise Conflict(f"evidence for dispute {dispute} was due by {found.deadline:%Y-%m-%d %H:%M} UTC")
    return await _moved(connection, found, evidence=evidence.model_dump(), evidence_by=by, evidence_at=now)


async def submitted(connection: Connection, dispute: str) -> None:
    still = (disputes.c.id == dispute, disputes.c.state == DisputeState.open)
    await connection.execute(update(disputes).where(*still).values(state=DisputeState.submitted))


async def accept(connection: Connection, dispute: str) -> Dispute:
    """Give in. Again changes nothing. Raises NotFound, and Conflict where it is decided or contested."""
    found = await get(connection, dispute, lock=True)
    if found.state is DisputeState.accepted:
        return found
    if found.state is not DisputeState.open or found.evidence is not None:
        raise Conflict(f"dispute {dispute} is {found.state}" + (", and contested" if found.evidence else ""))
    return await _moved(connection, found, state=DisputeState.accepted)


async def release(connection: Connection, dispute: str, now: datetime) -> Dispute:
    """Of a lost one: charges go on and access is open again. Again changes nothing. Raises NotFound, Conflict."""
    found = await get(connection, dispute, lock=True)
    if found.state not in CLOSED:
        raise Conflict(f"dispute {dispute} is {found.state}: charges and access are let go once it is decided")
    await _let_go(connection, found, now)
    return found


async def _let_go(connection: Connection, dispute: Dispute, now: datetime) -> None:
    """What fell due while charges were stopped is collected now."""
    await charge_stops.lift(connection, dispute.id, now)
    await access_blocks.lift(connection, BLOCKED_BY, dispute.id, now)
    if dispute.customer is not None and await charge_stops.stopped(connection, dispute.customer) is None:
        await collections.ask_for_past_due(connection, dispute.customer, dispute.id, dispute.id, now, "released")


def _booking(dispute: Dispute) -> str:
    return keys.dispute_booking(dispute.payment, dispute.id)


def _account(payment: Paid) -> str:
    return payment.account.partition(":")[2]


async def _moved(connection: Connection, dispute: Dispute, **values: Any) -> Dispute:
    await connection.execute(update(disputes).where(disputes.c.id == dispute.id).values(**values))
    return await get(connection, dispute.id)


async def find(connection: Connection, dispute: str, *, lock: bool = False) -> Dispute | None:
    query = select(disputes).where(disputes.c.id == dispute)
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
    return None if row is None else _dispute(row)


async def get(connection: Connection, dispute: str, *, lock: bool = False) -> Dispute:
    """Raises NotFound."""
    found = await find(connection, dispute, lock=lock)
    if found is None:
        raise NotFound("dispute", dispute)
    return found


async def page(
    connection: Connection,
    after: tuple[datetime, str] | None,
    limit: int,
    *,
    state: DisputeState | None = None,
    customer: str | None = None,
) -> list[Dispute]:
    """The newest first, those before `after` (opened_at, id)."""
    place = (disputes.c.opened_at, disputes.c.id)
    query = select(disputes).order_by(*(column.desc() for column in place)).limit(limit)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    for column, value in ((disputes.c.state, state), (disputes.c.customer, customer)):
        query = query if value is None else query.where(column == value)
    return [_dispute(row) for row in (await connection.execute(query)).mappings()]


def _dispute(row: Any) -> Dispute:
    amounts = {name: Money(minor=row[name], currency=row["currency"]) for name in ("amount", "fee")}
    return Dispute.model_validate({**row, **amounts})
