"""What an invoice was issued by: who sold to whom as they were that day, and why it was taxed as it was."""

from domain.billing.drafting import DraftingSettings
from domain.billing.entities import LegalEntity
from domain.billing.tax.decisions import TaxDecision
from domain.billing.tax.parties import VatProof
from domain.customers import Customer
from domain.values import Value


class Evidence(Value):
    """Kept with the invoice for its documents, its credit notes and an auditor. `decisions` are by line id; `proof` is what the
    tax register had said about the buyer's VAT id."""

    seller: LegalEntity
    buyer: Customer
    proof: VatProof | None = None
    decisions: dict[str, TaxDecision] = {}
    settings: DraftingSettings = DraftingSettings()
