"""The shipped tax data: complete, dated, and what the law says on the days around its changes."""

from datetime import date
from itertools import pairwise

import pytest
from pydantic import ValidationError

from domain.billing.tax.jurisdictions import UNION
from domain.billing.tax.regions import TaxRegion
from tests.domain.billing.tax.samples import at, regions, table

STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI "
    "SC SD TN TX UT VT VA WA WV WI WY"
)

STANDARD_IN_THE_UNION = {
    # European Commission, Taxes in Europe Database, as published on 2026-07-01
    "AT": "20",
    "BE": "21",
    "BG": "20",
    "CY": "19",
    "CZ": "21",
    "DE": "19",
    "DK": "25",
    "EE": "24",
    "ES": "21",
    "FI": "25.5",
    "FR": "20",
    "GR": "24",
    "HR": "25",
    "HU": "27",
    "IE": "23",
    "IT": "22",
    "LT": "21",
    "LU": "17",
    "LV": "21",
    "MT": "18",
    "NL": "21",
    "PL": "23",
    "PT": "23",
    "RO": "21",
    "SE": "25",
    "SI": "22",
    "SK": "23",
}


def percent(code: str, category: str, day: date) -> str:
    return f"{table().rate(at(code), category, day).percent.normalize():f}"


@pytest.mark.parametrize("country", sorted(UNION))
def test_every_member_state_has_its_standard_rate(country: str) -> None:
    assert percent(country, "standard", date(2026, 7, 1)) == STANDARD_IN_THE_UNION[country]


@pytest.mark.parametrize(
    ("code", "category", "first_day", "before", "after"),
    [
        ("EE", "standard", date(2024, 1, 1), "20", "22"),
        ("EE", "standard", date(2025, 7, 1), "22", "24"),
        ("FI", "standard", date(2024, 9, 1), "24", "25.5"),
        ("FI", "reduced", date(2026, 1, 1), "14", "13.5"),
        ("SK", "standard", date(2025, 1, 1), "20", "23"),
        ("SK", "reduced", date(2025, 1, 1), "10", "19"),
        ("RO", "standard", date(2025, 8, 1), "19", "21"),
        ("RO", "reduced", date(2025, 8, 1), "9", "11"),
        ("LU", "standard", date(2023, 1, 1), "17", "16"),
        ("LU", "standard", date(2024, 1, 1), "16", "17"),
        ("DE", "standard", date(2020, 7, 1), "19", "16"),
        ("DE", "standard", date(2021, 1, 1), "16", "19"),
        ("DE", "reduced", date(2020, 7, 1), "7", "5"),
        ("IE", "standard", date(2021, 3, 1), "21", "23"),
        ("LT", "reduced", date(2026, 1, 1), "9", "12"),
        ("CZ", "reduced", date(2024, 1, 1), "15", "12"),
        ("CH", "standard", date(2024, 1, 1), "7.7", "8.1"),
        ("CH", "reduced", date(2024, 1, 1), "2.5", "2.6"),
        ("CH", "lodging", date(2024, 1, 1), "3.7", "3.8"),
        ("CA-NS", "standard", date(2025, 4, 1), "15", "14"),
        ("JP", "standard", date(2019, 10, 1), "8", "10"),
        ("US-DC", "combined", date(2026, 10, 1), "6", "7"),
    ],
)
def test_a_change_takes_effect_on_its_day(code: str, category: str, first_day: date, before: str, after: str) -> None:
    eve = date.fromordinal(first_day.toordinal() - 1)

    assert (percent(code, category, eve), percent(code, category, first_day)) == (before, after)


@pytest.mark.parametrize(
    ("code", "category", "expected"),
    [
        ("GB", "reduced", "5"),
        ("NO", "reduced", "15"),
        ("NO", "reduced_2", "12"),
        ("JP", "reduced", "8"),
        ("AU", "standard", "10"),
    ],
)
def test_other_rates_in_force(code: str, category: str, expected: str) -> None:
    assert percent(code, category, date(2026, 11, 25)) == expected


@pytest.mark.parametrize("state", STATES.split())
def test_every_state_has_rates_and_says_what_it_taxes(state: str) -> None:
    for category in ("state", "combined"):
        assert table().find(at(f"US-{state}"), category, date(2026, 11, 25)) is not None
    for buyers in ("business", "consumer"):
        for supply in ("electronic_service", "service"):
            rules = [
                rule
                for rule in table().taxabilities
                if rule.supply == supply
                and rule.buyers in ("any", buyers)
                and rule.jurisdiction.region in (state, None)
                and rule.holds(date(2026, 11, 25))
                and rule.jurisdiction.country == "US"
            ]
            assert rules


def test_every_category_that_a_rule_names_has_a_rate() -> None:
    for rule in table().taxabilities:
        if rule.taxable and rule.category:
            assert table().find(rule.jurisdiction, rule.category, max(rule.valid_from, date(2026, 1, 1)))


def test_standard_rates_have_no_gaps() -> None:
    standard = [rate for rate in table().rates if rate.category == "standard"]
    for place in {(rate.jurisdiction, rate.tax) for rate in standard}:
        history = sorted(
            (rate for rate in standard if (rate.jurisdiction, rate.tax) == place), key=lambda rate: rate.valid_from
        )
        assert all(earlier.valid_to == later.valid_from for earlier, later in pairwise(history))
        assert history[-1].valid_to is None


def test_every_file_was_reviewed_and_every_entry_has_a_source() -> None:
    for region in regions():
        assert region.reviewed >= date(2026, 11, 25)
        sources = [rate.source for place in region.jurisdictions for rate in place.rates]
        sources += [rule.source for rule in region.taxabilities] + [territory.source for territory in region.territories]
        assert all(len(source) > 10 for source in sources)


def test_an_unquoted_norway_is_refused_by_name() -> None:
    # YAML 1.1 reads NO as false
    with pytest.raises(ValidationError, match=r"jurisdictions\.0\.country"):
        TaxRegion.model_validate(
            {
                "name": "Norway",
                "reviewed": "2026-11-25",
                "jurisdictions": [{"country": False, "name": "Norway", "tax": "VAT", "rates": []}],
            }
        )
