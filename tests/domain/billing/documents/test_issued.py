"""A document names the parties of the evidence, and an electronic one is refused where they are not known well enough."""

from datetime import date
from typing import Any

import pytest

from domain.billing.documents.document import BillingDocument
from domain.billing.documents.en16931 import electronic
from domain.billing.documents.issued import billing_document
from domain.billing.documents.parties import PaymentMethod
from domain.billing.entities import DEFAULT, LegalEntity
from domain.billing.evidence import Evidence
from domain.customers import Customer
from domain.errors import Conflict
from domain.money import Money
from tests.activities.adapters.documents.samples import credit_of, draft_of, invoice_of
from tests.domain.billing.line_samples import line
from tests.domain.billing.tax.samples import charged

ADDRESS = {"lines": ["Ring 1"], "postcode": "10115", "city": "Berlin"}
GERMAN = {"jurisdiction": {"country": "DE"}, "number": "136 695 976", "valid_from": "2020-01-01"}
FRENCH = {"jurisdiction": {"country": "FR"}, "number": "FR 61 954 506 077", "valid_from": "2020-01-01"}


def seller(**changes: Any) -> LegalEntity:
    given = {"id": "acme-de", "name": "Acme GmbH", "country": "DE", "address": ADDRESS, "registrations": [GERMAN]}
    return LegalEntity.model_validate(given | changes)


def buyer(**changes: Any) -> Customer:
    given = {"id": "c-1", "name": "Nordwind AG", "country": "DE", "address": ADDRESS}
    return Customer.model_validate(given | changes)


def made(selling: LegalEntity | None = None, buying: Customer | None = None, **how: Any) -> BillingDocument:
    evidence = Evidence(seller=selling or seller(), buyer=buying or buyer())
    return billing_document(how.pop("invoice", invoice_of([line(10_000)])), evidence, **how)


def test_both_parties_are_named_as_they_were_recorded() -> None:
    details = {"phone": "+49 30 1", "tax_number": "29/815/08150", "register_number": "HRB 1", "legal_information": "AG Berlin"}
    document = made(
        seller(email="billing@acme.example", payment={"iban": "DE89370400440532013000"}, **details),
        buyer(buyer_reference="04011000-12345-34", language="de-DE", timezone="Europe/Berlin", email="a@b.example"),
    )
    sells, buys = document.issuer, document.recipient

    assert (sells.legal_entity, sells.name, sells.vat_id, sells.email) == (
        "acme-de",
        "Acme GmbH",
        "DE136695976",
        "billing@acme.example",
    )
    assert {field: getattr(sells, field) for field in details} == details
    assert (sells.address.lines, sells.address.city, sells.address.country) == (("Ring 1",), "Berlin", "DE")
    assert (buys.name, buys.buyer_reference, buys.language, buys.email) == (
        "Nordwind AG",
        "04011000-12345-34",
        "de-DE",
        "a@b.example",
    )
    assert document.payment is not None
    assert document.payment.iban == "DE89370400440532013000"
    assert electronic(document).seller_vat_id == "DE136695976"


def test_a_document_is_made_of_what_little_is_known() -> None:
    unknown = Customer(id="c-1", name=" ", country="DE", email="a@\x01b")
    document = made(DEFAULT, unknown, invoice=draft_of([line(100)]))

    assert (document.issuer.name, document.issuer.legal_entity, document.recipient.name) == ("Main", "acme-de", "c-1")
    assert (document.recipient.email, document.recipient.address.lines, document.recipient.address.city) == (None, (), None)


@pytest.mark.parametrize(
    ("selling", "buying", "words"),
    [
        (seller(address={}), buyer(), "without address.lines of legal entity acme-de, address.city of legal entity acme-de;"),
        (seller(country="ZZ"), buyer(), "without country of legal entity acme-de;"),
        (seller(), buyer(address={"city": "Berlin"}), "without address.lines of customer c-1;"),
        (seller(), buyer(address=None), "without address.lines of customer c-1, address.city of customer c-1;"),
    ],
)
def test_an_electronic_invoice_names_what_its_parties_lack(selling: LegalEntity, buying: Customer, words: str) -> None:
    with pytest.raises(Conflict, match=words):
        electronic(made(selling, buying))


@pytest.mark.parametrize(
    ("registrations", "country", "number"),
    [
        ([GERMAN, FRENCH], "DE", "DE136695976"),
        ([GERMAN, FRENCH], "FR", "FR61954506077"),
        ([GERMAN], "FR", "DE136695976"),
        ([FRENCH], "DE", "FR61954506077"),
        ([GERMAN | {"valid_to": "2026-03-02"}], "DE", None),
        ([GERMAN | {"jurisdiction": {"country": "DE", "region": "BE"}}], "DE", None),
        ([GERMAN | {"number": "applied for"}], "DE", "applied for"),
        ([], "DE", None),
    ],
)
def test_the_vat_id_is_that_of_the_country_that_is_taxed(
    registrations: list[dict[str, Any]], country: str, number: str | None
) -> None:
    """Of an invoice of 2 March 2026 with 20 % of the VAT of `country`."""
    invoice = invoice_of([line(10_000)], [charged("20", country=country)])

    assert made(seller(registrations=registrations), invoice=invoice).issuer.vat_id == number


def test_an_order_was_paid_by_card_and_nothing_is_to_be_transferred() -> None:
    document = made(seller(payment={"iban": "DE89370400440532013000"}), paid_in_advance=True)

    assert document.payment is not None
    assert document.payment.method is PaymentMethod.card
    assert document.due == Money(minor=0, currency="EUR")
    assert (electronic(document).paid, electronic(document).due) == (document.invoice.gross, document.due)


def test_a_credit_note_is_numbered_and_dated_by_itself() -> None:
    invoice = invoice_of([line(10_000)])
    document = made(invoice=invoice, note=credit_of(invoice, amount=Money(minor=5_000, currency="EUR")))

    assert (document.number, document.issue_date) == ("CN-2026-000001", date(2026, 3, 20))


def test_four_lines_of_an_address_are_three_in_the_standard() -> None:
    document = made(buying=buyer(address=ADDRESS | {"lines": ["a", "b", "c", "d"]}))

    assert document.recipient.address.lines == ("a", "b", "c", "d")
