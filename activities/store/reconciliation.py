"""What gateways report, what the ledger and the invoices have to set against it, and the work items for what differs."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, tuple_, union, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection, among
from activities.store.tables.invoices import invoices
from activities.store.tables.ledger import differences, ledger_entries, movements, reconciliations
from domain.billing.ledger import AccountKind, cash
from domain.billing.reconciliation.comparison import Booked, Difference, Movement, Standing
from domain.errors import Conflict, NotFound
from domain.money import Money
from domain.values import Instant, Value

COMPARISON = "comparison"
"""Who has closed a work item whose two sides agree by now."""
_KEY: ColumnElement[str] = case(
    (ledger_entries.c.transaction.endswith(":fee"), ledger_entries.c.transaction),
    (ledger_entries.c.subject != "", ledger_entries.c.subject),
    else_=ledger_entries.c.transaction,
)
"""What a movement of a gateway's cash account is called at the gateway: a fee has a key of its own beside its payment's."""


class WorkItem(Difference):
    """Open until `resolved_at`: by a person, with a reason, or since a later comparison found both sides to agree."""

    key: str
    gateway: str
    day: date
    opened_at: Instant
    resolved_at: Instant | None = None
    resolved_by: str | None = None
    reason: str | None = None


class Run(Value):
    """A day that was compared; `differences` is how many were open at the end of it."""

    gateway: str
    day: date
    compared: int
    differences: int
    finished_at: Instant


async def keep_movements(connection: Connection, gateway: str, reported: Sequence[Movement]) -> None:
    """Keep what the gateway reports; it may report a movement again."""
    if reported:
        rows = [
            {**each.model_dump(exclude={"amount"}), "amount": each.amount.minor, "currency": each.amount.currency}
            for each in reported
        ]
        made = insert(movements).values([{**row, "gateway": gateway} for row in rows])
        changed = {name: made.excluded[name] for name in ("key", "kind", "amount", "currency", "at")}
        await connection.execute(made.on_conflict_do_update(index_elements=["gateway", "id"], set_=changed))


async def keys_of(connection: Connection, gateway: str, period: tuple[datetime, datetime], after: str, limit: int) -> list[str]:
    """Keys of what moved at the gateway or was booked for it in `[from, to)`, in order, those after `after`."""
    reported = select(movements.c.key.label("key")).where(
        movements.c.gateway == gateway, _within(movements.c.at, period), movements.c.key > after
    )
    booked_ = select(_KEY.label("key")).where(
        ledger_entries.c.account == cash(gateway), _within(ledger_entries.c.posted_at, period), after < _KEY
    )
    together = union(reported, booked_).subquery()
    return list((await connection.execute(select(together.c.key).order_by(together.c.key).limit(limit))).scalars())


def _within(moment: ColumnElement[Any], period: tuple[datetime, datetime]) -> ColumnElement[bool]:
    return (moment >= period[0]) & (moment < period[1])


async def reported(connection: Connection, gateway: str, keys: Collection[str]) -> list[Movement]:
    """All that the gateway has reported under these keys, whenever it was."""
    query = select(movements).where(movements.c.gateway == gateway, among(movements.c.key, keys))
    rows = (await connection.execute(query)).mappings().all()
    return [Movement.model_validate({**row, "amount": _money(row["amount"], row["currency"])}) for row in rows]


async def booked(connection: Connection, gateway: str, keys: Collection[str]) -> list[Booked]:
    """What the gateway's cash account has under these keys, whenever it was posted."""
    entries = ledger_entries.c
    query = (
        select(_KEY.label("key"), entries.currency, func.sum(entries.amount), func.min(entries.posted_at))
        .where(entries.account == cash(gateway), among(entries.subject, keys) | among(entries.transaction, keys))
        .group_by("key", entries.currency)
    )
    rows = (await connection.execute(query)).all()
    return [Booked(key=key, amount=_money(int(sum_), currency), at=at) for key, currency, sum_, at in rows if key in keys]


