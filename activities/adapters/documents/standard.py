"""The documents port by EN 16931 and PDF/A-3."""

from pathlib import Path

from activities.adapters.documents.cii import cii
from activities.adapters.documents.facturx import marked
from activities.adapters.documents.pdf import Typesetter
from activities.adapters.documents.ubl import ubl
from domain.billing.documents.document import BillingDocument
from domain.billing.documents.en16931 import ElectronicInvoice, electronic


class StandardDocuments:
    """`folder` may hold a template, words and fonts that go before the shipped ones."""

    def __init__(self, folder: Path | None = None) -> None:
        self._typesetter = Typesetter(folder)

    def pdf(self, document: BillingDocument) -> bytes:
        return self._typesetter.pdf(document)

    def factur_x(self, document: BillingDocument) -> bytes:
        return marked(self._typesetter.with_attachment(document, self.cii(document).decode()))

    def cii(self, document: BillingDocument) -> bytes:
        return cii(self._electronic(document))

    def ubl(self, document: BillingDocument) -> bytes:
        return ubl(self._electronic(document))

    def _electronic(self, document: BillingDocument) -> ElectronicInvoice:
        return electronic(document, self._typesetter.credit_terms(document))
