"""Where an address is, for tax."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.billing.tax.jurisdictions import Territory
from tests.domain.billing.tax.samples import at, table

ISLANDS: dict[str, Any] = {
    "name": "Canary Islands",
    "country": "ES",
    "place": {"jurisdiction": {"country": "ES"}, "in_union": False, "registration": {"country": "ES"}},
    "source": "the law",
}


@pytest.mark.parametrize(
    ("country", "region", "postcode", "jurisdiction", "in_union"),
    [
        ("ES", None, "28001", "ES", True),
        ("ES", None, "35 001", "ES-CN", False),
        ("ES", "TF", None, "ES-CN", False),
        ("ES", None, None, "ES", True),
        ("PT", None, "9500-321", "PT-20", True),
        ("FI", None, "22100", "FI", False),
        ("MC", None, None, "FR", True),
        ("IM", None, None, "GB", False),
        ("DE", "BY", "80331", "DE", True),
        ("US", "NY", "10001", "US-NY", False),
        ("CA", "QC", None, "CA-QC", False),
    ],
)
def test_the_place_of_an_address(
    country: str, region: str | None, postcode: str | None, jurisdiction: str, in_union: bool
) -> None:
    place = table().place(country, region, postcode)

    assert (str(place.jurisdiction), place.in_union) == (jurisdiction, in_union)


def test_sales_tax_is_registered_by_state_and_other_taxes_by_country() -> None:
    assert table().place("US", "NY").registration == at("US-NY")
    assert table().place("CA", "QC").registration == at("CA")
    assert table().place("PT", None, "9500-321").registration == at("PT")


def test_a_postcode_must_match_as_a_whole() -> None:
    assert table().place("DE", None, "27498").untaxed
    assert not table().place("DE", None, "127498").untaxed


def test_a_pattern_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="postcodes: must be a regular expression"):
        Territory.model_validate(ISLANDS | {"postcodes": "35[0-9"})


def test_a_country_covers_its_regions() -> None:
    assert at("US").covers(at("US-NY"))
    assert not at("US-NY").covers(at("US"))
    assert not at("US-NY").covers(at("US-TX"))
