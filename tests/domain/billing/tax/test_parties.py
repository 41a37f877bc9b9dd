"""Buyers and sellers as tax law sees them."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from domain.billing.tax.parties import Exemption, Party
from tests.domain.billing.tax.samples import at, business, proof, seller

NUMBER = "DE136695976"
DAY = date(2026, 11, 25)


def test_a_proof_is_for_this_number_whatever_its_spelling() -> None:
    assert business("DE", NUMBER, vat_id_proof=proof("de 136 695 976")).proven(DAY, 365)


@pytest.mark.parametrize(
    ("checked", "proven"),
    [(datetime(2026, 10, 26, tzinfo=UTC), True), (datetime(2026, 10, 25, tzinfo=UTC), False)],
)
def test_a_proof_may_be_so_many_days_old(checked: datetime, proven: bool) -> None:
    # 30 days before 25 November is 26 October
    assert business("DE", NUMBER, vat_id_proof=proof(NUMBER, checked=checked)).proven(DAY, 30) is proven


@pytest.mark.parametrize("result", ["invalid", "unavailable"])
def test_only_a_confirmed_number_is_proven(result: str) -> None:
    assert not business("DE", NUMBER, vat_id_proof=proof(NUMBER, result)).proven(DAY, 365)


def test_a_proof_for_another_number_proves_nothing() -> None:
    for other in ("DE129274202", "FR40303265045"):
        assert not business("DE", NUMBER, vat_id_proof=proof(other)).proven(DAY, 365)


def test_a_private_buyer_proves_nothing() -> None:
    assert not Party.model_validate({"country": "DE", "vat_id": NUMBER, "vat_id_proof": proof(NUMBER)}).proven(DAY, 365)


def test_a_number_of_the_wrong_form_is_refused() -> None:
    with pytest.raises(ValidationError, match="vat_id: 'DE1' is not a tax number of DE"):
        business("DE", "DE1")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="vatid"):
        business("DE", vatid=NUMBER)


def test_the_one_stop_shop_and_the_threshold_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="below_threshold: must be false"):
        seller("DE", one_stop_shop=True, below_threshold=True)


def test_a_registration_holds_from_its_first_day_to_its_end() -> None:
    registration = {
        "jurisdiction": {"country": "FR"},
        "number": "FR1",
        "valid_from": "2026-01-01",
        "valid_to": "2026-07-01",
    }
    acme = seller("DE", registrations=[registration])

    assert acme.registered(at("FR"), date(2026, 1, 1))
    assert acme.registered(at("FR"), date(2026, 6, 30))
    assert not acme.registered(at("FR"), date(2026, 7, 1))
    assert not acme.registered(at("FR-20R"), date(2026, 6, 30))


def test_a_certificate_of_a_country_covers_its_regions_and_not_the_reverse() -> None:
    certificate = Exemption(jurisdiction=at("CA"), certificate="1", reason="Diplomats", valid_from=date(2026, 1, 1))
    provincial = certificate.model_copy(update={"jurisdiction": at("CA-ON")})

    assert certificate.frees(at("CA-ON"), "HST", DAY)
    assert not provincial.frees(at("CA"), "GST", DAY)
