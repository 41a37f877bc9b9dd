"""The documents port: the files of an invoice or a credit note."""

from typing import Protocol

from domain.billing.documents.document import BillingDocument


class Documents(Protocol):
    """Every call is pure: the same document gives the same bytes. It computes for tens of milliseconds, so call it in a thread
    and not on an event loop; implementations may be used from several threads at once."""

    def pdf(self, document: BillingDocument) -> bytes:
        """For people, in the recipient's language; drafts and voided invoices carry a mark."""

    def factur_x(self, document: BillingDocument) -> bytes:
        """The PDF (PDF/A-3) with the electronic invoice inside. Conflict where EN 16931 has no such invoice."""

    def cii(self, document: BillingDocument) -> bytes:
        """The electronic invoice as UN/CEFACT XML; Conflict as above."""

    def ubl(self, document: BillingDocument) -> bytes:
        """The electronic invoice as UBL 2.1 XML; Conflict as above."""
