"""Countries with several taxes: the United States, Canada and India."""

from datetime import date

import pytest

from domain.billing.tax.decisions import TaxCategory, Treatment
from domain.billing.tax.supplies import Supply, SupplyCategory
from domain.errors import BadInput, NotFound
from tests.domain.billing.tax.samples import at, business, consumer, decided, percents, seller

AMERICAN = seller("US", "US-NY", "US-TX", "US-CA", "US-CT", "US-MD", "US-OH", "US-OR")
CANADIAN = seller("CA", "CA", "CA-QC", "CA-BC", "CA-MB")
INDIAN = seller("IN", region="KA")
SERVICE = Supply(category=SupplyCategory.service)


def test_sales_tax_is_charged_where_the_seller_is_registered() -> None:
    # New York: 4 % of the state and 4.53 % of local taxes on average
    assert percents(decided(AMERICAN, consumer("US", region="NY"))) == [("US-NY", "sales tax", "8.53")]
    assert decided(AMERICAN, consumer("US", region="WA")).treatment is Treatment.not_registered


def test_the_state_rate_alone_is_a_setting() -> None:
    decision = decided(AMERICAN, consumer("US", region="NY"), united_states_rate="state")

    assert percents(decision) == [("US-NY", "sales tax", "4")]


def test_a_state_that_does_not_tax_the_supply() -> None:
    decision = decided(AMERICAN, business("US", region="CA"))

    assert (decision.treatment, decision.category) == (Treatment.not_taxable, TaxCategory.outside_scope)
    assert decision.reason == "US-CA does not tax this supply (electronic_service, business)"


def test_texas_taxes_four_fifths() -> None:
    (rate,) = decided(AMERICAN, business("US", region="TX")).rates

    assert (str(rate.percent), str(rate.base_percent)) == ("8.20", "80")


@pytest.mark.parametrize(
    ("region", "of_business", "of_consumer"),
    [
        ("CT", [("US-CT", "sales tax", "1")], [("US-CT", "sales tax", "6.35")]),
        ("MD", [("US-MD", "sales tax", "3")], [("US-MD", "sales tax", "6")]),
        ("OH", [("US-OH", "sales tax", "7.23")], []),
    ],
)
def test_some_states_tell_businesses_from_consumers(
    region: str, of_business: list[tuple[str, str, str]], of_consumer: list[tuple[str, str, str]]
) -> None:
    assert percents(decided(AMERICAN, business("US", region=region))) == of_business
    assert percents(decided(AMERICAN, consumer("US", region=region))) == of_consumer


def test_a_state_without_sales_tax() -> None:
    assert decided(AMERICAN, consumer("US", region="OR")).treatment is Treatment.not_taxable


def test_work_by_people_is_taxed_in_few_states() -> None:
    assert decided(AMERICAN, business("US", region="NY"), supply=SERVICE).treatment is Treatment.not_taxable
    hawaiian = seller("US", "US-HI")
    assert percents(decided(hawaiian, business("US", region="HI"), supply=SERVICE)) == [("US-HI", "sales tax", "4.5")]


def test_a_foreign_seller_registered_in_a_state_charges_its_tax() -> None:
    assert percents(decided(seller("DE", "DE", "US-NY"), business("US", region="NY"))) == [("US-NY", "sales tax", "8.53")]
    assert decided(seller("DE"), consumer("US", region="NY")).treatment is Treatment.export


def test_the_state_is_asked_for_only_where_it_matters() -> None:
    with pytest.raises(BadInput, match=r"buyer.region: must be a state such as 'NY'"):
        decided(AMERICAN, consumer("US"))
    assert decided(seller("DE"), business("US")).treatment is Treatment.export


def test_a_day_the_table_does_not_know_is_an_error_and_not_zero() -> None:
    with pytest.raises(NotFound, match="US-NY"):
        decided(AMERICAN, consumer("US", region="NY"), date(2019, 1, 1))


def test_an_exemption_certificate_frees_from_the_tax_of_its_state_while_it_holds() -> None:
    certificate = {
        "jurisdiction": at("US-NY"),
        "certificate": "ST-120",
        "reason": "Resale",
        "valid_from": date(2026, 1, 1),
        "valid_to": date(2026, 12, 1),
    }
    buyer = business("US", region="NY", exemptions=[certificate])

    freed = decided(AMERICAN, buyer, date(2026, 11, 30))
    assert (freed.treatment, freed.category, freed.reason) == (Treatment.exempt, TaxCategory.exempt, "Resale")
    assert freed.note == "Exempt by certificate ST-120 of US-NY: Resale"
    assert decided(AMERICAN, buyer, date(2026, 12, 1)).treatment is Treatment.taxed


