"""EN 16931 in UN/CEFACT's syntax, Cross Industry Invoice D16B: the XML of Factur-X and ZUGFeRD."""

from decimal import Decimal
from threading import Lock

from drafthorse.models.accounting import ApplicableTradeTax, TradeAllowanceCharge
from drafthorse.models.document import Document
from drafthorse.models.note import IncludedNote
from drafthorse.models.party import TaxRegistration, TradeParty
from drafthorse.models.payment import PaymentMeans, PaymentTerms
from drafthorse.models.trade import TradeAgreement, TradeSettlement
from drafthorse.models.tradelines import LineItem

from activities.adapters.documents.codes import MEANS, major, street
from domain.billing.documents.en16931 import UNIT, Allowance, Breakdown, ElectronicInvoice, Line, VatCategory
from domain.billing.documents.parties import Issuer, PaymentInstructions, Recipient
from domain.billing.exact import plain
from domain.money import Money

GUIDELINE = "urn:cen.eu:en16931:2017"
_PREFIXES = Lock()
"""The library keeps the prefixes of namespaces in a table of the process, and writes it whenever a document is begun."""


def cii(invoice: ElectronicInvoice) -> bytes:
    """The XML document in UTF-8, the same bytes for the same invoice."""
    with _PREFIXES:
        return _written(invoice)


def _written(invoice: ElectronicInvoice) -> bytes:
    document = Document()
    document.context.guideline_parameter.id = GUIDELINE
    document.header.id = invoice.number
    document.header.type_code = invoice.type
    document.header.issue_date_time = invoice.issue_date
    for note in invoice.notes:
        document.header.notes.add(_note(note))
    for line in invoice.lines:
        document.trade.items.add(_line(line))
    _agreement(document.trade.agreement, invoice)
    document.trade.delivery.ship_to.address.country_id = invoice.buyer.address.country
    _settlement(document.trade.settlement, invoice)
    xml: bytes = document.serialize(schema=None)
    return xml


def _note(text: str) -> IncludedNote:
    note = IncludedNote()
    note.content = text
    return note


def _agreement(agreement: TradeAgreement, invoice: ElectronicInvoice) -> None:
    if invoice.buyer.buyer_reference:
        agreement.buyer_reference = invoice.buyer.buyer_reference
    _seller(agreement.seller, invoice.seller)
    _register(agreement.seller, "FC", invoice.seller_tax_number)
    _register(agreement.seller, "VA", invoice.seller_vat_id)
    _party(agreement.buyer, invoice.buyer)
    _register(agreement.buyer, "VA", invoice.buyer_vat_id)


def _seller(party: TradeParty, issuer: Issuer) -> None:
    party.id = issuer.legal_entity
    _party(party, issuer)
    if issuer.legal_information:
        party.description = issuer.legal_information
    if issuer.register_number:
        party.legal_organization.id = ("", issuer.register_number)
    party.contact.person_name = issuer.name
    if issuer.phone:
        party.contact.telephone.number = issuer.phone
    if issuer.email:
        party.contact.email.address = issuer.email


def _party(party: TradeParty, known: Issuer | Recipient) -> None:
    party.name = known.name
    address = known.address
    for field, line in zip(("line_one", "line_two", "line_three"), street(address), strict=False):
        setattr(party.address, field, line)
    if address.city:
        party.address.city_name = address.city
    party.address.country_id = address.country
    if address.postcode:
        party.address.postcode = address.postcode
    if address.region:
        party.address.country_subdivision = address.region
    if known.email:
        party.electronic_address.uri_ID = ("EM", known.email)


def _register(party: TradeParty, scheme: str, number: str | None) -> None:
    if number is None:
        return
    registration = TaxRegistration()
    registration.id = (scheme, number)
    party.tax_registrations.add(registration)


def _settlement(settlement: TradeSettlement, invoice: ElectronicInvoice) -> None:
    settlement.currency_code = invoice.currency
    if invoice.payment is not None:
        settlement.payment_reference = invoice.number
        settlement.payment_means.add(_means(invoice.payment))
    for each in invoice.breakdown:
        settlement.trade_tax.add(_breakdown(each))
    _terms(settlement, invoice)
    _summation(settlement, invoice)
    if invoice.preceding is not None:
        settlement.invoice_referenced_document.issuer_assigned_id = invoice.preceding.number
        settlement.invoice_referenced_document.issue_date_time = invoice.preceding.issue_date


def _means(payment: PaymentInstructions) -> PaymentMeans:
    means = PaymentMeans()
    means.type_code = MEANS[payment.method]
    if payment.iban:
        means.payee_account.iban = payment.iban
    elif payment.account:
        means.payee_account.proprietary_id = payment.account
    if payment.account_holder and (payment.iban or payment.account):
        means.payee_account.account_name = payment.account_holder
    if payment.bic:
        means.payee_institution.bic = payment.bic
    return means


def _breakdown(each: Breakdown) -> ApplicableTradeTax:
    tax = ApplicableTradeTax()
    _categorize(tax, each.vat)
    tax.calculated_amount = _amount(each.tax)
    tax.basis_amount = _amount(each.taxable)
    if each.reason:
        tax.exemption_reason = each.reason
    if each.reason_code:
        tax.exemption_reason_code = each.reason_code
    return tax


def _categorize(tax: ApplicableTradeTax, vat: VatCategory) -> None:
    tax.type_code = "VAT"
    tax.category_code = vat.code
    if vat.percent is not None:
        tax.rate_applicable_percent = plain(vat.percent)


def _terms(settlement: TradeSettlement, invoice: ElectronicInvoice) -> None:
    mandate = invoice.payment.mandate if invoice.payment else None
    if not (invoice.terms or invoice.due_date or mandate):
        return
    terms = PaymentTerms()
    if invoice.terms:
        terms.description = invoice.terms
    if invoice.due_date:
        terms.due = invoice.due_date
    if mandate:
        terms.debit_mandate_id = mandate
    settlement.terms.add(terms)


def _summation(settlement: TradeSettlement, invoice: ElectronicInvoice) -> None:
    sums = settlement.monetary_summation
    sums.line_total = _amount(invoice.net)
    sums.tax_basis_total = _amount(invoice.net)
    sums.tax_total = (_amount(invoice.tax), invoice.currency)
    sums.grand_total = _amount(invoice.gross)
    if invoice.paid:
        sums.prepaid_total = _amount(invoice.paid)
    sums.due_amount = _amount(invoice.due)


def _line(line: Line) -> LineItem:
    item = LineItem()
    item.document.line_id = line.number
    if line.note:
        item.document.notes.add(_note(line.note))
    item.product.name = line.name
    item.agreement.net.amount = plain(line.price)
    if line.base_quantity != 1:
        item.agreement.net.basis_quantity = (plain(line.base_quantity), UNIT)
    item.delivery.billed_quantity = (plain(line.quantity), UNIT)
    _categorize(item.settlement.trade_tax, line.vat)
    if line.days is not None:
        item.settlement.period.start = line.days.first
        item.settlement.period.end = line.days.last
    for each in line.allowances:
        item.settlement.allowance_charge.add(_allowance(each))
    item.settlement.monetary_summation.total_amount = _amount(line.net)
    return item


def _allowance(allowance: Allowance) -> TradeAllowanceCharge:
    charge = TradeAllowanceCharge()
    charge.indicator = False
    charge.actual_amount = _amount(allowance.amount)
    charge.reason = allowance.reason
    return charge


def _amount(amount: Money) -> Decimal:
    return Decimal(major(amount))
