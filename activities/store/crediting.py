"""Issuing a credit note: the document, its number and what the invoice is due after it, in one go."""

from datetime import datetime
from hashlib import sha256

from activities.store import credit_notes, invoices, ledger, legal_entities, numbers
from activities.store.database import Connection
from domain.billing.credit_notes import CreditNote, CreditRequest, Identity, applied, credit, credit_note_key
from domain.billing.invoices import Invoice
from domain.billing.ledger import Transaction
from domain.billing.numbers import DocumentKind
from domain.billing.postings import credit_note_issued
from domain.billing.tax.settings import Rounding
from domain.values import Value


class Asked(Value):
    """`id` is formed from the invoice and its count of credit notes unless given. `key` makes what is asked for once."""

    request: CreditRequest
    id: str | None = None
    key: str | None = None

    @property
    def digest(self) -> str | None:
        """Of what is asked for under the key, whoever asks."""
        if self.key is None:
            return None
        return sha256(self.request.model_dump_json(include=set(CreditRequest.model_fields)).encode()).hexdigest()


class Credited(Value):
    """`booked` is left to the caller to post, with what else belongs to it."""

    note: CreditNote
    booked: Transaction | None


async def issue(connection: Connection, invoice: Invoice, asked: Asked, now: datetime) -> Credited:
    """Of an invoice that is locked. Raises BadInput and Conflict as `credit` does."""
    earlier = await credit_notes.of_invoice(connection, invoice.id)
    seller = await legal_entities.get(connection, invoice.legal_entity)
    today = seller.today(now)
    number = await numbers.take(connection, seller.number_format(DocumentKind.credit_note), today)
    id_ = asked.id or credit_note_key(invoice.id, len(earlier) + 1)
    identity = Identity(key=id_, number=number, issue_date=today)
    note = credit(invoice, earlier, asked.request, identity, await _rounding(connection, invoice.id))
    await credit_notes.add(connection, note, now, asked.key, asked.digest)
    await invoices.save(connection, invoice, applied(invoice, note, today))
    deferred = await ledger.deferred(connection, [line.id for line in note.taxed.lines])
    return Credited(note=note, booked=credit_note_issued(note, deferred, now))


async def _rounding(connection: Connection, invoice: str) -> Rounding:
    evidence = await invoices.evidence(connection, invoice)
    return evidence.settings.tax.rounding if evidence else Rounding.half_up
