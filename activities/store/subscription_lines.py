"""What was billed to a subscription: its lines, on which invoice each is, and taking back what no invoice has issued yet."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import orjson
from sqlalchemy import text

from activities.store.database import Connection
from domain.billing.invoice_states import OPEN, InvoiceState
from domain.billing.lines import InvoiceLine
from domain.values import Value


class BilledLine(Value):
    """`invoice` is None where it waits for one; `state` is that invoice's."""

    line: InvoiceLine
    invoice: str | None = None
    state: InvoiceState | None = None

    @property
    def is_issued(self) -> bool:
        return self.state is not None and self.state is not InvoiceState.draft


_BEYOND = text("""
    SELECT billables.line, billables.invoice, invoices.state FROM billables
      LEFT JOIN invoices ON invoices.id = billables.invoice
     WHERE (billables.line ->> 'subscription') = :subscription
       AND (billables.line #>> '{period,end}')::timestamptz > :at
     ORDER BY billables.id FOR UPDATE OF billables
""")
_OWED = text("""
    SELECT DISTINCT invoices.id FROM billables JOIN invoices ON invoices.id = billables.invoice
     WHERE (billables.line ->> 'subscription') = :subscription AND invoices.amount_due > 0
       AND invoices.state = ANY(CAST(:open AS varchar[])) AND invoices.due_date <= :today
""")
_GIVEN_BACK = text("""
    SELECT billables.line, billables.invoice, invoices.state FROM billables
      LEFT JOIN invoices ON invoices.id = billables.invoice
     WHERE billables.id = ANY(CAST(:ids AS varchar[])) AND invoices.state IS DISTINCT FROM :voided
""")
_ISSUED_ON = text("""
    SELECT invoices.id FROM billables JOIN invoices ON invoices.id = billables.invoice
     WHERE billables.id = :id AND invoices.state <> :draft
""")
_WAITING = text("""
    SELECT billables.line, billables.invoice, invoices.state FROM billables
      LEFT JOIN invoices ON invoices.id = billables.invoice
     WHERE (billables.line ->> 'subscription') = :subscription AND (invoices.id IS NULL OR invoices.state = :draft)
     ORDER BY billables.id FOR UPDATE OF billables
""")
_REMOVE = text("DELETE FROM billables WHERE id = ANY(CAST(:ids AS varchar[]))")
_REPLACE = text("UPDATE billables SET line = CAST(:line AS jsonb) WHERE id = :id")
_SHRINK = text("""
    UPDATE invoices
       SET total = COALESCE(rest.total, 0),
           state = CASE WHEN rest.total IS NULL THEN :voided ELSE invoices.state END,
           finalizable_at = CASE WHEN rest.total IS NULL THEN NULL ELSE invoices.finalizable_at END
      FROM unnest(CAST(:drafts AS varchar[])) AS draft (id)
      LEFT JOIN LATERAL (
           SELECT sum((line #>> '{amount,minor}')::bigint) AS total FROM billables WHERE billables.invoice = draft.id
      ) rest ON true
     WHERE invoices.id = draft.id AND invoices.state = :draft
""")


async def beyond(connection: Connection, subscription: str, at: datetime) -> list[BilledLine]:
    """Lines for periods that go on after `at`, locked until the transaction ends."""
    rows = await connection.execute(_BEYOND, {"subscription": subscription, "at": at})
    return [BilledLine(line=row.line, invoice=row.invoice, state=row.state) for row in rows]


async def owed(connection: Connection, subscription: str, today: date) -> list[str]:
    """The invoices over it whose due day has come and of which something is still to be paid."""
    given = {"subscription": subscription, "open": list(OPEN), "today": today}
    return list((await connection.execute(_OWED, given)).scalars())


async def given_back(connection: Connection, lines: Iterable[str]) -> list[BilledLine]:
    """Lines of other invoices that give these back, but where they were voided."""
    rows = await connection.execute(_GIVEN_BACK, {"ids": [f"{line}:unused" for line in lines], "voided": InvoiceState.voided})
    return [BilledLine(line=row.line, invoice=row.invoice, state=row.state) for row in rows]


async def issued_on(connection: Connection, line: str) -> str | None:
    """The invoice that a line was issued on; None as long as it was not."""
    rows = await connection.execute(_ISSUED_ON, {"id": line, "draft": InvoiceState.draft})
    return rows.scalar()


async def take_back(connection: Connection, lines: Sequence[BilledLine]) -> None:
    """Charge nothing for lines that no invoice has issued yet. A draft that is left with none is voided."""
    await connection.execute(_REMOVE, {"ids": [each.line.id for each in lines]})
    await _shrink(connection, lines)


async def replace(connection: Connection, line: BilledLine, by: InvoiceLine) -> None:
    """Charge `by` under the same key, of a line that no invoice has issued yet."""
    await connection.execute(_REPLACE, {"id": line.line.id, "line": orjson.dumps(by.model_dump(mode="json")).decode()})
    await _shrink(connection, [line])


async def _shrink(connection: Connection, lines: Sequence[BilledLine]) -> None:
    drafts = sorted({each.invoice for each in lines if each.invoice is not None})
    if drafts:
        states = {"voided": InvoiceState.voided, "draft": InvoiceState.draft}
        await connection.execute(_SHRINK, {"drafts": drafts, **states})


async def waiting(connection: Connection, subscription: str) -> list[BilledLine]:
    """Lines that no invoice has issued yet, locked until the transaction ends."""
    rows = await connection.execute(_WAITING, {"subscription": subscription, "draft": InvoiceState.draft})
    return [BilledLine(line=row.line, invoice=row.invoice, state=row.state) for row in rows]
