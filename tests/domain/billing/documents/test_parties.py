"""The parties of a document validate and name the field."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.billing.documents.document import BillingDocument
from domain.billing.documents.parties import PaymentInstructions, PaymentMethod, printable
from tests.activities.adapters.documents.samples import credit_of, document, invoice_of, issuer, recipient
from tests.domain.billing.line_samples import line

IBAN = "DE89370400440532013000"
"""The example of the German central bank and of ISO 13616."""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "A\nB"}, "name\n.*control characters"),
        ({"name": ""}, "name\n"),
        ({"email": "nobody"}, "email\n"),
        ({"email": "a\x00@b.example"}, "email\n.*control characters"),
        ({"address": {"lines": ["a\tb"], "city": "B", "country": "DE"}}, "address.lines.0\n"),
        ({"address": {"lines": ["a"], "city": "B", "country": "Germany"}}, "address.country\n"),
        ({"fax": "1"}, "fax\n"),
    ],
)
def test_a_wrong_issuer_names_the_field(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        issuer(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"language": "german!"}, "language\n"),
        ({"time_zone": "Berlin"}, "IANA time zone"),
        ({"vat_id": "DE123"}, "vat_id: 'DE123'"),
    ],
)
def test_a_wrong_recipient_names_the_field(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        recipient(**changes)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "iban: a transfer needs it"),
        ({"iban": "DE00370400440532013000"}, "iban: has a wrong length or check digit"),
        ({"iban": IBAN, "bic": "NOBIC"}, "bic: has a wrong length"),
        ({"method": "cheque"}, "method\n"),
    ],
)
def test_wrong_payment_instructions_name_the_field(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PaymentInstructions.model_validate(given)


def test_numbers_are_kept_in_their_normal_form() -> None:
    assert PaymentInstructions(iban="DE89 3704 0044 0532 0130 00").iban == IBAN
    assert recipient(vat_id="136 695 976").vat_id == "DE136695976"


def test_a_transfer_goes_to_an_account_where_there_is_no_iban() -> None:
    assert PaymentInstructions(account="Routing 026009593, account 1234567").method is PaymentMethod.transfer


def test_what_no_document_can_show_becomes_a_space() -> None:
    assert printable(" A\x0bB\ud800\uffff ") == "A B"
    assert printable("शक्\u200dति") == "शक्\u200dति"


def test_a_credit_note_of_another_invoice_is_refused() -> None:
    invoice = invoice_of([line(100)])
    other = invoice.model_copy(update={"id": "I-2"})

    with pytest.raises(ValidationError, match="credit_note: corrects I-1, not I-2"):
        document(other, credit_note=credit_of(invoice))


def test_the_issuer_is_the_legal_entity_of_the_invoice() -> None:
    with pytest.raises(ValidationError, match=r"issuer\.legal_entity: must be acme-de"):
        BillingDocument(invoice=invoice_of([line(100)]), issuer=issuer(legal_entity="other"), recipient=recipient())
