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
    evidence,
    gateway_inbox,
    ledger,
    paid,
    patrol,
    reconciliation,
    refunds,
)
from activities.store.database import Connection
from activities.store.due_rows import DueRow
from activities.store.tables.payments import disputes
from domain import keys
from domain.billing import dispute_postings
from domain.billing.credit_notes import CreditReason
from domain.billing.reconciliation.comparison import Difference, DifferenceKind
from domain.disputes import CLOSED, LONGEST, VERDICTS, AccessWhile, Dispute, DisputeState, Evidencing, LostAs
from domain.errors import Conflict, NotFound
from domain.fallout import FalloutVerb
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
    else:
        before = await _fill_in(connection, before, told, now)
    verdict = VERDICTS.get(event.kind)
    if verdict is not None and before.state not in CLOSED:
        before = await (_win if verdict is DisputeState.won else _lose)(connection, before, payment, now)
    return await _follow(connection, before, payment, now)


async def _follow(connection: Connection, dispute: Dispute, payment: Paid, now: datetime) -> Dispute:
    """Where evidence can be given, see to it that somebody does."""
    if dispute.state is not DisputeState.open or dispute.evidence is not None or dispute.deadline is None:
        await evidence.settle(connection, dispute.id, FalloutVerb.resolve, evidence.WORKFLOW, f"it is {dispute.state}", now)
        return dispute
    work = evidence.of_dispute(dispute, dispute.deadline, payment.order)
    stage = await evidence.follow(connection, work, now)
    if stage is None:
        return dispute
    await evidence.tell(connection, work, [part.invoice for part in payment.parts], stage, now)
    if stage is not Evidencing.lapsed:
        return dispute
    await evidence.settle(connection, dispute.id, FalloutVerb.skip, evidence.WORKFLOW, "the deadline has passed", now)
    return await _moved(connection, dispute, state=DisputeState.lapsed)


async def look_at_evidence(connection: Connection, row: DueRow, now: datetime) -> None:
    """The deadline is nearer. `now` is real time. Again changes nothing."""
    found = await find(connection, row.subject, lock=True)
    if found is None:
        await evidence.follow(connection, evidence.work_of(row), now)
    else:
        await _follow(connection, found, await paid.get(connection, found.payment), now)


async def note_foreign(connection: Connection, told: Told, now: datetime) -> str | None:
    """A dispute of a payment that is none of ours is work for finance. One of ours that is not booked yet is not.

    Returns why there is no sense in looking for the payment again: the gateway has decided about what is none of ours, or no
    scheme would dispute so old a payment. None while there is.
    """
    id_ = keys.dispute(told.gateway, told.event.dispute or "")
    if await attempts.find(connection, await _payment_of(connection, told)) is None:
        heard = await gateway_inbox.of_dispute(connection, told.gateway, told.event.dispute or "")
        if any(event.kind in VERDICTS for event in (told.event, *heard)):
            await evidence.settle(connection, id_, FalloutVerb.resolve, told.gateway, "the gateway has decided it", now)
            return f"dispute {id_} is of a payment that was not made here, and is decided"
        await evidence.follow(connection, evidence.of_foreign(told.gateway, [told.event, *heard]), now)
    if now - told.event.at > LONGEST:
        return f"the payment of dispute {id_} is not booked {LONGEST.days} days after it was disputed"
    return None


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


async def _fill_in(connection: Connection, dispute: Dispute, told: Told, now: datetime) -> Dispute:
    """What a message out of order has that the ones before had not; a gateway may give more time."""
    opening = told.event.kind in {GatewayEventKind.dispute_opened, GatewayEventKind.dispute_changed}
    deadline = told.event.deadline if opening and told.event.deadline else dispute.deadline
    longer = dispute.state is DisputeState.lapsed and deadline is not None and deadline > now
    news = {
        "deadline": deadline,
        "reason": dispute.reason or told.event.reason,
        "state": DisputeState.open if longer else dispute.state,
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


async def contest(connection: Connection, dispute: str, given: Evidence, by: str, now: datetime) -> Dispute:
    """Keep evidence that is to be submitted. The same again changes nothing. Raises NotFound, and Conflict where it is too late
    or other evidence is kept."""
    found = await get(connection, dispute, lock=True)
    if found.evidence == given:
        return found
    if found.evidence is not None:
        raise Conflict(f"evidence for dispute {dispute} was given by {found.evidence_by}, and is submitted once")
    if found.state is not DisputeState.open:
        raise Conflict(f"dispute {dispute} is {found.state}, so no evidence can be submitted")
    if found.deadline is not None and found.deadline <= now:
        raise Conflict(f"evidence for dispute {dispute} was due by {found.deadline:%Y-%m-%d %H:%M} UTC")
    await evidence.settle(connection, dispute, FalloutVerb.resolve, by, "evidence was given", now)
    return await _moved(connection, found, evidence=given.model_dump(), evidence_by=by, evidence_at=now)


async def submitted(connection: Connection, dispute: str) -> None:
    still = (disputes.c.id == dispute, disputes.c.state == DisputeState.open)
    await connection.execute(update(disputes).where(*still).values(state=DisputeState.submitted))


async def accept(connection: Connection, dispute: str, by: str, now: datetime) -> Dispute:
    """Give in. Again changes nothing. Raises NotFound, and Conflict where it is decided or contested."""
    found = await get(connection, dispute, lock=True)
    if found.state is DisputeState.accepted:
        return found
    if found.state is not DisputeState.open or found.evidence is not None:
        raise Conflict(f"dispute {dispute} is {found.state}" + (", and contested" if found.evidence else ""))
    await evidence.settle(connection, dispute, FalloutVerb.resolve, by, "it was accepted", now)
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
        await collections.ask_for_past_due(connection, dispute.customer, dispute.id, dispute.id, "released")


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
