"""Requests to erase customers: kept, waited for, and carried out."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import String

from activities.store import clocks, customers, due_rows, forgetting, life_policies
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.erasing import AFTERWARDS, NOW
from activities.store.tables.customers import customers as customer_table
from activities.store.tables.customers import erasures
from domain.errors import Conflict, NotFound
from domain.privacy import Erasure, ErasureRequest, ErasureState, Kept, PrivacyPolicy, asked, kept_until
from domain.states import ORDER, OrderState, is_terminal

SETTLING = timedelta(minutes=1)
"""What was let in just before the request is there by then."""
AGAIN = timedelta(days=1)
MOST = 20

_BLOCKERS = text("""
    SELECT * FROM (
        SELECT 1 AS place, 'order ' || id || ' is ' || replace(state, '_', ' ') AS words FROM orders
         WHERE customer = :customer AND state <> ALL(:over)
        UNION ALL
        SELECT 2, 'subscription ' || id || ' is ' || replace(state, '_', ' ') FROM subscriptions
         WHERE customer = :customer AND ended_at IS NULL
        UNION ALL
        SELECT 3, 'service ' || id || ' is ' || state || ', and not taken down' FROM services
         WHERE customer = :customer AND state <> 'terminated'
        UNION ALL
        SELECT 4, 'invoice ' || coalesce(number, id) || ' is ' || replace(state, '_', ' ') FROM invoices
         WHERE customer = :customer AND state IN ('draft', 'finalized', 'partially_paid', 'overdue')
        UNION ALL
        SELECT 5, count(*) || ' charges are not invoiced' FROM billables
         WHERE customer = :customer AND invoice IS NULL HAVING count(*) > 0
        UNION ALL
        SELECT 6, 'payment ' || key || ' is not decided' FROM collections WHERE customer = :customer AND state = 'asked'
        UNION ALL
        SELECT 6, 'payment ' || key || ' may still settle' FROM given_up_payments JOIN payment_attempts USING (key)
         WHERE customer = :customer
        UNION ALL
        SELECT 7, 'dispute ' || id || ' is open' FROM disputes WHERE customer = :customer AND closed_at IS NULL
        UNION ALL
        SELECT 8, 'refund ' || id || ' is ' || state FROM refunds WHERE customer = :customer AND settled_at IS NULL
        UNION ALL
        SELECT 9, 'a balance of ' || currency || ' is not at zero' FROM customer_balances
         WHERE customer = :customer AND credit <> 0
        UNION ALL
        SELECT 9, 'prepaid credit in ' || currency || ' is left' FROM wallets
         WHERE customer = :customer AND EXISTS (
             SELECT FROM jsonb_array_elements(document -> 'grants') one
              WHERE (one #>> '{amount,minor}')::bigint > coalesce((one #>> '{used,minor}')::bigint, 0)
                    + coalesce((one #>> '{expired,minor}')::bigint, 0) + coalesce((one #>> '{revoked,minor}')::bigint, 0))
    ) standing ORDER BY place, words LIMIT :most
""").bindparams(bindparam("over", [state for state in OrderState if is_terminal(ORDER, state)], type_=ARRAY(String)))
_KEPT = text("""
    SELECT (SELECT count(*) FROM invoices WHERE customer = :customer AND number IS NOT NULL) AS invoices,
           (SELECT count(*) FROM credit_notes WHERE customer = :customer) AS credit_notes,
           (SELECT count(*) FROM receipts WHERE customer = :customer) AS receipts,
           (SELECT extract(year FROM max(issue_date))::integer FROM invoices
             WHERE customer = :customer AND number IS NOT NULL) AS last
""")
_WHY = {
    "invoices": "to whom it was sold, as tax and commercial law want it kept, with the proof of a VAT id",
    "credit_notes": "they correct invoices",
    "receipts": "what bookings of money received rest on",
}


async def ask(connection: Connection, customer: str, request: ErasureRequest, by: str, now: datetime) -> Erasure:
    """Keep the request; asked for again it is looked at again. From now on the customer takes no new order. Raises NotFound,
    and Conflict for a customer on a test clock."""
    await customers.get(connection, customer, lock=True)
    if await clocks.frozen(connection, [customer]):
        raise Conflict(f"customer {customer} is on a test clock, whose customers are made up; there is nothing to erase")
    known = await find(connection, customer)
    if known is not None and known.state is not ErasureState.waiting:
        return known
    erasure = known or asked(customer, request, by, now)
    erasure = erasure.model_copy(update={"blockers": await _blockers(connection, customer), "looked_at": now})
    await _write(connection, erasure)
    await due_rows.put(connection, [_row(customer, now + SETTLING)])
    return erasure


async def withdraw(connection: Connection, customer: str) -> None:
    """Raises NotFound where nothing was asked for, Conflict where it is done."""
    erasure = await get(connection, customer, lock=True)
    if erasure.state is not ErasureState.waiting:
        raise Conflict(f"customer {customer} is erased")
    await due_rows.remove(connection, [_row(customer, erasure.asked_at).key])
    await connection.execute(erasures.delete().where(erasures.c.customer == customer))


async def find(connection: Connection, customer: str, *, lock: bool = False) -> Erasure | None:
    query = select(erasures.c.document).where(erasures.c.customer == customer)
    document = (await connection.execute(query.with_for_update() if lock else query)).scalar()
    return None if document is None else Erasure.model_validate(document)


async def get(connection: Connection, customer: str, *, lock: bool = False) -> Erasure:
    """Raises NotFound."""
    erasure = await find(connection, customer, lock=lock)
    if erasure is None:
        raise NotFound("erasure", customer)
    return erasure


async def page(connection: Connection, after: str | None, limit: int, state: ErasureState | None) -> list[Erasure]:
    """In order of customer, those after `after`."""
    query = select(erasures.c.document).order_by(erasures.c.customer).limit(limit)
    if after is not None:
        query = query.where(erasures.c.customer > after)
    if state is not None:
        query = query.where(erasures.c.state == state)
    return [Erasure.model_validate(document) for document in (await connection.execute(query)).scalars()]


async def refuse(connection: Connection, customer: str) -> None:
    """Raises Conflict for a customer who is erased, or has asked to be. One who has not is held until the transaction ends, so
    that nothing is written about somebody who is erased meanwhile."""
    await connection.execute(select(customer_table.c.id).where(customer_table.c.id == customer).with_for_update())
    erasure = await find(connection, customer)
    if erasure is not None:
        raise Conflict(
            f"customer {customer} has asked to be erased; DELETE /v1/customers/{customer}/erasure withdraws that"
            if erasure.state is ErasureState.waiting
            else f"customer {customer} is erased; add it anew under another id"
        )


async def carry_out(connection: Connection, row: DueRow, now: datetime) -> str:
    """Erase what may be; what is going on is waited for, and looked at again the next day. What it came to, in words."""
    await customers.get(connection, row.subject, lock=True)
    erasure = await find(connection, row.subject, lock=True)
    if erasure is None or erasure.state is ErasureState.complete:
        await due_rows.remove(connection, [row.key])
        return f"customer {row.subject}: nothing is left to erase"
    if erasure.state is ErasureState.erased:
        return await _forget_documents(connection, erasure, row)
    blockers = await _blockers(connection, row.subject)
    if blockers:
        await _write(connection, erasure.model_copy(update={"blockers": blockers, "looked_at": now}))
        await due_rows.put(connection, [_row(row.subject, now + AGAIN)])
        return f"customer {row.subject} is not erased yet: {'; '.join(blockers)}"
    return await _erase(connection, erasure, row, now)


async def note_trouble(connection: Connection, customer: str, trouble: str, now: datetime) -> None:
    """It could not be carried out, for a reason of ours, and is tried again."""
    erasure = await find(connection, customer, lock=True)
    if erasure is not None:
        await _write(connection, erasure.model_copy(update={"blockers": (trouble,), "looked_at": now}))


async def _erase(connection: Connection, erasure: Erasure, row: DueRow, now: datetime) -> str:
    policy = await life_policies.get(connection, PrivacyPolicy)
    found = (await connection.execute(_KEPT, {"customer": erasure.customer})).mappings().one()
    kept = tuple(Kept(what=what.replace("_", " "), count=found[what], why=why) for what, why in _WHY.items() if found[what])
    until = kept_until(policy, found["last"] or now.year) if kept else None
    await forgetting.ask_of_customer(connection, erasure.customer, now)
    await _run(connection, NOW, erasure.customer)
    done = Erasure(
        **erasure.model_dump(include={"customer", "asked_by", "asked_at", "deadline"}),
        state=ErasureState.erased if kept else ErasureState.complete,
        reason="",
        looked_at=now,
        erased_at=now,
        kept=kept,
        kept_until=until,
    )
    await _write(connection, done)
    if until is None:
        await due_rows.remove(connection, [row.key])
    else:
        await due_rows.put(connection, [_row(erasure.customer, until)])
    return f"customer {erasure.customer} is erased"


async def _forget_documents(connection: Connection, erasure: Erasure, row: DueRow) -> str:
    await _run(connection, AFTERWARDS, erasure.customer)
    await _write(connection, erasure.model_copy(update={"state": ErasureState.complete, "kept": (), "kept_until": None}))
    await due_rows.remove(connection, [row.key])
    return f"nothing names customer {erasure.customer} any more"


async def _run(connection: Connection, statements: tuple[str, ...], customer: str) -> None:
    """What is written once and for all may be overwritten in this transaction alone."""
    await connection.execute(select(func.set_config("turnup.erasing", "on", True)))
    for statement in statements:
        await connection.execute(text(statement), {"customer": customer})


async def _blockers(connection: Connection, customer: str) -> tuple[str, ...]:
    return tuple(row.words for row in await connection.execute(_BLOCKERS, {"customer": customer, "most": MOST}))


async def _write(connection: Connection, erasure: Erasure) -> None:
    document = erasure.model_dump(mode="json")
    made = insert(erasures).values(customer=erasure.customer, state=erasure.state, document=document)
    values = {"state": erasure.state, "document": document}
    await connection.execute(made.on_conflict_do_update(index_elements=["customer"], set_=values))


def _row(customer: str, at: datetime) -> DueRow:
    return DueRow(key=f"{customer}:erasure", kind=Kind.erasure, subject=customer, customer=customer, due_at=at)
