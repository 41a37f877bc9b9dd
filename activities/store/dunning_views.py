"""Dunning cases as people look at them: what was done when, what comes when, and why it waits."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from activities.store import collections, dunning, dunning_cases, invoices, payment_methods
from activities.store.database import Connection
from activities.store.invoices import StoredInvoice
from activities.store.tables.life import subscription_events
from domain.billing.invoice_states import InvoiceState
from domain.billing.zones import zone_of
from domain.dunning import CAP_WINDOW, CAPS, STRICTEST_CAP, AtEnd, CaseState, DunningCase, Step, Track
from domain.errors import NotFound
from domain.messages import MessageKind
from domain.money import Money
from domain.payment_methods import is_stored
from domain.values import Instant, Value


class CaseStep(Value):
    """`day` counts from the due date; `at` is when it was done, or when it is to be. `summary` is what came of it, and empty
    until then."""

    day: int
    track: Track
    text: MessageKind | None
    at: Instant
    done: bool
    summary: str = ""


class Cap(Value):
    """How often payments with the card that would be charged were declined within `days`, and from how many on it is not tried
    again, by the rules of its network."""

    method: str
    brand: str | None
    declined: int
    limit: int
    days: int = CAP_WINDOW.days


class DunningLine(Value):
    """A case in a list. `next_at` is when its next step is due; None where none is. `waits_for` is why that was put off."""

    invoice: str
    number: str | None
    customer: str
    subscription: str
    state: CaseState
    due: Money
    due_date: date
    invoice_state: InvoiceState
    policy: str
    policy_version: int
    opened_at: Instant
    next_step: Step | None
    next_at: Instant | None
    attempts_allowed: int
    attempts_used: int
    waits_for: str


class DunningView(DunningLine):
    """`serves` are the subscriptions that the invoice is for and that have not ended. `refused` are payment methods that were
    declined for good, which are not charged by themselves. `opening` counts how often the case was opened."""

    opening: int
    at_end: AtEnd
    steps: tuple[CaseStep, ...]
    serves: tuple[str, ...]
    cap: Cap | None
    refused: tuple[str, ...]


_OWED = """
    SELECT one.document AS "case", invoice.number, invoice.state, invoice.amount_due, invoice.currency, invoice.due_date,
           COALESCE(seller.document -> 'gathering' ->> 'timezone', 'UTC') AS timezone
      FROM dunning_cases one JOIN invoices invoice ON invoice.id = one.invoice
      LEFT JOIN settings seller ON seller.kind = 'legal_entity' AND seller.id = invoice.legal_entity
"""
_ONE = text(f"{_OWED} WHERE one.invoice = :invoice")
_PAGE = text(f"""{_OWED}
     WHERE (CAST(:after AS varchar) IS NULL OR one.invoice > :after)
       AND (CAST(:customer AS varchar) IS NULL OR one.customer = :customer)
       AND (CAST(:state AS varchar) IS NULL OR one.state = :state)
       AND (CAST(:subscription AS varchar) IS NULL OR one.invoice IN (
           SELECT invoice FROM billables WHERE line ->> 'subscription' = :subscription AND invoice IS NOT NULL))
     ORDER BY one.invoice LIMIT :limit
""")  # noqa: S608 - of constants alone


async def page(
    connection: Connection,
    after: str | None,
    limit: int,
    *,
    customer: str | None = None,
    subscription: str | None = None,
    state: CaseState | None = None,
) -> list[DunningLine]:
    """In order of invoice, those after the one of this id; of a subscription, those of invoices that it is on."""
    asked = {"after": after, "limit": limit, "customer": customer, "subscription": subscription, "state": state}
    return [_line(row) for row in (await connection.execute(_PAGE, asked)).mappings()]


async def get(connection: Connection, invoice: str, now: datetime) -> DunningView:
    """Raises NotFound."""
    row = (await connection.execute(_ONE, {"invoice": invoice})).mappings().first()
    if row is None:
        raise NotFound("dunning case", invoice)
    case, stored = DunningCase.model_validate(row["case"]), await invoices.get(connection, invoice)
    happened = await _happened(connection, case)
    return DunningView(
        **dict(_line(row)),
        opening=case.opening,
        at_end=case.policy.at_end,
        steps=_steps(case, happened, zone_of(row["timezone"])),
        serves=tuple(await dunning_cases.serving(connection, stored.invoice)),
        cap=await _cap(connection, stored, now) if case.state is CaseState.open else None,
        refused=case.refusing,
    )


async def of(connection: Connection, lines: list[DunningLine], now: datetime) -> list[DunningView]:
    """These with their steps."""
    return [await get(connection, each.invoice, now) for each in lines]


def _line(row: Mapping[Any, Any]) -> DunningLine:
    case = DunningCase.model_validate(row["case"])
    step = case.next_step
    return DunningLine(
        invoice=case.invoice,
        number=row["number"],
        customer=case.customer,
        subscription=case.subscription,
        state=case.state,
        due=Money(minor=row["amount_due"], currency=row["currency"]),
        due_date=row["due_date"],
        invoice_state=row["state"],
        policy=case.policy.id,
        policy_version=case.policy_version,
        opened_at=case.opened_at,
        next_step=step,
        next_at=None if step is None else case.due_at(step, zone_of(row["timezone"])),
        attempts_allowed=case.policy.attempts,
        attempts_used=case.policy.attempts - case.attempts_left,
        waits_for=case.waits_for,
    )


def _steps(case: DunningCase, happened: Mapping[str, tuple[datetime, str]], zone: ZoneInfo) -> tuple[CaseStep, ...]:
    """All of its policy while it is open; afterwards those that were done."""
    steps = []
    for number, step in enumerate(case.policy.steps()):
        at, summary = happened.get(_key(case, number), (case.due_at(step, zone), ""))
        if number < case.done or case.state is CaseState.open:
            steps.append(CaseStep(**dict(step), at=at, done=number < case.done, summary=summary))
    return tuple(steps)


async def _happened(connection: Connection, case: DunningCase) -> dict[str, tuple[datetime, str]]:
    """When each step was done and what came of it, by the key of its event."""
    keys = [_key(case, number) for number in range(case.done)]
    query = select(subscription_events.c.key, subscription_events.c.at, subscription_events.c.summary).where(
        subscription_events.c.subscription == case.subscription, subscription_events.c.key.in_(keys)
    )
    rows = (await connection.execute(query)).all()
    return {row[0]: (row[1], row[2].partition(": ")[2]) for row in rows}


def _key(case: DunningCase, number: int) -> str:
    return f"dunning:{case.invoice}:{case.opening}:{number}"


async def _cap(connection: Connection, stored: StoredInvoice, now: datetime) -> Cap | None:
    """None where there is nothing that could be charged."""
    method = await collections.charged_with(connection, stored)
    if method is None:
        return None
    kept = await payment_methods.find(connection, method) if is_stored(method) else None
    brand = kept.facts.brand if kept else None
    declined = await dunning.declines(connection, stored.invoice.customer, method, now)
    shown = method if is_stored(method) else "a token of the gateway"
    return Cap(method=shown, brand=brand, declined=declined, limit=CAPS.get((brand or "").lower(), STRICTEST_CAP))
