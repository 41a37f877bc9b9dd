"""What the documents of an invoice are made of: what was kept at its issue, and the present records where nothing was kept."""

from activities.store import credit_notes, customers, invoices, legal_entities
from activities.store.database import Connection
from domain.billing.documents.document import BillingDocument
from domain.billing.documents.issued import billing_document
from domain.billing.evidence import Evidence
from domain.billing.invoices import Invoice


async def of_invoice(connection: Connection, invoice: str) -> BillingDocument:
    """Raises NotFound. A draft is shown between the parties as they are now."""
    stored = await invoices.get(connection, invoice)
    evidence = await _evidence(connection, stored.invoice)
    return billing_document(stored.invoice, evidence, paid_in_advance=stored.order is not None)


async def of_credit_note(connection: Connection, note: str) -> BillingDocument:
    """Raises NotFound."""
    issued = await credit_notes.get(connection, note)
    invoice = (await invoices.get(connection, issued.invoice)).invoice
    return billing_document(invoice, await _evidence(connection, invoice), issued)


async def _evidence(connection: Connection, invoice: Invoice) -> Evidence:
    kept = await invoices.evidence(connection, invoice.id)
    if kept is not None:
        return kept
    seller = await legal_entities.get(connection, invoice.legal_entity)
    return Evidence(seller=seller, buyer=await customers.get(connection, invoice.customer))
