"""The tax table: dated, unambiguous, and without guesses."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from domain.billing.tax.rates import Buyers, TaxRate, TaxTable
from domain.billing.tax.supplies import SupplyCategory
from domain.errors import NotFound
from tests.domain.billing.tax.samples import at


def rate(valid_from: str, valid_to: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "jurisdiction": {"country": "EE"},
        "tax": "VAT",
        "percent": "20",
        "valid_from": valid_from,
        "valid_to": valid_to,
        "source": "the law",
    } | more


def rule(**more: Any) -> dict[str, Any]:
    return {
        "jurisdiction": {"country": "US", "region": "OH"},
        "tax": "sales tax",
        "supply": "electronic_service",
        "taxable": True,
        "valid_from": "2025-01-01",
        "source": "the law",
    } | more


def table(*rates: dict[str, Any], **more: Any) -> TaxTable:
    return TaxTable.model_validate({"rates": rates} | more)


CHANGED = (rate("2009-07-01", "2024-01-01"), rate("2024-01-01", percent="22"))


@pytest.mark.parametrize(("day", "percent"), [(date(2009, 7, 1), 20), (date(2023, 12, 31), 20), (date(2024, 1, 1), 22)])
def test_the_first_day_is_included_and_the_end_is_not(day: date, percent: int) -> None:
    assert table(*CHANGED).rate(at("EE"), "standard", day).percent == percent


def test_a_day_before_the_first_rate_is_not_guessed() -> None:
    with pytest.raises(NotFound, match="no tax rate EE standard on 2009-06-30"):
        table(*CHANGED).rate(at("EE"), "standard", date(2009, 6, 30))


def test_a_region_does_not_fall_back_on_its_country() -> None:
    assert table(*CHANGED).find(at("EE-37"), "standard", date(2024, 1, 1)) is None


def test_the_tax_is_named_where_a_place_has_several() -> None:
    both = table(rate("2020-01-01", tax="CGST", percent="9"), rate("2020-01-01", tax="IGST", percent="18"))

    assert both.rate(at("EE"), "standard", date(2024, 1, 1), "IGST").percent == 18


@pytest.mark.parametrize("later", [rate("2023-12-31"), rate("2000-01-01"), rate("2010-01-01", "2011-01-01")])
def test_overlapping_rates_are_refused_by_name(later: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"rates\[1\].valid_from: .* overlaps rates\[0\]"):
        table(rate("2009-07-01", "2024-01-01"), later)


def test_overlapping_taxabilities_are_refused_by_name() -> None:
    with pytest.raises(ValidationError, match=r"taxabilities\[1\].valid_from"):
        table(taxabilities=[rule(), rule(valid_from="2026-01-01")])


def test_a_rate_without_a_date_is_refused_by_name() -> None:
    undated = rate("2009-07-01")
    del undated["valid_from"]

    with pytest.raises(ValidationError, match=r"rates\.0\.valid_from"):
        table(undated)


def test_a_rate_without_a_source_is_refused() -> None:
    with pytest.raises(ValidationError, match="source"):
        table(rate("2009-07-01", source=""))


def test_a_rate_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValidationError, match="valid_to: must be after valid_from"):
        table(rate("2024-01-01", "2024-01-01"))


def test_a_float_is_no_rate() -> None:
    with pytest.raises(ValidationError, match=r"'25.5', since a float is not exact"):
        TaxRate.model_validate(rate("2024-09-01", percent=25.5))


@pytest.mark.parametrize("percent", ["-1", "100.01", "a fifth"])
def test_a_rate_is_between_nothing_and_all(percent: str) -> None:
    with pytest.raises(ValidationError, match="percent"):
        TaxRate.model_validate(rate("2024-09-01", percent=percent))


def test_a_rule_for_these_buyers_comes_before_one_for_all_and_the_state_before_the_country() -> None:
    rules = table(
        taxabilities=[
            rule(taxable=False, source="country", jurisdiction={"country": "US"}),
            rule(source="state"),
            rule(source="state, business", buyers="business", taxable=False),
        ]
    )

    def source(region: str, buyers: Buyers) -> str | None:
        found = rules.taxability(at(region), "sales tax", SupplyCategory.electronic_service, buyers, date(2026, 1, 1))
        return found.source if found else None

    assert source("US-OH", Buyers.business) == "state, business"
    assert source("US-OH", Buyers.consumer) == "state"
    assert source("US-NV", Buyers.consumer) == "country"
    assert source("CA-ON", Buyers.consumer) is None
