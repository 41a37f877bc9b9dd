"""Legal entities: what holds without any set-up, and what is refused."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from domain.billing.entities import DEFAULT, LegalEntity
from domain.billing.numbers import DocumentKind, written

TODAY = date(2026, 11, 25)


def entity(**more: Any) -> LegalEntity:
    return LegalEntity.model_validate({"id": "acme", "name": "Acme", "country": "DE"} | more)


def registered(country: str, number: str, **more: Any) -> dict[str, Any]:
    return {"jurisdiction": {"country": country}, "number": number, "valid_from": "2020-01-01"} | more


def test_without_set_up_it_is_registered_for_no_tax() -> None:
    assert (DEFAULT.id, DEFAULT.seller.registrations, DEFAULT.seller.one_stop_shop) == ("main", (), False)


@pytest.mark.parametrize(
    ("kind", "number"), [(DocumentKind.invoice, "INV-2026-000001"), (DocumentKind.credit_note, "CN-2026-000001")]
)
def test_documents_are_numbered_by_kind(kind: DocumentKind, number: str) -> None:
    assert written(entity().number_format(kind), 2026, 1) == number


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"invoice_numbers": {"legal_entity": "other"}}, "invoice_numbers"),
        ({"credit_note_numbers": {"legal_entity": "acme", "kind": "invoice"}}, "credit_note_numbers"),
        ({"credit_note_numbers": {"legal_entity": "acme", "kind": "credit_note", "prefix": "INV"}}, "another prefix"),
        ({"one_stop_shop": True, "below_threshold": True}, "below_threshold"),
    ],
)
def test_what_contradicts_itself_is_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        entity(**wrong)


def test_a_register_is_told_the_number_held_at_home_today() -> None:
    held = [
        registered("GB", "GB1"),
        registered("FR", "FR1"),
        registered("DE", "DE0", valid_to="2024-01-01"),
        registered("DE", "DE1"),
    ]
    assert entity(registrations=held).vat_id(TODAY) == "DE1"
    assert entity(registrations=held[:3]).vat_id(TODAY) == "FR1"
    assert entity(registrations=held[:1]).vat_id(TODAY) is None
