"""Electronic invoices against the official rules of EN 16931, in both syntaxes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from activities.adapters.documents.cii import cii
from activities.adapters.documents.ubl import ubl
from domain.billing.documents.document import BillingDocument
from domain.billing.documents.en16931 import Line, electronic
from domain.billing.documents.parties import PaymentInstructions, PaymentMethod
from domain.billing.lines import Discount, InvoiceLine
from domain.billing.tax.decisions import TaxCategory, TaxDecision, Treatment
from domain.money import Money
from tests.activities.adapters.documents.rules import CII, UBL_CREDIT_NOTE, UBL_INVOICE, broken
from tests.activities.adapters.documents.samples import credit_of, document, invoice_of, issuer, recipient
from tests.domain.billing.line_samples import line
from tests.domain.billing.tax.samples import at, charged, reversed_charge

SWISS = TaxDecision(
    treatment=Treatment.export,
    category=TaxCategory.outside_scope,
    place=at("CH"),
    reason_code="VATEX-EU-O",
    reason="Service supplied in Switzerland",
)
EXPORT = TaxDecision(
    treatment=Treatment.export, category=TaxCategory.export, place=at("NO"), reason_code="VATEX-EU-G", reason="Export"
)
EXEMPT = TaxDecision(treatment=Treatment.exempt, category=TaxCategory.exempt, place=at("DE"), reason="Education")
FRENCH = recipient("FR", vat_id="FR40303265045", buyer_reference="PO 7", language="fr")


def off(minor: int) -> Discount:
    return Discount(redemption="r-1", coupon="welcome", description="Welcome, 25 %", amount=Money(minor=minor, currency="EUR"))


def _tiers() -> BillingDocument:
    """15 seats at 5.00 to ten and 4.00 above, for part of a month: no price for one gives 38.39."""
    return document(invoice_of([line(3839, quantity=Decimal(15), explanation="10 × 5.00 + 5 × 4.00 = 70.00")]))


def _credit_note() -> BillingDocument:
    invoice = invoice_of([line(10_000), line(5_000, charge="storage", discounts=(off(1_000),))], [charged("19"), charged("7")])
    note = credit_of(invoice, amount=Money(minor=7_000, currency="EUR"), memo="Outage in March")
    return document(invoice, credit_note=note)


def _address(country: str = "DE") -> dict[str, Any]:
    lines = ["Tower 3", "Floor 12", "Door 7", "Desk 1"]
    return {"lines": lines, "city": "Somewhere", "region": "Somewhere else", "country": country}


DOCUMENTS: dict[str, Callable[[], BillingDocument]] = {
    "a consumer in the same country": lambda: document(invoice_of([line(10_000, quantity=Decimal(4))])),
    "tiers for part of a month": _tiers,
    "reverse charge": lambda: document(invoice_of([line(10_000)], [reversed_charge()]), recipient=FRENCH),
    "outside the scope": lambda: document(invoice_of([line(10_000)], [SWISS]), recipient=recipient("CH")),
    "export": lambda: document(invoice_of([line(10_000)], [EXPORT]), recipient=recipient("NO")),
    "exempt": lambda: document(invoice_of([line(10_000)], [EXEMPT])),
    "prices with tax": lambda: document(invoice_of([line(11_900), line(999, charge="add-on")], inclusive=True)),
    "a discount": lambda: document(invoice_of([line(10_000, discounts=(off(2_500),))])),
    "a discount off a price with tax": lambda: document(invoice_of([line(11_900, discounts=(off(2_975),))], inclusive=True)),
    "all of it discounted": lambda: document(invoice_of([line(10_000, discounts=(off(10_000),))])),
    "an issuer without an e-mail": lambda: document(invoice_of([line(10_000)]), issuer=issuer(email=None)),
    "two rates": lambda: document(invoice_of([line(10_000), line(5_000, charge="book")], [charged("19"), charged("7")])),
    "one rate of two countries": lambda: document(
        invoice_of([line(10_000), line(5_000, charge="b")], [charged("20", country="FR"), charged("20", country="AT")])
    ),
    "a negative line": lambda: document(invoice_of([line(10_000), line(-2_500, charge="credit")])),
    "a negative total": lambda: document(invoice_of([line(1_000), line(-2_500, charge="credit")])),
    "yen": lambda: document(invoice_of([line(12_345, currency="JPY")])),
    "a tiny quantity": lambda: document(invoice_of([line(1, quantity=Decimal("0.000000000001"))])),
    "a huge quantity": lambda: document(invoice_of([line(10**14, quantity=Decimal("999999999999999.000000000001"))])),
    "nothing used": lambda: document(invoice_of([line(0, quantity=Decimal(0))])),
    "covered by credit": lambda: document(invoice_of([line(10_000)], balance=5_000, prepaid=6_900)),
    "an earlier debt": lambda: document(invoice_of([line(10_000)], balance=-30)),
    "no payment instructions": lambda: document(invoice_of([line(10_000)]), payment=None),
    "a seller without VAT id": lambda: document(
        invoice_of([line(10_000)]), issuer=issuer(vat_id=None, tax_number="27/123/45678")
    ),
    "control characters": lambda: document(invoice_of([line(100, description="A\x0bB <b>&", explanation="\ud800\uffff")])),
    "direct debit": lambda: document(
        invoice_of([line(100)]), payment=PaymentInstructions(method=PaymentMethod.direct_debit, mandate="M-7")
    ),
    "a card": lambda: document(invoice_of([line(100)]), payment=PaymentInstructions(method=PaymentMethod.card)),
    "an account without IBAN": lambda: document(invoice_of([line(100)]), payment=PaymentInstructions(account="1234567")),
    "an address of three lines": lambda: document(invoice_of([line(100)]), recipient=recipient(address=_address())),
    "a Greek buyer": lambda: document(
        invoice_of([line(100)], [reversed_charge("GR")]), recipient=recipient("GR", vat_id="EL094259216", email=None)
    ),
    "a Swiss seller": lambda: document(
        invoice_of([line(100)], [charged("8.1", country="CH")]),
        issuer=issuer(vat_id="CHE-107.787.577 IVA", address=_address("CH")),
    ),
    "an Australian buyer": lambda: document(
        invoice_of([line(100)], [SWISS]), recipient=recipient("AU", vat_id="83 914 571 673", address=_address("AU"))
    ),
    "a credit note": _credit_note,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_cii_keeps_the_official_rules(name: str) -> None:
    assert broken(cii(_electronic(name)), CII) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_ubl_keeps_the_official_rules(name: str) -> None:
    rules = UBL_CREDIT_NOTE if name == "a credit note" else UBL_INVOICE

    assert broken(ubl(_electronic(name)), rules) == []


def _electronic(name: str) -> Any:
    made = DOCUMENTS[name]()
    return electronic(made, terms="Set off against the invoice" if made.credit_note else None)


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        (b">119.00</ram:GrandTotalAmount>", b">118.00</ram:GrandTotalAmount>", "BR-CO-15"),
        (b">100.00</ram:BasisAmount>", b">99.00</ram:BasisAmount>", "BR-S-08"),
        (b">380</ram:TypeCode>", b">999</ram:TypeCode>", "TypeCode"),
    ],
)
def test_the_rules_find_a_wrong_cii(right: bytes, wrong: bytes, rule: str) -> None:
    xml = cii(electronic(document(invoice_of([line(10_000)]))))
    assert right in xml

    assert [each for each in broken(xml.replace(right, wrong), CII) if rule in each]


def test_the_rules_find_a_wrong_ubl() -> None:
    xml = ubl(electronic(document(invoice_of([line(10_000)]))))

    wrong = broken(xml.replace(b">119.00</cbc:TaxInclusiveAmount>", b">118.00</cbc:TaxInclusiveAmount>"), UBL_INVOICE)

    assert [each for each in wrong if "BR-CO-15" in each]


def test_the_terms_are_those_of_the_standard() -> None:
    invoice = invoice_of([line(10_000, quantity=Decimal(4), discounts=(off(2_500),))], prepaid=1_000)

    found = _values(cii(electronic(document(invoice, recipient=FRENCH))))

    assert found["ExchangedDocument/ID"] == ["INV-2026-000001"]
    assert found["ExchangedDocument/TypeCode"] == ["380"]
    assert found["IssueDateTime/DateTimeString"] == ["20260302"]
    assert found["DueDateDateTime/DateTimeString"] == ["20260316"]
    assert found["ApplicableHeaderTradeAgreement/BuyerReference"] == ["PO 7"]
    assert found["SpecifiedTaxRegistration/ID"] == ["DE136695976", "FR40303265045"]
    assert found["NetPriceProductTradePrice/ChargeAmount"] == ["25"]
    assert found["SpecifiedLineTradeDelivery/BilledQuantity"] == ["4"]
    assert found["SpecifiedTradeAllowanceCharge/ActualAmount"] == ["25.00"]
    assert found["SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"] == ["75.00"]
    assert found["BillingSpecifiedPeriod/StartDateTime/DateTimeString"] == ["20260301"]
    assert found["BillingSpecifiedPeriod/EndDateTime/DateTimeString"] == ["20260331"]
    assert found["ApplicableTradeTax/CalculatedAmount"] == ["14.25"]
    assert found["SpecifiedTradeSettlementHeaderMonetarySummation/GrandTotalAmount"] == ["89.25"]
    assert found["SpecifiedTradeSettlementHeaderMonetarySummation/TotalPrepaidAmount"] == ["10.00"]
    assert found["SpecifiedTradeSettlementHeaderMonetarySummation/DuePayableAmount"] == ["79.25"]


def test_a_price_with_tax_is_given_without_it() -> None:
    """119.00 with 19 % are 100.00; a coupon of 29.75 takes off 25.00 of that, and 75.00 are left."""
    invoice = invoice_of([line(11_900, discounts=(off(2_975),))], inclusive=True)

    found = _values(cii(electronic(document(invoice))))

    assert found["NetPriceProductTradePrice/ChargeAmount"] == ["100"]
    assert found["SpecifiedTradeAllowanceCharge/ActualAmount"] == ["25.00"]
    assert found["SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"] == ["75.00"]


def test_what_has_no_price_for_one_is_priced_for_its_whole_quantity() -> None:
    found = _values(cii(electronic(_tiers())))

    assert found["NetPriceProductTradePrice/ChargeAmount"] == ["38.39"]
    assert found["NetPriceProductTradePrice/BasisQuantity"] == ["15"]
    assert found["SpecifiedLineTradeDelivery/BilledQuantity"] == ["15"]


def test_a_credit_note_names_the_invoice_that_it_corrects() -> None:
    found = _values(cii(_electronic("a credit note")))

    assert found["ExchangedDocument/TypeCode"] == ["381"]
    assert found["InvoiceReferencedDocument/IssuerAssignedID"] == ["INV-2026-000001"]
    assert found["FormattedIssueDateTime/DateTimeString"] == ["20260302"]
    assert found["IncludedNote/Content"] == ["Outage in March"]


def test_both_syntaxes_are_the_same_bytes_each_time() -> None:
    first, second = (electronic(document(invoice_of([line(10_000)]))) for _ in range(2))

    assert (cii(first), ubl(first)) == (cii(second), ubl(second))


def _values(xml: bytes) -> dict[str, list[str]]:
    """Texts by the last two, or for dates three, names of their path."""
    found: dict[str, list[str]] = {}
    for element in etree.fromstring(xml).iter():
        if element.text and element.text.strip():
            names = [etree.QName(each).localname for each in [element, *element.iterancestors()]]
            for length in (2, 3):
                found.setdefault("/".join(reversed(names[:length])), []).append(element.text)
    return found


amounts = st.integers(-50_000, 50_000)
rates = st.sampled_from(["19", "7", "8.1", "25.5"])


@st.composite
def lines(draw: st.DrawFn) -> InvoiceLine:
    minor = draw(amounts)
    taken = draw(st.integers(0, max(minor, 0)))
    quantity = draw(st.decimals(0, 1_000, places=3))
    return line(minor, quantity=quantity, charge=f"c{draw(st.uuids())}", discounts=(off(taken),) if taken else ())


@settings(max_examples=60, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=8), st.lists(rates, min_size=8, max_size=8), st.booleans())
def test_any_invoice_keeps_the_official_rules(charges: list[InvoiceLine], percents: list[str], inclusive: bool) -> None:
    made = electronic(document(invoice_of(charges, [charged(percent) for percent in percents], inclusive)))

    assert broken(cii(made), CII) == []
    assert broken(ubl(made), UBL_INVOICE) == []
    assert [each for each in made.lines if _amount_of(each) != each.net.minor] == []


def _amount_of(line: Line) -> Decimal:
    """In minor units: quantity × price / base quantity less the allowances (EN 16931-1, BT-131)."""
    priced = line.quantity * line.price / line.base_quantity * 100
    return priced.quantize(Decimal("0.0001")) - sum(each.amount.minor for each in line.allowances)
