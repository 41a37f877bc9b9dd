"""Rates that operators add: they hold on their days, and the shipped ones on the rest."""

from datetime import date
from typing import Any

import pytest

from domain.billing.tax.overrides import check_addition, overridden
from domain.billing.tax.rates import TaxRate, TaxTable
from domain.errors import BadInput
from tests.domain.billing.tax.samples import at, table


def rate(percent: str, start: str, end: str | None = None, **more: Any) -> TaxRate:
    made = {"jurisdiction": at("DE"), "tax": "VAT", "percent": percent, "valid_from": start, "valid_to": end, "source": "law"}
    return TaxRate.model_validate(made | more)


def on(found: TaxTable, day: str) -> str:
    return f"{found.rate(at('DE'), 'standard', date.fromisoformat(day)).percent.normalize():f}"


def test_an_added_rate_holds_from_its_first_day() -> None:
    after = overridden(table(), [rate("20", "2027-01-01")])
    assert [on(after, day) for day in ("2026-12-31", "2027-01-01", "2040-01-01")] == ["19", "20", "20"]


def test_a_shipped_rate_holds_again_after_one_that_ended() -> None:
    after = overridden(table(), [rate("16", "2027-01-01", "2027-07-01")])
    assert [on(after, day) for day in ("2026-12-31", "2027-06-30", "2027-07-01")] == ["19", "16", "19"]


def test_a_rate_without_end_ends_where_the_next_begins() -> None:
    after = overridden(table(), [rate("21", "2028-01-01"), rate("20", "2027-01-01")])
    assert [on(after, day) for day in ("2027-12-31", "2028-01-01")] == ["20", "21"]


def test_other_jurisdictions_taxes_and_categories_stay_as_they_are() -> None:
    added = rate("8", "2020-01-01", category="reduced")
    after = overridden(table(), [added])
    assert on(after, "2026-12-31") == "19"
    untouched = [each for each in table().rates if each.jurisdiction != at("DE")]
    assert [each for each in after.rates if each.jurisdiction != at("DE")] == untouched


@pytest.mark.parametrize(
    ("start", "end"),
    [("2027-01-01", None), ("2026-06-01", "2027-01-02"), ("2027-06-30", None), ("2027-02-01", "2027-03-01")],
)
def test_a_day_that_an_added_rate_has_is_refused(start: str, end: str | None) -> None:
    with pytest.raises(BadInput) as refused:
        check_addition(rate("20", start, end), [rate("16", "2027-01-01", "2027-07-01")])
    assert refused.value.field == "valid_from"
    assert "until 2027-07-01 (law)" in refused.value.message


@pytest.mark.parametrize(("start", "end"), [("2027-07-01", None), ("2026-01-01", "2027-01-01"), ("2026-01-01", None)])
def test_days_that_are_free_are_taken(start: str, end: str | None) -> None:
    check_addition(rate("20", start, end), [rate("16", "2027-01-01", "2027-07-01")])


def test_an_open_rate_is_followed_and_not_begun_again() -> None:
    check_addition(rate("20", "2028-01-01"), [rate("21", "2027-01-01")])
    with pytest.raises(BadInput):
        check_addition(rate("20", "2027-01-01"), [rate("21", "2027-01-01")])
