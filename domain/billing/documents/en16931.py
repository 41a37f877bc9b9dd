"""The semantic model of EN 16931-1: an invoice in the standard's business terms (BT) and groups (BG), before any syntax."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.billing.documents.document import BillingDocument
from domain.billing.documents.parties import Address, Issuer, PaymentInstructions, Recipient, printable
from domain.billing.entities import UNKNOWN_COUNTRY
from domain.billing.exact import EXACT
from domain.billing.lines import Discount, InvoiceLine
from domain.billing.tax.decisions import TaxCategory
from domain.billing.tax.documents import TaxedDocument, TaxKind, TaxLine
from domain.billing.zones import local_date, zone_of
from domain.errors import Conflict
from domain.money import Money, exponent, total
from domain.values import Value

UNIT = "C62"
"""One, by UN/ECE Recommendation 20: what is counted has no unit of its own."""
_PRICE_QUANTUM = Decimal("0.000001")
_LARGEST_PRICE = Decimal(10**12)
_SALES_TAX_COUNTRIES = frozenset({"US", "CA"})
_PREFIXED = re.compile(r"^[A-Z]{2}")
_ISLANDS = frozenset({TaxCategory.canary_islands, TaxCategory.ceuta_and_melilla})
_DEFAULT_REASONS = {
    TaxCategory.reverse_charge: "Reverse charge",
    TaxCategory.export: "Export",
    TaxCategory.outside_scope: "Not subject to VAT",
    TaxCategory.exempt: "Exempt from VAT",
}


class TypeCode(StrEnum):
    """BT-3, of UNTDID 1001."""

    invoice = "380"
    credit_note = "381"


class Preceding(Value):
    """BG-3: the invoice that is corrected."""

    number: str
    issue_date: date


class Allowance(Value):
    """BG-27, without tax."""

    amount: Money
    reason: str


class Days(Value):
    """BG-26: the first and the last day, both included."""

    first: date
    last: date


class VatCategory(Value):
    """BT-151 and BT-152, BT-118 and BT-119; without a percentage where VAT does not apply at all."""

    code: TaxCategory
    percent: Decimal | None


class Line(Value):
    """BG-25. `net` = quantity × price / base_quantity − allowances; a negative line has a negative quantity, since a price may
    not be negative (BR-27)."""

    number: str
    name: str
    note: str | None
    quantity: Decimal
    price: Decimal
    base_quantity: Decimal
    allowances: tuple[Allowance, ...]
    days: Days | None
    net: Money
    vat: VatCategory


class Breakdown(Value):
    """BG-23: what all lines of one category and rate come to."""

    vat: VatCategory
    taxable: Money
    tax: Money
    reason: str | None
    reason_code: str | None


class ElectronicInvoice(Value):
    """`paid` is what balance and prepaid credit covered on the day of issue (BT-113), less than zero where an earlier debt is
    collected; `due` = gross − paid (BT-115). `terms` is BT-20. The tax numbers are BT-31, BT-32 and BT-48: what of them the
    parties have, and the category of the lines allows."""

    type: TypeCode
    number: str
    issue_date: date
    due_date: date | None
    currency: str
    terms: str | None
    notes: tuple[str, ...]
    preceding: Preceding | None
    seller: Issuer
    seller_vat_id: str | None
    seller_tax_number: str | None
    buyer: Recipient
    buyer_vat_id: str | None
    payment: PaymentInstructions | None
    lines: tuple[Line, ...]
    breakdown: tuple[Breakdown, ...]
    net: Money
    tax: Money
    gross: Money
    paid: Money
    due: Money


def electronic(document: BillingDocument, terms: str | None = None) -> ElectronicInvoice:
    """The document in the standard's terms, or Conflict with the reason why EN 16931 has no such one.

    That is for drafts and voided invoices; sales taxes that are no VAT; currencies with more than two decimals (BR-DEC); and
    where a party lacks what the standard wants of it. `terms` says how a credit note is settled.
    """
    taxed = _taxed(document)
    note = document.credit_note
    left = document.due if note is None else None
    due = taxed.gross if left is None else left
    result = ElectronicInvoice(
        type=TypeCode.invoice if note is None else TypeCode.credit_note,
        number=document.number or "",
        issue_date=document.issue_date,
        due_date=document.invoice.due_date if note is None else None,
        currency=taxed.currency,
        terms=terms,
        notes=(printable(note.memo),) if note is not None and printable(note.memo) else (),
        preceding=_preceding(document),
        seller=document.issuer,
        seller_vat_id=_vat_id(document.issuer.vat_id, taxed),
        seller_tax_number=_tax_number(document.issuer),
        buyer=document.recipient,
        buyer_vat_id=_vat_id(document.recipient.vat_id, taxed),
        payment=document.payment if note is None else None,
        lines=_lines(document, taxed),
        breakdown=_breakdown(taxed),
        net=taxed.net,
        tax=taxed.tax,
        gross=taxed.gross,
        paid=taxed.gross - due,
        due=due,
    )
    _check_parties(result, document.invoice.customer)
    return result


def _taxed(document: BillingDocument) -> TaxedDocument:
    taxed = document.taxed
    if document.is_draft or taxed is None or not document.number:
        raise Conflict(f"invoice {document.invoice.id} is a draft; an electronic invoice is made of what was issued")
    if document.is_voided:
        raise Conflict(f"invoice {document.number} was voided; there is no electronic invoice of it")
    if not taxed.lines:
        raise Conflict(f"{document.number} has no lines, and EN 16931 wants one at least (BR-16)")
    if exponent(taxed.currency) > 2:
        raise Conflict(f"{document.number} is in {taxed.currency}, and EN 16931 has amounts of two decimals at most (BR-DEC)")
    _check_tax(document, taxed)
    return taxed


def _check_tax(document: BillingDocument, taxed: TaxedDocument) -> None:
    foreign = {
        each.kind.tax for each in taxed.subtotals if each.kind.tax not in {"", "VAT"} and each.kind.category not in _ISLANDS
    }
    issuer = document.issuer
    if foreign or (issuer.address.country in _SALES_TAX_COUNTRIES and issuer.vat_id is None):
        named = ", ".join(sorted(foreign)) or "sales tax"
        raise Conflict(f"{document.number} is under {named}, and EN 16931 knows VAT only; the PDF is the invoice")
    if any(len(line.taxes) != 1 for line in taxed.lines):
        raise Conflict(f"{document.number} has several taxes on one line, and EN 16931 knows one only (BR-CO-4)")
    codes = {each.kind.category for each in taxed.subtotals}
    if TaxCategory.outside_scope in codes and len(codes) > 1:
        raise Conflict(f"{document.number} has lines outside the scope of VAT beside others, which EN 16931 forbids (BR-O-11)")
    if TaxCategory.intra_community in codes:
        raise Conflict(f"{document.number} is of goods moved between member states, whose place of delivery is not known here")


def _vat_id(number: str | None, taxed: TaxedDocument) -> str | None:
    """The number where it begins with its country (BR-CO-9), and where VAT applies at all (BR-O-02)."""
    applies = all(each.kind.category is not TaxCategory.outside_scope for each in taxed.subtotals)
    return number if applies and number is not None and _PREFIXED.match(number) else None


def _tax_number(issuer: Issuer) -> str | None:
    """That of the tax office, or a VAT number that is written without its country."""
    plain = issuer.vat_id if issuer.vat_id is not None and not _PREFIXED.match(issuer.vat_id) else None
    return issuer.tax_number or plain


def _check_parties(invoice: ElectronicInvoice, customer: str) -> None:
    """What a document has to state of its parties, by EN 16931 and by Directive 2006/112/EC, article 226(5)."""
    lacking = [
        f"{what} of {record}"
        for record, party in (
            (f"legal entity {invoice.seller.legal_entity}", invoice.seller),
            (f"customer {customer}", invoice.buyer),
        )
        for what in _lacking(party.address)
    ]
    if lacking:
        raise Conflict(f"{invoice.number} was issued without {', '.join(lacking)}; no electronic invoice is made of it")
    _check_numbers(invoice)


def _lacking(address: Address) -> Iterator[str]:
    if not address.lines:
        yield "address.lines"
    if address.city is None:
        yield "address.city"
    if address.country == UNKNOWN_COUNTRY:
        yield "country"


def _check_numbers(invoice: ElectronicInvoice) -> None:
    codes = {each.vat.code for each in invoice.breakdown}
    entity = invoice.seller.legal_entity
    if codes != {TaxCategory.outside_scope} and invoice.seller_vat_id is None and invoice.seller_tax_number is None:
        raise Conflict(f"{invoice.number} needs the VAT id or the tax number of {entity} (BR-S-02)")
    if TaxCategory.export in codes and invoice.seller_vat_id is None:
        raise Conflict(f"{invoice.number} needs the VAT id of {entity}, with its country before it (BR-G-02)")
    if TaxCategory.reverse_charge in codes and invoice.buyer_vat_id is None:
        raise Conflict(f"{invoice.number} needs the buyer's VAT id, with its country before it (BR-AE-02)")


def _preceding(document: BillingDocument) -> Preceding | None:
    if document.credit_note is None:
        return None
    return Preceding(number=document.credit_note.invoice_number, issue_date=document.invoice.issue_date)


def _lines(document: BillingDocument, taxed: TaxedDocument) -> tuple[Line, ...]:
    categories = [vat_category(each.kind) for each in taxed.subtotals]
    pairs = enumerate(document.pairs(), start=1)
    return tuple(_line(str(place), line, tax, categories[tax.taxes[0].kind], document) for place, (line, tax) in pairs)


def _line(number: str, line: InvoiceLine, taxed: TaxLine, vat: VatCategory, document: BillingDocument) -> Line:
    """A line of a credit note is one of what it takes back, at the rate it was charged."""
    of_invoice = document.credit_note is None
    allowances = _allowances(line.discounts, taxed.inclusive, vat) if of_invoice else ()
    charged = total([taxed.net, *(each.amount for each in allowances)], taxed.net.currency)
    quantity, price, base = priced(line.quantity if of_invoice else Decimal(1), charged)
    return Line(
        number=number,
        name=printable(line.description) or line.charge,
        note=printable(line.explanation) or None if of_invoice else None,
        quantity=quantity,
        price=price,
        base_quantity=base,
        allowances=allowances,
        days=service_days(line, document.recipient),
        net=taxed.net,
        vat=vat,
    )


def _allowances(discounts: Sequence[Discount], inclusive: bool, vat: VatCategory) -> tuple[Allowance, ...]:
    rate = (vat.percent or Decimal(0)) / 100 if inclusive else Decimal(0)
    return tuple(
        Allowance(
            amount=Money.rounded(major(each.amount) / (1 + rate), each.amount.currency),
            reason=printable(each.description) or each.coupon,
        )
        for each in discounts
        if each.amount
    )


def priced(quantity: Decimal, amount: Money) -> tuple[Decimal, Decimal, Decimal]:
    """Quantity, price, and the quantity that the price is for (BT-129, BT-146, BT-149), whose product is the amount exactly.

    A price for one where six decimals give the amount, and else, as of tiers and parts of a month, for the whole quantity.
    """
    value = abs(major(amount))
    counted = abs(quantity) or Decimal(1 if amount else 0)
    signed = -counted if amount.minor < 0 else counted
    if not counted:
        return counted, Decimal(0), Decimal(1)
    each = EXACT.quantize(EXACT.divide(value, counted), _PRICE_QUANTUM)
    if each <= _LARGEST_PRICE and EXACT.multiply(each, counted) == value:
        return signed, EXACT.normalize(each), Decimal(1)
    return signed, value, counted


def service_days(line: InvoiceLine, recipient: Recipient) -> Days | None:
    """The days of the line's period in the recipient's zone; it ends before its `end`."""
    if line.period is None:
        return None
    zone = zone_of(recipient.time_zone)
    last = local_date(line.period.end - timedelta(microseconds=1), zone)
    return Days(first=local_date(line.period.start, zone), last=last)


def vat_category(kind: TaxKind) -> VatCategory:
    """The rate is the one on the whole net amount, also where only a part of it bears tax."""
    if kind.category is TaxCategory.outside_scope:
        return VatCategory(code=kind.category, percent=None)
    percent = kind.percent * kind.base_percent / 100
    return VatCategory(code=kind.category, percent=Decimal(f"{percent.normalize():f}"))


def _breakdown(taxed: TaxedDocument) -> tuple[Breakdown, ...]:
    """One of each category and rate, whatever country the tax is owed to (BR-S-08, BR-E-01)."""
    groups: dict[VatCategory, Breakdown] = {}
    for each in taxed.subtotals:
        vat = vat_category(each.kind)
        before = groups.get(vat)
        groups[vat] = Breakdown(
            vat=vat,
            taxable=each.taxable if before is None else before.taxable + each.taxable,
            tax=each.tax if before is None else before.tax + each.tax,
            reason=_reason(each.kind) if before is None else before.reason,
            reason_code=each.kind.reason_code if before is None else before.reason_code,
        )
    return tuple(groups.values())


def _reason(kind: TaxKind) -> str | None:
    return printable(kind.reason or "") or _DEFAULT_REASONS.get(kind.category)


def major(amount: Money) -> Decimal:
    """The amount in major units."""
    return Decimal(amount.minor).scaleb(-exponent(amount.currency))