async def standings(connection: Connection, period: tuple[datetime, datetime], after: str, limit: int) -> list[Standing]:
    """Invoices whose receivable moved in `[from, to)`, in order of id, those after `after`, as they stand now."""
    entries = ledger_entries.c
    touched = (
        select(entries.subject)
        .join(invoices, invoices.c.id == entries.subject)
        .where(entries.account == AccountKind.receivable, _within(entries.posted_at, period), entries.subject > after)
        .distinct()
        .order_by(entries.subject)
        .limit(limit)
        .subquery()
    )
    receivable = (
        select(func.sum(entries.amount))
        .where(entries.subject == invoices.c.id, entries.account == AccountKind.receivable)
        .scalar_subquery()
    )
    query = select(invoices.c.id, invoices.c.currency, invoices.c.amount_due, receivable.label("receivable"))
    rows = (await connection.execute(query.join(touched, touched.c.subject == invoices.c.id).order_by(invoices.c.id))).all()
    return [
        Standing(invoice=row.id, due=_money(row.amount_due, row.currency), receivable=_money(int(row.receivable), row.currency))
        for row in rows
    ]


def _money(minor: int, currency: str) -> Money:
    return Money(minor=minor, currency=currency)


async def note(
    connection: Connection, gateway: str, day: date, seen: Collection[str], found: Sequence[Difference], now: datetime
) -> None:
    """These subjects were compared: open what is new, say anew what has changed, and close what agrees by now.

    What a person has resolved stays resolved; what a comparison had closed is opened again.
    """
    for difference in found:
        key = f"{gateway}:{day}:{difference.kind}:{difference.subject}"
        made = insert(differences).values(**difference.model_dump(), key=key, gateway=gateway, day=day, opened_at=now)
        said = {name: made.excluded[name] for name in ("expected", "found", "text")}
        gone = dict.fromkeys(("resolved_at", "resolved_by", "reason"))
        mine = differences.c.resolved_by.is_(None) | (differences.c.resolved_by == COMPARISON)
        await connection.execute(made.on_conflict_do_update(index_elements=["key"], set_=said | gone, where=mine))
    agreed = update(differences).where(
        differences.c.gateway == gateway,
        differences.c.day == day,
        differences.c.resolved_at.is_(None),
        among(differences.c.subject, seen),
        tuple_(differences.c.kind, differences.c.subject).not_in([(each.kind, each.subject) for each in found]),
    )
    closed = {"resolved_at": now, "resolved_by": COMPARISON, "reason": "both sides agree by now"}
    await connection.execute(agreed.values(**closed))


async def finish(connection: Connection, gateway: str, day: date, compared: int, now: datetime) -> int:
    """The day is compared; returns how many of its differences are open."""
    of_day = (differences.c.gateway == gateway, differences.c.day == day, differences.c.resolved_at.is_(None))
    open_ = int((await connection.execute(select(func.count()).where(*of_day))).scalar_one())
    row = {"compared": compared, "differences": open_, "finished_at": now}
    made = insert(reconciliations).values(gateway=gateway, day=day, **row)
    await connection.execute(made.on_conflict_do_update(index_elements=["gateway", "day"], set_=row))
    return open_


async def resolve(connection: Connection, key: str, by: str, reason: str, now: datetime) -> WorkItem:
    """A person has dealt with a difference. Saying so again changes nothing. Raises NotFound, and Conflict where somebody else
    has resolved it."""
    row = (await connection.execute(select(differences).where(differences.c.key == key).with_for_update())).mappings().first()
    if row is None:
        raise NotFound("difference", key)
    item = WorkItem.model_validate(dict(row))
    if item.resolved_at is not None:
        if (item.resolved_by, item.reason) != (by, reason):
            raise Conflict(f"difference {key} was resolved by {item.resolved_by}: {item.reason}")
        return item
    resolved = {"resolved_at": now, "resolved_by": by, "reason": reason}
    await connection.execute(update(differences).where(differences.c.key == key).values(**resolved))
    return item.model_copy(update=resolved)


async def work_items(
    connection: Connection, after: tuple[datetime, str] | None, limit: int, *, is_open: bool | None = None
) -> list[WorkItem]:
    """The oldest first, those after `after` (opened_at, key)."""
    place = (differences.c.opened_at, differences.c.key)
    query = select(differences).order_by(*place).limit(limit)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    if is_open is not None:
        query = query.where(differences.c.resolved_at.is_(None) if is_open else differences.c.resolved_at.is_not(None))
    return [WorkItem.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def open_items(connection: Connection) -> int:
    """How many work items nobody has dealt with."""
    query = select(func.count()).select_from(differences).where(differences.c.resolved_at.is_(None))
    return int((await connection.execute(query)).scalar_one())


async def runs(connection: Connection, limit: int) -> list[Run]:
    """The last days first."""
    query = select(reconciliations).order_by(reconciliations.c.day.desc(), reconciliations.c.gateway).limit(limit)
    return [Run.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]