def test_a_certificate_of_another_state_changes_nothing() -> None:
    certificate = {"jurisdiction": at("US-TX"), "certificate": "1", "reason": "Resale", "valid_from": date(2026, 1, 1)}

    assert decided(AMERICAN, business("US", region="NY", exemptions=[certificate])).treatment is Treatment.taxed


@pytest.mark.parametrize(
    ("region", "rates"),
    [
        ("ON", [("CA-ON", "HST", "13")]),  # CRA: 13 % HST where the supply is made in Ontario
        ("NB", [("CA-NB", "HST", "15")]),
        ("NS", [("CA-NS", "HST", "14")]),
        ("AB", [("CA", "GST", "5")]),
        ("QC", [("CA", "GST", "5"), ("CA-QC", "QST", "9.975")]),
        ("BC", [("CA", "GST", "5"), ("CA-BC", "PST", "7")]),
        ("MB", [("CA", "GST", "5"), ("CA-MB", "RST", "7")]),
        ("SK", [("CA", "GST", "5")]),  # not registered there
    ],
)
def test_canada_taxes_by_the_province_of_the_buyer(region: str, rates: list[tuple[str, str, str]]) -> None:
    assert percents(decided(CANADIAN, consumer("CA", region=region))) == rates


def test_a_seller_in_british_columbia_charges_ontarios_rate_to_a_buyer_there() -> None:
    # CRA, GST/HST rates and place-of-supply rules: the place of supply is Ontario and the supplier charges 13 % HST
    assert percents(decided(seller("CA", region="BC"), consumer("CA", region="ON"))) == [("CA-ON", "HST", "13")]


@pytest.mark.parametrize(("day", "percent"), [(date(2025, 3, 31), "15"), (date(2025, 4, 1), "14")])
def test_nova_scotia_lowered_its_rate(day: date, percent: str) -> None:
    assert percents(decided(CANADIAN, consumer("CA", region="NS"), day)) == [("CA-NS", "HST", percent)]


def test_manitoba_taxes_cloud_computing_since_2026() -> None:
    assert percents(decided(CANADIAN, consumer("CA", region="MB"), date(2025, 12, 31))) == [("CA", "GST", "5")]


def test_british_columbia_does_not_tax_work_by_people() -> None:
    assert percents(decided(CANADIAN, consumer("CA", region="BC"), supply=SERVICE)) == [("CA", "GST", "5")]


def test_a_certificate_for_one_tax_leaves_the_other() -> None:
    certificate = {
        "jurisdiction": at("CA-BC"),
        "tax": "PST",
        "certificate": "FIN-490",
        "reason": "Resale",
        "valid_from": date(2026, 1, 1),
    }

    decision = decided(CANADIAN, business("CA", region="BC", exemptions=[certificate]))

    assert percents(decision) == [("CA", "GST", "5")]


def test_the_province_is_asked_for() -> None:
    with pytest.raises(BadInput, match=r"buyer.region: must be a province"):
        decided(CANADIAN, consumer("CA"))


def test_a_foreign_seller_registered_for_gst_taxes_consumers_only() -> None:
    abroad = seller("US", "CA")

    assert percents(decided(abroad, consumer("CA", region="ON"))) == [("CA-ON", "HST", "13")]
    assert decided(abroad, business("CA", "123026635RT0001", region="ON")).treatment is Treatment.reverse_charge


def test_india_splits_the_tax_within_a_state_and_not_between_states() -> None:
    # IGST Act s. 7 and 8: 18 % is 9 + 9 within Karnataka
    assert percents(decided(INDIAN, consumer("IN", region="KA"))) == [("IN", "CGST", "9"), ("IN-KA", "SGST", "9")]
    assert percents(decided(INDIAN, consumer("IN", region="MH"))) == [("IN", "IGST", "18")]


def test_an_indian_buyer_without_address_is_where_the_supplier_is() -> None:
    assert percents(decided(INDIAN, consumer("IN"))) == [("IN", "CGST", "9"), ("IN-KA", "SGST", "9")]


def test_a_registered_business_in_india_accounts_for_a_supply_from_abroad() -> None:
    decision = decided(seller("DE", "DE", "IN"), business("IN", "27AAPFU0939F1ZV"))

    assert decision.treatment is Treatment.reverse_charge
