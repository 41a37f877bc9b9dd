"""What EN 16931 has no invoice for, and how quantities, prices and categories come out."""

from decimal import Decimal
from typing import Any

import pytest

from domain.billing.documents.document import BillingDocument
from domain.billing.documents.en16931 import electronic, priced, service_days
from domain.billing.invoices import Invoice, voided
from domain.billing.tax.decisions import AppliedRate, TaxCategory, TaxDecision, Treatment
from domain.errors import Conflict
from domain.money import Money
from tests.activities.adapters.documents.samples import credit_of, document, draft_of, invoice_of, issuer, recipient
from tests.domain.billing.line_samples import line
from tests.domain.billing.tax.samples import at, charged, reversed_charge


def taxed(*names: str, country: str = "US", category: TaxCategory = TaxCategory.standard) -> TaxDecision:
    rates = tuple(AppliedRate(jurisdiction=at(country), tax=name, percent=Decimal(5)) for name in names)
    return TaxDecision(treatment=Treatment.taxed, category=category, place=at(country), rates=rates)


def untaxed(category: TaxCategory, country: str = "CH") -> TaxDecision:
    return TaxDecision(treatment=Treatment.export, category=category, place=at(country))


def invoice(*decisions: TaxDecision, currency: str = "EUR") -> Invoice:
    """A line of 100.00 for each decision."""
    lines = [line(10_000, charge=f"c-{place}", currency=currency) for place in range(len(decisions))]
    return invoice_of(lines, decisions)


def placed_in(country: str) -> dict[str, Any]:
    return {"lines": ["1 Main Street"], "city": "Albany", "postcode": "12207", "country": country}


REFUSED: dict[str, tuple[BillingDocument, str]] = {
    "a draft": (document(draft_of([line(100)])), "draft"),
    "a voided invoice": (document(voided(invoice(charged("19")))), "voided"),
    "sales tax": (document(invoice(taxed("sales tax", country="US-NY"))), "sales tax"),
    "a seller under sales tax": (
        document(invoice(untaxed(TaxCategory.exempt, "US")), issuer=issuer(vat_id=None, address=placed_in("US"))),
        "VAT only",
    ),
    "two taxes on a line": (document(invoice(charged("5", "9.975"))), "VAT1"),
    "three decimals": (document(invoice(charged("19"), currency="KWD")), "two decimals"),
    "in and outside of scope": (document(invoice(charged("19"), untaxed(TaxCategory.outside_scope))), "BR-O-11"),
    "goods between member states": (document(invoice(untaxed(TaxCategory.intra_community, "FR"))), "goods"),
    "reverse charge without the buyer's id": (document(invoice(reversed_charge())), "BR-AE-02"),
    "a seller without a number": (document(invoice(charged("19")), issuer=issuer(vat_id=None)), "acme-de"),
    "an export without the seller's id": (
        document(invoice(untaxed(TaxCategory.export)), issuer=issuer(vat_id=None, tax_number="27/1")),
        "BR-G-02",
    ),
    "an export under a number without its country": (
        document(invoice(untaxed(TaxCategory.export)), issuer=issuer(vat_id="83914571673", address=placed_in("AU"))),
        "BR-G-02",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_standard_has_no_invoice_for_is_a_conflict(name: str) -> None:
    refused, words = REFUSED[name]

    with pytest.raises(Conflict, match=words):
        electronic(refused)


def test_a_credit_note_stands_where_its_invoice_was_voided() -> None:
    issued = invoice(charged("19"))

    made = electronic(document(voided(issued), credit_note=credit_of(issued)))

    assert (made.type, made.due.minor, made.paid.minor) == ("381", 11_900, 0)


@pytest.mark.parametrize(
    ("quantity", "minor", "expected"),
    [
        ("4", 10_000, ("4", "25", "1")),
        ("3", 10_000, ("3", "100", "3")),
        ("1000", 123, ("1000", "0.00123", "1")),
        ("1", -500, ("-1", "5", "1")),
        ("0", 0, ("0", "0", "1")),
        ("0", 900, ("1", "9", "1")),
        ("2.5", 0, ("2.5", "0", "1")),
        ("0.000000000001", 10**15, ("0.000000000001", "10000000000000", "0.000000000001")),
    ],
)
def test_quantity_times_price_is_the_amount(quantity: str, minor: int, expected: tuple[str, str, str]) -> None:
    made = priced(Decimal(quantity), Money(minor=minor, currency="EUR"))

    assert made == tuple(map(Decimal, expected))
    assert made[0] * made[1] / made[2] == Decimal(minor) / 100


def test_lines_of_one_category_and_rate_are_one_breakdown() -> None:
    """20 % of 100.00 in France and in Austria, and 19 % in Germany."""
    made = electronic(document(invoice(charged("20", country="FR"), charged("20", country="AT"), charged("19"))))

    assert [(str(each.vat.percent), each.taxable.minor, each.tax.minor) for each in made.breakdown] == [
        ("20", 20_000, 4_000),
        ("19", 10_000, 1_900),
    ]


def test_the_rate_is_the_one_on_the_whole_amount() -> None:
    """20 % of half the amount are 10 % of it."""
    rate = AppliedRate(jurisdiction=at("DE"), tax="VAT", percent=Decimal(20), base_percent=Decimal(50))
    decision = TaxDecision(treatment=Treatment.taxed, category=TaxCategory.standard, place=at("DE"), rates=(rate,))

    assert electronic(document(invoice(decision))).breakdown[0].vat.percent == Decimal(10)


def test_later_payments_do_not_change_the_document() -> None:
    issued = invoice(charged("19"))
    paid = issued.model_copy(update={"paid": Money(minor=11_900, currency="EUR")})

    assert electronic(document(paid)) == electronic(document(issued))


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("UTC", "2026-03-01", "2026-03-31"),
        ("Europe/Berlin", "2026-03-01", "2026-04-01"),
        ("America/New_York", "2026-02-28", "2026-03-31"),
    ],
)
def test_service_days_are_those_of_the_customer(zone: str, first: str, last: str) -> None:
    """The period is March in UTC, which begins on 28 February at 19:00 in New York and ends on 1 April at 02:00 in Berlin."""
    days = service_days(line(100), recipient(time_zone=zone))

    assert days is not None
    assert (days.first.isoformat(), days.last.isoformat()) == (first, last)
