"""Payments that were given up, kept until the gateway says for certain that nothing is left of them."""

from datetime import datetime

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import attempts, invoice_events, invoices, ledger, orders, paid, reconciliation
from activities.store.database import Connection
from activities.store.tables.orders import payments
from activities.store.tables.payments import collections, given_up_payments, refunds
from domain import keys
from domain.billing.reconciliation.comparison import Difference, DifferenceKind
from domain.collection import CollectionState
from domain.facts import Event
from domain.late_payments import GivenUp
from domain.payments import PaymentResult, RemotePayment
from domain.states import PaymentState

ACTOR = "late payments"
GONE = frozenset({RemotePayment.voided, RemotePayment.declined, RemotePayment.refunded})
"""What a payment is of which nothing is held and nothing kept."""


async def watch(connection: Connection, key: str, now: datetime) -> None:
    """Its owner has let it go, and the gateway cannot say yet that nothing comes of it. Again changes nothing."""
    fresh = GivenUp(key=key, begun_at=now)
    made = insert(given_up_payments).values(**fresh.model_dump(), due_at=fresh.asked_again_at(now))
    await connection.execute(made.on_conflict_do_nothing())


async def told(connection: Connection, key: str, now: datetime) -> None:
    """The gateway has told something of a payment: where it was given up, it is asked about at once."""
    if await _of_owner(connection, key):
        made = insert(given_up_payments).values(**GivenUp(key=key, begun_at=now).model_dump(), due_at=now)
        await connection.execute(made.on_conflict_do_update(index_elements=["key"], set_={"due_at": now}))


async def _of_owner(connection: Connection, key: str) -> bool:
    """Whether its order or invoice has given it up, as far as they say; or it is watched already."""
    table = given_up_payments.c
    given_up = or_(
        exists().where(table.key == key),
        exists().where(payments.c.key == key, payments.c.state.in_([PaymentState.voided, PaymentState.declined])),
        exists().where(
            collections.c.key == key, collections.c.state.in_([CollectionState.declined, CollectionState.elsewhere])
        ),
    )
    return bool((await connection.execute(select(given_up))).scalar_one())


async def due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Take some that are due at `now`: none of them is due again before its next question."""
    query = select(given_up_payments).where(given_up_payments.c.due_at <= now).order_by(given_up_payments.c.due_at)
    rows = (await connection.execute(query.limit(limit).with_for_update(skip_locked=True))).mappings().all()
    taken = [GivenUp.model_validate({**row, "questions": row["questions"] + 1}) for row in rows]
    for each in taken:
        values = {"questions": each.questions, "due_at": each.asked_again_at(now)}
        await connection.execute(update(given_up_payments).where(given_up_payments.c.key == each.key).values(**values))
    return [each.key for each in taken]


async def find(connection: Connection, key: str) -> GivenUp | None:
    query = select(given_up_payments).where(given_up_payments.c.key == key)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else GivenUp.model_validate(dict(row))


async def is_kept(connection: Connection, key: str) -> bool:
    """Whether its money was booked as earned, so that it is none of ours to give back."""
    rest = select(refunds.c.id).where(refunds.c.id == keys.rest(key))
    return await ledger.posted(connection, key) and (await connection.execute(rest)).first() is None


async def note_turned_up(connection: Connection, key: str, state: RemotePayment) -> None:
    """Kept before it is given back, so that whoever finds it given back knows that it was there."""
    first = (given_up_payments.c.key == key, given_up_payments.c.turned_up.is_(None))
    await connection.execute(update(given_up_payments).where(*first).values(turned_up=state))


async def forget(connection: Connection, key: str) -> None:
    await connection.execute(delete(given_up_payments).where(given_up_payments.c.key == key))


async def settle(connection: Connection, key: str, found: PaymentResult, now: datetime) -> str:
    """Tell what had turned up and has gone back, and ask no more where there is nothing left to ask about. In words."""
    query = select(given_up_payments).where(given_up_payments.c.key == key).with_for_update()
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        return f"payment {key} is done with"
    given_up = GivenUp.model_validate(dict(row))
    gone = found.state in GONE
    if gone and given_up.turned_up is not None:
        await _tell(connection, given_up, found, now)
    if gone or given_up.is_over(now):
        await forget(connection, key)
        return f"payment {key} is {found.state}, and is asked about no more"
    return f"payment {key} is {found.state}, and is asked about again {given_up.asked_again_at(now):%Y-%m-%d %H:%M} UTC"


async def _tell(connection: Connection, given_up: GivenUp, found: PaymentResult, now: datetime) -> None:
    """Finance has it under Reconciliation, and it is in the history of its order or invoice."""
    key, did = given_up.key, found.state
    attempt = await attempts.find(connection, key)
    amount = found.captured if did is RemotePayment.refunded else (attempt.amount if attempt else found.authorized)
    took = f"{amount} {'taken' if did is RemotePayment.refunded else 'held'}"
    words = f"Payment {key} had been given up and settled all the same: {took}, and {did} by itself"
    if attempt is not None and did is RemotePayment.voided:
        await reconciliation.note(connection, attempt.gateway, given_up.begun_at.date(), [], [_held(key, took)], now)
    subject = keys.paid_subject(key)
    if (order := await paid.order_of(connection, key)) is not None:
        event = Event(key=f"late:{key}", type="payment.undone", at=now, actor=ACTOR, summary=words, data={"payment": key})
        await orders.append(connection, order, [event])
    if order != subject and await invoices.several(connection, [subject]):
        await invoices.lock(connection, [subject])
        await invoice_events.append(connection, subject, "payment_undone", ACTOR, words, now)


def _held(key: str, took: str) -> Difference:
    return Difference(
        kind=DifferenceKind.payment_undone,
        subject=f"payment {key}",
        expected="nothing held",
        found=f"{took}, and voided by itself",
        text="A payment that was given up held money all the same; it was let go, and nothing is left to do",
    )
