"""What people did to an invoice, who and why. Written once and never changed."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.invoices import invoice_events
from domain.values import Instant, Value


class InvoiceEvent(Value):
    """`seq` counts from 1 for each invoice."""

    seq: int
    type: str
    actor: str
    summary: str
    at: Instant


async def append(connection: Connection, invoice: str, type_: str, actor: str, summary: str, now: datetime) -> None:
    """The invoice has to be locked, so that two never get the same place."""
    last = select(func.coalesce(func.max(invoice_events.c.seq), 0)).where(invoice_events.c.invoice == invoice)
    row = {"invoice": invoice, "type": type_, "actor": actor, "summary": summary, "at": now}
    await connection.execute(insert(invoice_events).values(**row, seq=last.scalar_subquery() + 1))


async def of_invoice(connection: Connection, invoice: str) -> list[InvoiceEvent]:
    """In the order they happened."""
    query = select(invoice_events).where(invoice_events.c.invoice == invoice).order_by(invoice_events.c.seq)
    return [InvoiceEvent.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]
