"""Invoices as they are shown, and what is asked of one: through its process, which writes it."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from activities.runtime.processes import Ended
from activities.store import collections, credit_notes, invoice_events, invoices
from activities.store.credit_notes import CreditNoteSummary
from activities.store.database import Connection
from activities.store.invoice_events import InvoiceEvent
from api.commands import PATIENCE
from api.context import Context
from api.paging import LARGEST_PAGE
from api.preview_tokens import Token, token_of
from domain.billing.balance import Settlement
from domain.billing.credit_notes import CreditNote, CreditRequest
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice, charge_of
from domain.billing.lines import InvoiceLine, explained
from domain.billing.tax.documents import TaxedDocument
from domain.collection import Collection
from domain.errors import Conflict, Unavailable
from domain.money import Money, total
from domain.roles import Principal
from domain.values import Instant, Value


class ShownInvoice(Value):
    """Dates are local dates of the legal entity. `total` is with tax; of a draft, whose discounts and tax are decided when it
    is issued, it is the sum of the lines. `taxed` has the tax line by line and by rate, `settlement` what came from the
    customer's balance and prepaid credit."""

    id: str
    state: InvoiceState
    customer: str
    legal_entity: str
    currency: str
    issue_date: date
    due_date: date
    lines: tuple[InvoiceLine, ...]
    taxed: TaxedDocument | None
    settlement: Settlement | None
    total: Money
    amount_due: Money


class PreviewedInvoice(ShownInvoice):
    """`token` holds issuing it to this."""

    token: Token


class InvoiceDetail(ShownInvoice):
    """`finalizable_at` is when a draft is issued by itself, `waiting_for` what keeps it from that. `events` are what people did
    to it."""

    number: str | None
    paid: Money
    credited: Money
    written_off: Money
    order: str | None
    subscription: str | None
    finalizable_at: Instant | None
    waiting_for: str | None
    gathered_at: Instant
    issued_at: Instant | None
    credit_notes: list[CreditNoteSummary]
    events: list[InvoiceEvent]
    collections: list[Collection]


def previewed(invoice: Invoice, at: datetime) -> PreviewedInvoice:
    return PreviewedInvoice(**_facts(invoice), token=token_of(at, charge_of(invoice)))


def _facts(invoice: Invoice) -> dict[str, Any]:
    lines: Sequence[InvoiceLine] = invoice.lines
    if invoice.taxed is None:
        lines = [explained(line) for line in lines]
    sum_ = invoice.gross if invoice.taxed else total([line.amount for line in lines], invoice.currency)
    return {**dict(invoice), "lines": lines, "total": sum_, "amount_due": invoice.amount_due}


async def detail(connection: Connection, invoice: str) -> InvoiceDetail:
    """Raises NotFound."""
    stored = await invoices.get(connection, invoice)
    notes = await credit_notes.page(connection, None, LARGEST_PAGE, invoice=invoice)
    events = await invoice_events.of_invoice(connection, invoice)
    asked = await collections.of_invoice(connection, invoice)
    around = {"credit_notes": notes, "events": events, "collections": asked}
    return InvoiceDetail(**{**dict(stored), **_facts(stored.invoice), **around})


async def correct(context: Context, principal: Principal, invoice: str, update: str, **asked: Any) -> InvoiceDetail:
    """Again changes nothing. Raises NotFound, BadInput, Conflict where the invoice is past it, and Unavailable while it cannot
    be done."""
    async with context.database.transaction() as connection:
        await invoices.get(connection, invoice)
    await _ask(context, invoice, update, {**asked, "by": principal.name})
    async with context.database.transaction() as connection:
        return await detail(connection, invoice)


async def credit(context: Context, principal: Principal, invoice: str, request: CreditRequest, key: str | None) -> CreditNote:
    """As `correct`. Without a key, what is asked for at once with others is made once, or refused where it differs."""
    async with context.database.transaction() as connection:
        await invoices.get(connection, invoice)
        number = len(await credit_notes.of_invoice(connection, invoice)) + 1
    place = f"{principal.key_id}:{key}" if key else f"{invoice}:{number}"
    asked = {**request.model_dump(mode="json"), "by": principal.name, "key": place}
    return CreditNote.model_validate(await _ask(context, invoice, "credit", asked))


async def _ask(context: Context, invoice: str, update: str, argument: dict[str, Any]) -> Any:
    """Each time an update of its own: Temporal answers an id that it knows as it did then, also with a refusal that no longer
    holds. That it is done once is for the invoice to see to."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await context.processes.correct(invoice, update, argument, f"{update}:{uuid.uuid4().hex}")
    except TimeoutError:
        raise Unavailable(
            f"invoice {invoice} does not answer now; it may still do as asked, so look before asking again"
        ) from None
    except Ended:
        raise Conflict(f"invoice {invoice} was being changed; ask again") from None
