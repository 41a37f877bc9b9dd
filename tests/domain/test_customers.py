"""What a customer's record says to tax law."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.customers import Customer, party_of, snapshot


def customer(**more: Any) -> Customer:
    return Customer.model_validate({"id": "C-1", "name": "One", "country": "DE"} | more)


def test_a_record_from_before_is_a_consumer_at_its_country() -> None:
    party = party_of(customer())
    assert (party.country, party.business, party.vat_id, party.region) == ("DE", False, None, None)


def test_a_vat_id_is_kept_in_its_normal_form() -> None:
    assert customer(tax={"vat_id": "136 695 976"}).tax.vat_id == "DE136695976"


def test_a_wrong_vat_id_is_named() -> None:
    with pytest.raises(ValidationError) as refused:
        customer(tax={"vat_id": "DE136695977"})
    assert [fault["loc"] for fault in refused.value.errors()] == [("tax", "vat_id")]


def test_it_is_taxed_where_its_address_is_unless_its_tax_says_otherwise() -> None:
    address = {"region": "NY", "postcode": "10001"}
    assert party_of(customer(country="US", address=address)).region == "NY"
    elsewhere = party_of(customer(country="US", address=address, tax={"region": "CA", "postcode": "94105"}))
    assert (elsewhere.region, elsewhere.postcode) == ("CA", "94105")


@pytest.mark.parametrize(
    ("country", "tax", "checked"),
    [
        ("DE", {"business": True, "vat_id": "DE136695976"}, "DE136695976"),
        ("DE", {"vat_id": "DE136695976"}, None),
        ("DE", {"business": True}, None),
        ("CH", {"business": True, "vat_id": "CHE-107.787.577 IVA"}, None),
    ],
)
def test_businesses_with_a_number_of_the_union_are_checked(country: str, tax: dict[str, Any], checked: str | None) -> None:
    assert customer(country=country, tax=tax).checkable_vat_id == checked


def test_the_snapshot_holds_no_personal_data() -> None:
    kept = snapshot(customer(tax={"vat_id": "DE136695976"}, address={"city": "Bonn"}, email="a@b.example"))
    assert set(kept.model_dump()) == {"id", "country", "risk"}
