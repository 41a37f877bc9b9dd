"""What the documents of an invoice say: who its evidence names, whatever the records of seller and buyer say by now."""

from datetime import date

from domain.addresses import Address as RecordedAddress
from domain.billing.credit_notes import CreditNote
from domain.billing.documents.document import BillingDocument
from domain.billing.documents.parties import Address, Issuer, PaymentInstructions, PaymentMethod, Recipient, printable
from domain.billing.entities import LegalEntity
from domain.billing.evidence import Evidence
from domain.billing.invoices import Invoice
from domain.billing.tax.documents import TaxedDocument
from domain.billing.tax.jurisdictions import UNION
from domain.billing.tax.parties import Registration
from domain.billing.tax.vat_ids import normal_tax_id
from domain.customers import Customer

_CARD = PaymentInstructions(method=PaymentMethod.card)


def billing_document(
    invoice: Invoice, evidence: Evidence, note: CreditNote | None = None, paid_in_advance: bool = False
) -> BillingDocument:
    """The invoice, or its credit note `note`, between the parties of the evidence; `paid_in_advance` is by card, as orders are.

    What the evidence does not know is left out, so that every invoice has a document.
    """
    issued = invoice if note is None else note
    return BillingDocument(
        invoice=invoice,
        credit_note=note,
        issuer=_issuer(evidence.seller, invoice.legal_entity, issued.taxed, issued.issue_date),
        recipient=_recipient(evidence.buyer, evidence.seller),
        payment=_CARD if paid_in_advance else evidence.seller.payment,
        paid_in_advance=paid_in_advance,
    )


def _issuer(seller: LegalEntity, legal_entity: str, taxed: TaxedDocument | None, day: date) -> Issuer:
    return Issuer(
        legal_entity=legal_entity,
        name=printable(seller.name) or seller.id,
        address=_address(seller.address, seller.country),
        vat_id=_vat_id(seller, taxed, day),
        tax_number=seller.tax_number,
        register_number=seller.register_number,
        legal_information=seller.legal_information,
        email=seller.email,
        phone=seller.phone,
    )


def _recipient(buyer: Customer, seller: LegalEntity) -> Recipient:
    return Recipient(
        name=printable(buyer.name) or buyer.id,
        address=_address(buyer.address or RecordedAddress(), buyer.country),
        vat_id=buyer.tax.vat_id,
        email=buyer.email if buyer.email and printable(buyer.email) == buyer.email else None,
        buyer_reference=buyer.buyer_reference,
        language=buyer.language or "en",
        time_zone=buyer.timezone or seller.gathering.timezone,
    )


def _address(known: RecordedAddress, country: str) -> Address:
    return Address(
        lines=tuple(line for line in map(printable, known.lines) if line),
        postcode=printable(known.postcode or "") or None,
        city=printable(known.city or "") or None,
        region=known.region,
        country=country,
    )


def _vat_id(seller: LegalEntity, taxed: TaxedDocument | None, day: date) -> str | None:
    """The number it supplied under (Directive 2006/112/EC, article 226(3)): that of the country it charges the tax of, where it
    is registered there, and else its own. A registration in a region is none for VAT."""
    held = {each.jurisdiction.country: each for each in seller.registrations if _holds(each, day)}
    charged = {each.kind.jurisdiction.country for each in taxed.subtotals if each.tax} if taxed else set()
    wanted = [*(charged if len(charged) == 1 else ()), seller.country, *sorted(UNION)]
    found = next((held[country] for country in wanted if country in held), None)
    return None if found is None else _written(found)


def _holds(registration: Registration, day: date) -> bool:
    return registration.jurisdiction.region is None and registration.holds(registration.jurisdiction, day)


def _written(registration: Registration) -> str | None:
    """With its prefix where its form is known, and else as it was entered."""
    try:
        return normal_tax_id(registration.number, registration.jurisdiction.country)
    except ValueError:
        return printable(registration.number) or None
