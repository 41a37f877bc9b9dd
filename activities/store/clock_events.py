"""What happened to the customers of a test clock: one list of subscriptions, invoices, payments and credit notes, in order."""

from datetime import datetime

from sqlalchemy import text

from activities.store.database import Connection
from domain.values import Instant, Value


class ClockEvent(Value):
    """`at` is the clock's time; `subject` the subscription, invoice or payment; `amount` is in minor units."""

    id: str
    at: Instant
    type: str
    customer: str
    subject: str
    summary: str
    amount: int | None = None
    currency: str | None = None


_HAPPENED = """
    WITH own AS (SELECT id FROM customers WHERE clock = :clock),
    happened AS (
        SELECT event.subscription || '#' || lpad(event.seq::text, 6, '0') AS id, event.at, 1 AS rank, event.type, one.customer,
               event.subscription AS subject, event.summary, NULL::bigint AS amount, NULL::varchar AS currency
          FROM own JOIN subscriptions one ON one.customer = own.id
          JOIN subscription_events event ON event.subscription = one.id
        UNION ALL
        SELECT invoice.id || '#issued', invoice.issued_at, 2, 'invoice.issued', invoice.customer, invoice.id,
               'invoice ' || invoice.number, invoice.total, invoice.currency
          FROM own JOIN invoices invoice ON invoice.customer = own.id WHERE invoice.issued_at IS NOT NULL
        UNION ALL
        SELECT payment.key || '#' || payment.state, payment.ended_at, 3, 'payment.' || payment.state, payment.customer,
               payment.invoice, 'payment ' || payment.key || COALESCE(': ' || payment.code, ''), payment.amount,
               payment.currency
          FROM own JOIN invoices ON invoices.customer = own.id JOIN collections payment ON payment.invoice = invoices.id
         WHERE payment.ended_at IS NOT NULL
        UNION ALL
        SELECT note.id || '#issued', note.issued_at, 4, 'credit_note.issued', note.customer, note.invoice,
               'credit note ' || note.number, note.total, note.currency
          FROM own JOIN credit_notes note ON note.customer = own.id
    )
"""
_NEXT = """ SELECT * FROM happened
     WHERE (at, id) > (COALESCE(CAST(:at AS timestamptz), '-infinity'::timestamptz), :id)
     ORDER BY at, id LIMIT :limit
"""
_EVENTS = text(_HAPPENED + _NEXT)
_LATEST = text(_HAPPENED + " SELECT * FROM happened ORDER BY at DESC, id DESC LIMIT :limit")  # noqa: S608 - of constants alone


async def page(connection: Connection, clock: str, after: tuple[datetime, str] | None, limit: int) -> list[ClockEvent]:
    """In order of time, those after `after` (at, id)."""
    at, id_ = after or (None, "")
    rows = await connection.execute(_EVENTS, {"clock": clock, "at": at, "id": id_, "limit": limit})
    return [ClockEvent.model_validate(dict(row)) for row in rows.mappings()]


async def latest(connection: Connection, clock: str, limit: int) -> list[ClockEvent]:
    """The newest first."""
    rows = await connection.execute(_LATEST, {"clock": clock, "limit": limit})
    return [ClockEvent.model_validate(dict(row)) for row in rows.mappings()]
