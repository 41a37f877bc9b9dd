"""EN 16931 in the syntax of OASIS UBL 2.1: Invoice and CreditNote."""

from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element as Element

from activities.adapters.documents.codes import MEANS, major, street
from domain.billing.documents.en16931 import UNIT, Breakdown, ElectronicInvoice, Line, TypeCode, VatCategory
from domain.billing.documents.parties import Address, Issuer, PaymentInstructions, Recipient
from domain.billing.exact import plain
from domain.money import Money

CUSTOMIZATION = "urn:cen.eu:en16931:2017"
_SCHEMAS = "urn:oasis:names:specification:ubl:schema:xsd:"
_CBC = f"{_SCHEMAS}CommonBasicComponents-2"
_CAC = f"{_SCHEMAS}CommonAggregateComponents-2"


def ubl(invoice: ElectronicInvoice) -> bytes:
    """The XML document in UTF-8, the same bytes for the same invoice."""
    kind = "Invoice" if invoice.type is TypeCode.invoice else "CreditNote"
    namespace = f"{_SCHEMAS}{kind}-2"
    root = etree.Element(f"{{{namespace}}}{kind}", nsmap={None: namespace, "cac": _CAC, "cbc": _CBC})
    root.extend(_children(invoice, kind))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _children(invoice: ElectronicInvoice, kind: str) -> Iterator[Element]:
    """In the order of the schemas, which is the same for both kinds."""
    yield _text("CustomizationID", CUSTOMIZATION)
    yield _text("ID", invoice.number)
    yield _text("IssueDate", invoice.issue_date.isoformat())
    if invoice.due_date is not None:
        yield _text("DueDate", invoice.due_date.isoformat())
    yield _text(f"{kind}TypeCode", invoice.type)
    yield from (_text("Note", note) for note in invoice.notes)
    yield _text("DocumentCurrencyCode", invoice.currency)
    if invoice.buyer.buyer_reference:
        yield _text("BuyerReference", invoice.buyer.buyer_reference)
    if invoice.preceding is not None:
        issued = _text("IssueDate", invoice.preceding.issue_date.isoformat())
        yield _group("BillingReference", _group("InvoiceDocumentReference", _text("ID", invoice.preceding.number), issued))
    yield _group("AccountingSupplierParty", _seller(invoice))
    yield _group("AccountingCustomerParty", _buyer(invoice.buyer, invoice.buyer_vat_id))
    yield _group("Delivery", _group("DeliveryLocation", _group("Address", _country(invoice.buyer.address))))
    if invoice.payment is not None:
        yield _means(invoice.payment, invoice.number)
    if invoice.terms:
        yield _group("PaymentTerms", _text("Note", invoice.terms))
    yield _group("TaxTotal", _amount("TaxAmount", invoice.tax), *(_breakdown(each) for each in invoice.breakdown))
    yield _group("LegalMonetaryTotal", *_totals(invoice))
    quantity = "InvoicedQuantity" if kind == "Invoice" else "CreditedQuantity"
    yield from (_group(f"{kind}Line", *_line(line, quantity)) for line in invoice.lines)


def _text(name: str, text: str, **attributes: str) -> Element:
    element = etree.Element(f"{{{_CBC}}}{name}", attributes)
    element.text = text
    return element


def _amount(name: str, amount: Money) -> Element:
    return _text(name, major(amount), currencyID=amount.currency)


def _group(name: str, *children: Element) -> Element:
    element = etree.Element(f"{{{_CAC}}}{name}")
    element.extend(children)
    return element


def _seller(invoice: ElectronicInvoice) -> Element:
    issuer = invoice.seller
    legal = [_text("RegistrationName", issuer.name)]
    if issuer.register_number:
        legal.append(_text("CompanyID", issuer.register_number))
    if issuer.legal_information:
        legal.append(_text("CompanyLegalForm", issuer.legal_information))
    return _group(
        "Party",
        *_endpoint(issuer.email),
        _group("PartyIdentification", _text("ID", issuer.legal_entity)),
        _address(issuer.address),
        *_tax_scheme(invoice.seller_vat_id, "VAT"),
        *_tax_scheme(invoice.seller_tax_number, "FC"),
        _group("PartyLegalEntity", *legal),
        _group("Contact", *_contact(issuer)),
    )


