"""A taxed document that does not add up is no document."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.billing.tax.calculation import tax
from domain.billing.tax.documents import TaxedDocument
from domain.money import Money
from tests.domain.billing.tax.samples import charged, line


def document() -> TaxedDocument:
    return tax([line("a", 100)], {"a": charged("19")})


@pytest.mark.parametrize("part", ["net", "tax", "gross"])
def test_totals_are_the_sums_of_the_lines(part: str) -> None:
    values: dict[str, Any] = document().model_dump() | {part: Money(minor=1, currency="EUR")}

    with pytest.raises(ValidationError, match="must be the sums of the lines"):
        TaxedDocument.model_validate(values)


def test_subtotals_add_up_to_the_tax() -> None:
    with pytest.raises(ValidationError, match="subtotals: their taxes must add up"):
        TaxedDocument.model_validate(document().model_dump() | {"subtotals": ()})


def test_a_document_comes_back_from_json_unchanged() -> None:
    assert TaxedDocument.model_validate_json(document().model_dump_json()) == document()


def test_a_line_is_found_by_its_id() -> None:
    found = document().line("a")

    assert found is not None
    assert found.price.minor == 100
    assert document().line("b") is None
