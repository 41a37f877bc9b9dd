"""The form of tax numbers."""

import pytest

from domain.billing.tax.vat_ids import normal_tax_id


@pytest.mark.parametrize(
    ("given", "country", "normal"),
    [
        ("DE 136 695 976", "DE", "DE136695976"),
        ("136695976", "DE", "DE136695976"),
        ("fr 40 303 265 045", "FR", "FR40303265045"),
        ("EL 094259216", "GR", "EL094259216"),
        ("GR094259216", "GR", "EL094259216"),
        ("GB 980 7806 84", "GB", "GB980780684"),
        ("CHE-107.787.577 IVA", "CH", "CHE107787577IVA"),
        ("83 914 571 673", "AU", "83914571673"),
        ("27AAPFU0939F1ZV", "IN", "27AAPFU0939F1ZV"),
        ("T7000012050002", "JP", "T7000012050002"),
        ("FR 53 000 004 605", "MC", "FR53000004605"),
        ("XI 432525179", "GB", "XI432525179"),  # Northern Ireland
        ("12-3456789", "US", "123456789"),
    ],
)
def test_a_number_is_brought_to_its_normal_form(given: str, country: str, normal: str) -> None:
    assert normal_tax_id(given, country) == normal


@pytest.mark.parametrize(
    ("given", "country"),
    [
        ("DE136695978", "DE"),  # check digit
        ("DE13669597", "DE"),  # length
        ("FR40303265045", "DE"),  # another country's
        ("27AAPFU0939F1ZO", "IN"),
        ("!!", "US"),
    ],
)
def test_a_number_of_the_wrong_form_is_refused_by_name(given: str, country: str) -> None:
    with pytest.raises(ValueError, match=f"vat_id: .* is not a tax number of {country}"):
        normal_tax_id(given, country)