def _contact(issuer: Issuer) -> Iterator[Element]:
    yield _text("Name", issuer.name)
    if issuer.phone:
        yield _text("Telephone", issuer.phone)
    if issuer.email:
        yield _text("ElectronicMail", issuer.email)


def _endpoint(email: str | None) -> Iterator[Element]:
    if email:
        yield _text("EndpointID", email, schemeID="EM")


def _buyer(recipient: Recipient, vat_id: str | None) -> Element:
    return _group(
        "Party",
        *_endpoint(recipient.email),
        _address(recipient.address),
        *_tax_scheme(vat_id, "VAT"),
        _group("PartyLegalEntity", _text("RegistrationName", recipient.name)),
    )


def _tax_scheme(number: str | None, scheme: str) -> Iterator[Element]:
    if number is not None:
        yield _group("PartyTaxScheme", _text("CompanyID", number), _group("TaxScheme", _text("ID", scheme)))


def _address(address: Address) -> Element:
    names = ("StreetName", "AdditionalStreetName")
    lines = street(address)
    parts = [_text(name, line) for name, line in zip(names, lines, strict=False)]
    if address.city:
        parts.append(_text("CityName", address.city))
    if address.postcode:
        parts.append(_text("PostalZone", address.postcode))
    if address.region:
        parts.append(_text("CountrySubentity", address.region))
    parts += [_group("AddressLine", _text("Line", line)) for line in lines[2:]]
    return _group("PostalAddress", *parts, _country(address))


def _country(address: Address) -> Element:
    return _group("Country", _text("IdentificationCode", address.country))


def _means(payment: PaymentInstructions, number: str) -> Element:
    parts = [_text("PaymentMeansCode", MEANS[payment.method]), _text("PaymentID", number)]
    account = payment.iban or payment.account
    if account:
        holder = [_text("Name", payment.account_holder)] if payment.account_holder else []
        branch = [_group("FinancialInstitutionBranch", _text("ID", payment.bic))] if payment.bic else []
        parts.append(_group("PayeeFinancialAccount", _text("ID", account), *holder, *branch))
    if payment.mandate:
        parts.append(_group("PaymentMandate", _text("ID", payment.mandate)))
    return _group("PaymentMeans", *parts)


def _breakdown(each: Breakdown) -> Element:
    reasons = []
    if each.reason_code:
        reasons.append(_text("TaxExemptionReasonCode", each.reason_code))
    if each.reason:
        reasons.append(_text("TaxExemptionReason", each.reason))
    category = _category("TaxCategory", each.vat, *reasons)
    return _group("TaxSubtotal", _amount("TaxableAmount", each.taxable), _amount("TaxAmount", each.tax), category)


def _category(name: str, vat: VatCategory, *reasons: Element) -> Element:
    percent = [_text("Percent", plain(vat.percent))] if vat.percent is not None else []
    return _group(name, _text("ID", vat.code), *percent, *reasons, _group("TaxScheme", _text("ID", "VAT")))


def _totals(invoice: ElectronicInvoice) -> Iterator[Element]:
    yield _amount("LineExtensionAmount", invoice.net)
    yield _amount("TaxExclusiveAmount", invoice.net)
    yield _amount("TaxInclusiveAmount", invoice.gross)
    if invoice.paid:
        yield _amount("PrepaidAmount", invoice.paid)
    yield _amount("PayableAmount", invoice.due)


def _line(line: Line, quantity: str) -> Iterator[Element]:
    yield _text("ID", line.number)
    if line.note:
        yield _text("Note", line.note)
    yield _text(quantity, plain(line.quantity), unitCode=UNIT)
    yield _amount("LineExtensionAmount", line.net)
    if line.days is not None:
        first, last = line.days.first.isoformat(), line.days.last.isoformat()
        yield _group("InvoicePeriod", _text("StartDate", first), _text("EndDate", last))
    for each in line.allowances:
        reason = _text("AllowanceChargeReason", each.reason)
        yield _group("AllowanceCharge", _text("ChargeIndicator", "false"), reason, _amount("Amount", each.amount))
    yield _group("Item", _text("Name", line.name), _category("ClassifiedTaxCategory", line.vat))
    price = [_text("PriceAmount", plain(line.price), currencyID=line.net.currency)]
    if line.base_quantity != 1:
        price.append(_text("BaseQuantity", plain(line.base_quantity), unitCode=UNIT))
    yield _group("Price", *price)
