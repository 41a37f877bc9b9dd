"""What one subscription's page shows beside its facts: what was billed for it, what was paid of that, and its last events."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select, text

from activities.store.database import Connection
from activities.store.subscriptions import StoredEvent
from activities.store.tables.life import subscription_events
from domain.billing.calendar import Period
from domain.billing.invoice_states import InvoiceState
from domain.money import Money
from domain.values import Instant, Value


class Billed(Value):
    """What was billed for one period. `invoice` is None where it waits for one, and `number` on a draft too."""

    period: Period
    amount: Money
    invoice: str | None = None
    number: str | None = None
    state: InvoiceState | None = None


class Paid(Value):
    """An answer to a payment for an invoice that the subscription is on, perhaps beside others: `amount` is the payment's.
    `code` is why it was declined."""

    at: Instant
    amount: Money
    declined: bool
    invoice: str
    code: str | None = None


_BILLED = text("""
    SELECT (line #>> '{period,start}')::timestamptz AS start, (line #>> '{period,end}')::timestamptz AS end,
           sum((line #>> '{amount,minor}')::bigint) AS minor, billables.currency, billables.invoice, invoices.number,
           invoices.state
      FROM billables LEFT JOIN invoices ON invoices.id = billables.invoice
     WHERE line ->> 'subscription' = :subscription AND line #>> '{period,end}' IS NOT NULL
     GROUP BY 1, 2, billables.currency, billables.invoice, invoices.number, invoices.state
     ORDER BY 2 DESC, 1 DESC LIMIT :limit
""")
_PAID = text("""
    SELECT ended_at AS at, amount AS minor, currency, state = 'declined' AS declined, invoice, code FROM collections
     WHERE invoice = ANY(CAST(:invoices AS varchar[])) AND ended_at IS NOT NULL AND state IN ('paid', 'declined')
    UNION ALL
    SELECT invoices.issued_at, payments.captured, payments.currency, false, invoices.id, NULL
      FROM invoices JOIN payments ON payments.order_id = invoices.order_id
     WHERE invoices.id = ANY(CAST(:invoices AS varchar[])) AND payments.captured > 0 AND invoices.issued_at IS NOT NULL
     ORDER BY at DESC LIMIT :limit
""")
"""An order is paid with its invoice, which has the customer's time."""
_INVOICES = text("SELECT DISTINCT invoice FROM billables WHERE line ->> 'subscription' = :subscription AND invoice IS NOT NULL")


async def billed(connection: Connection, subscription: str, limit: int) -> list[Billed]:
    """By period and invoice, the last first. Amounts are before discounts and tax."""
    rows = await connection.execute(_BILLED, {"subscription": subscription, "limit": limit})
    return [_billed(row) for row in rows.mappings()]


def _billed(row: Any) -> Billed:
    period = {"start": row["start"], "end": row["end"]}
    return Billed.model_validate({**row, "period": period, "amount": _money(row)})


async def invoices_of(connection: Connection, subscription: str) -> list[str]:
    """Ids of the invoices that something of it is on."""
    return list((await connection.execute(_INVOICES, {"subscription": subscription})).scalars())


async def paid(connection: Connection, invoices: Collection[str], limit: int) -> list[Paid]:
    """What was paid of these and what was declined, the last first, in the customer's time."""
    rows = await connection.execute(_PAID, {"invoices": list(invoices), "limit": limit})
    return [Paid.model_validate({**row, "amount": _money(row)}) for row in rows.mappings()]


async def latest_events(connection: Connection, subscription: str, limit: int) -> list[StoredEvent]:
    """The newest first."""
    query = select(subscription_events).where(subscription_events.c.subscription == subscription)
    rows = await connection.execute(query.order_by(subscription_events.c.seq.desc()).limit(limit))
    return [StoredEvent.model_validate(dict(row)) for row in rows.mappings()]


def _money(row: Any) -> Money:
    return Money(minor=int(row["minor"]), currency=row["currency"])
