"""Revenue: how each invoiced line is earned is kept when it is issued, and booked day by day when the days are over."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import invoices, ledger, wallets
from activities.store.database import Connection, among
from activities.store.tables.invoices import revenue_schedules
from domain import keys
from domain.billing.cash_postings import CreditMovement, credit_expired
from domain.billing.credits import Draw, Wallet, expire
from domain.billing.entities import LegalEntity
from domain.billing.invoices import Invoice
from domain.billing.ledger import Transaction
from domain.billing.postings import revenue_earned
from domain.billing.recognition import Close, RevenueSchedule, booked_at, close
from domain.billing.zones import local_date, zone_of
from domain.money import Money

_PLAN = insert(revenue_schedules).on_conflict_do_nothing()


async def plan(connection: Connection, issued: Sequence[tuple[Invoice, LegalEntity]], now: datetime) -> None:
    """Keep how the lines of invoices that are issued at `now` are earned."""
    if rows := planned(issued, now):
        await connection.execute(_PLAN, rows)


def planned(issued: Sequence[tuple[Invoice, LegalEntity]], now: datetime, *, activated: bool = False) -> list[dict[str, Any]]:
    """Rows of `revenue_schedules` that say how the lines of invoices that are issued at `now` are earned: from their period's
    start, or from now where their service has just been `activated`."""
    rows = []
    for invoice, seller in issued:
        periods = {line.id: line.period for line in invoice.lines}
        for line in invoice.taxed.lines if invoice.taxed else ():
            period = periods[line.id]
            schedule = RevenueSchedule(
                line=line.id,
                net=line.net,
                period=period,
                begins_at=now if activated or period is None else period.start,
                issued_at=now,
                settings=seller.recognition,
            )
            if first := next(iter(schedule.days()), None):
                head = {"line": line.id, "invoice": invoice.id, "legal_entity": seller.id, "due_on": first.day}
                rows.append({**head, "document": schedule.model_dump(mode="json")})
    return rows


async def close_some(connection: Connection, seller: LegalEntity, now: datetime, limit: int) -> int:
    """Book the days that are over at `now` of some lines of a legal entity. Returns of how many lines; zero where all is
    booked. A credit note of one of their invoices waits meanwhile, so that no line is earned and credited at once."""
    through = local_date(now, zone_of(seller.recognition.timezone)) - timedelta(days=1)
    due = (revenue_schedules.c.legal_entity == seller.id, revenue_schedules.c.due_on <= through)
    page = select(revenue_schedules.c.line, revenue_schedules.c.invoice).where(*due)
    found = (await connection.execute(page.order_by(revenue_schedules.c.due_on, revenue_schedules.c.line).limit(limit))).all()
    if not found:
        return 0
    await invoices.lock(connection, sorted({row.invoice for row in found}))
    closes = await _closes(connection, [row.line for row in found], through)
    await ledger.post(connection, [each for planned, done in closes for each in _booked(planned, done)])
    await _move_on(connection, closes)
    return len(found)


async def _closes(connection: Connection, lines: Sequence[str], through: date) -> list[tuple[RevenueSchedule, Close]]:
    query = select(revenue_schedules.c.due_on, revenue_schedules.c.document).where(
        among(revenue_schedules.c.line, lines), revenue_schedules.c.due_on <= through
    )
    rows = (await connection.execute(query.order_by(revenue_schedules.c.line).with_for_update())).all()
    left = await ledger.deferred(connection, lines)
    closes = []
    for row in rows:
        planned = RevenueSchedule.model_validate(row.document)
        deferred = left.get(planned.line, Money.zero(planned.net.currency))
        closes.append((planned, close(planned, row.due_on, deferred, through)))
    return closes


def _booked(planned: RevenueSchedule, done: Close) -> list[Transaction | None]:
    return [revenue_earned(planned.line, each, booked_at(each.day, planned.settings)) for each in done.earned]


async def _move_on(connection: Connection, closes: Sequence[tuple[RevenueSchedule, Close]]) -> None:
    moved = update(revenue_schedules).where(revenue_schedules.c.line == bindparam("of")).values(due_on=bindparam("next_day"))
    if closes:
        await connection.execute(moved, [{"of": planned.line, "next_day": done.next_day} for planned, done in closes])


async def expire_credit(connection: Connection, customer: str, currency: str, now: datetime) -> int:
    """Write off what is left of a customer's prepaid credit that has expired at `now`; returns of how many grants."""
    wallet, gone = expire(await wallets.lock(connection, customer, currency), now)
    if gone:
        await ledger.post(connection, [credit_expired(_movement(wallet, draw, now)) for draw in gone])
        await wallets.save(connection, wallet)
    return len(gone)


def _movement(after: Wallet, draw: Draw, now: datetime) -> CreditMovement:
    """Its key counts what of the grant has expired so far: what a reservation frees later expires later."""
    grant = next(each for each in after.grants if each.id == draw.grant)
    key = keys.credit_expiry(grant.id, grant.expired.minor if grant.expired else 0)
    return CreditMovement(key=key, at=now, customer=after.customer, amount=draw.amount, source=grant.source)
