"""Credit notes: what was taken back of which invoice. Written once and never changed."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.invoices import credit_notes
from domain.billing.credit_notes import CreditNote, CreditReason
from domain.errors import Conflict, NotFound
from domain.money import Money
from domain.values import Instant, Value


class CreditNoteSummary(Value):
    """A line of the list of credit notes."""

    id: str
    number: str
    invoice: str
    customer: str
    legal_entity: str
    total: Money
    reason: CreditReason
    issue_date: date
    issued_at: Instant


async def add(
    connection: Connection, note: CreditNote, now: datetime, key: str | None = None, digest: str | None = None
) -> None:
    """`key` is what it was asked for under, `digest` that of what was asked for."""
    columns = note.model_dump(
        include={"id", "number", "invoice", "customer", "legal_entity", "currency", "issue_date", "reason"}
    )
    document = note.model_dump(mode="json")
    row = {**columns, "total": note.taxed.gross.minor, "document": document, "issued_at": now}
    row |= {"key": key, "request_digest": digest}
    await connection.execute(insert(credit_notes).values(**row))


async def get(connection: Connection, note: str) -> CreditNote:
    """Raises NotFound."""
    found = await known(connection, note)
    if found is None:
        raise NotFound("credit note", note)
    return found


async def known(connection: Connection, note: str) -> CreditNote | None:
    document = (await connection.execute(select(credit_notes.c.document).where(credit_notes.c.id == note))).scalar()
    return None if document is None else CreditNote.model_validate(document)


async def made_for(connection: Connection, invoice: str, key: str | None, digest: str | None) -> CreditNote | None:
    """What a key has made already. Conflict where something else was asked for under it."""
    if key is None:
        return None
    query = select(credit_notes).where(credit_notes.c.invoice == invoice, credit_notes.c.key == key)
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    if row.request_digest != digest:
        raise Conflict(f"this key has made credit note {row.number}, over something else; use a new key for a new credit note")
    return CreditNote.model_validate(row.document)


async def of_invoice(connection: Connection, invoice: str) -> list[CreditNote]:
    """In the order they were issued."""
    query = select(credit_notes.c.document).where(credit_notes.c.invoice == invoice)
    rows = await connection.execute(query.order_by(credit_notes.c.issued_at, credit_notes.c.id))
    return [CreditNote.model_validate(row) for row in rows.scalars()]


async def page(
    connection: Connection,
    after: tuple[datetime, str] | None,
    limit: int,
    *,
    customer: str | None = None,
    invoice: str | None = None,
) -> list[CreditNoteSummary]:
    """The newest first, those before `after` (issued_at, id)."""
    query = select(credit_notes)
    for column, value in (("customer", customer), ("invoice", invoice)):
        query = query if value is None else query.where(credit_notes.c[column] == value)
    if after is not None:
        query = query.where(tuple_(credit_notes.c.issued_at, credit_notes.c.id) < tuple_(*after))
    rows = await connection.execute(query.order_by(credit_notes.c.issued_at.desc(), credit_notes.c.id.desc()).limit(limit))
    return [_summary(row) for row in rows.mappings()]


def _summary(row: Any) -> CreditNoteSummary:
    return CreditNoteSummary(**{**row, "total": Money(minor=row["total"], currency=row["currency"])})
