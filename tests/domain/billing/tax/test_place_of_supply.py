"""Who is taxed where, by the rules of the VAT directive and of the countries around it."""

from datetime import UTC, date, datetime

import pytest

from domain.billing.tax.decisions import TaxCategory, Treatment
from domain.billing.tax.parties import Party
from domain.billing.tax.supplies import Supply, SupplyCategory
from domain.errors import Conflict
from tests.domain.billing.tax.samples import business, consumer, decided, percents, proof, seller

GERMAN = seller("DE", one_stop_shop=True)
FRENCH_ID = "FR40303265045"
SERVICE = Supply(category=SupplyCategory.service)
CONSULTING = Supply(category=SupplyCategory.service, listed_in_article_59=True)


def proven(country: str, vat_id: str) -> Party:
    return business(country, vat_id, vat_id_proof=proof(vat_id))


def test_a_domestic_buyer_is_taxed_business_or_not() -> None:
    for buyer in (consumer("DE"), proven("DE", "DE136695976")):
        decision = decided(GERMAN, buyer)

        assert (decision.treatment, decision.category) == (Treatment.taxed, TaxCategory.standard)
        assert percents(decision) == [("DE", "VAT", "19")]


def test_a_proven_business_in_another_member_state_accounts_for_the_tax() -> None:
    # Directive 2006/112/EC art. 44 and 196: a German software company supplies a French business
    decision = decided(GERMAN, proven("FR", FRENCH_ID))

    assert (decision.treatment, decision.category, decision.rates) == (
        Treatment.reverse_charge,
        TaxCategory.reverse_charge,
        (),
    )
    assert (decision.reason_code, str(decision.place)) == ("VATEX-EU-AE", "FR")
    assert decision.note == (
        "Reverse charge: FR40303265045 accounts for the tax of FR under Article 196 of Directive 2006/112/EC "
        "(checked with VIES on 2026-11-01, consultation WAPIAAAAX1)"
    )


@pytest.mark.parametrize(
    ("buyer", "doubt"),
    [
        (business("FR"), "the business gave no VAT id"),
        (business("FR", FRENCH_ID), "FR40303265045 was not checked"),
        (business("FR", FRENCH_ID, vat_id_proof=proof(FRENCH_ID, "unavailable")), "VIES did not answer on 2026-11-01"),
        (business("FR", FRENCH_ID, vat_id_proof=proof(FRENCH_ID, "invalid")), "VIES does not know FR40303265045"),
        (
            business("FR", FRENCH_ID, vat_id_proof=proof(FRENCH_ID, checked=datetime(2025, 11, 24, tzinfo=UTC))),
            "too old",
        ),
        (business("FR", FRENCH_ID, vat_id_proof=proof("FR23334175221")), "for another number"),
    ],
)
def test_a_business_without_proof_is_taxed_like_a_consumer(buyer: Party, doubt: str) -> None:
    decision = decided(GERMAN, buyer)

    assert percents(decision) == [("FR", "VAT", "20")]
    assert doubt in decision.note


def test_how_old_a_proof_may_be_is_a_setting() -> None:
    old = business("FR", FRENCH_ID, vat_id_proof=proof(FRENCH_ID, checked=datetime(2026, 8, 1, tzinfo=UTC)))

    assert decided(GERMAN, old).treatment is Treatment.reverse_charge
    assert decided(GERMAN, old, proof_days=90).treatment is Treatment.taxed


def test_an_electronic_service_to_a_consumer_bears_the_tax_of_the_consumer() -> None:
    # art. 58 with the one-stop shop
    assert percents(decided(GERMAN, consumer("HU"))) == [("HU", "VAT", "27")]


def test_below_the_threshold_the_sellers_own_tax_is_due() -> None:
    # art. 59c: 10,000 EUR a year
    assert percents(decided(seller("DE", below_threshold=True), consumer("HU"))) == [("DE", "VAT", "19")]


def test_a_seller_registered_in_the_consumers_state_needs_no_scheme() -> None:
    assert percents(decided(seller("DE", "DE", "HU"), consumer("HU"))) == [("HU", "VAT", "27")]


def test_a_seller_in_no_scheme_is_told_so_and_nothing_is_left_untaxed() -> None:
    with pytest.raises(Conflict, match="owes VAT to HU for a consumer there"):
        decided(seller("DE"), consumer("HU"))


def test_any_other_service_to_a_consumer_is_taxed_where_the_seller_is() -> None:
    # art. 45
    assert percents(decided(GERMAN, consumer("FR"), supply=SERVICE)) == [("DE", "VAT", "19")]


def test_a_listed_service_to_a_consumer_outside_the_union_is_not_taxed() -> None:
    # art. 45 and 59: an architect's plan for a Brazilian stays taxed, a consultant's advice does not
    buyer = consumer("BR")

    assert percents(decided(GERMAN, buyer, supply=SERVICE)) == [("DE", "VAT", "19")]
    assert decided(GERMAN, buyer, supply=CONSULTING).treatment is Treatment.export


def test_a_service_supplied_outside_the_union_is_out_of_scope() -> None:
    decision = decided(GERMAN, business("BR"))

    assert (decision.treatment, decision.category) == (Treatment.export, TaxCategory.outside_scope)
    assert (decision.reason_code, decision.reason) == (
        "VATEX-EU-O",
        "Not subject to tax: supplied outside its territory",
    )


def test_the_code_for_services_abroad_is_a_setting() -> None:
    decision = decided(GERMAN, business("BR"), services_abroad="G")

    assert (decision.category, decision.reason_code) == (TaxCategory.export, "VATEX-EU-G")


def test_a_consumer_where_the_seller_should_be_registered_is_not_taxed_but_marked() -> None:
    decision = decided(GERMAN, consumer("GB"))

    assert (decision.treatment, decision.category) == (Treatment.not_registered, TaxCategory.outside_scope)
    assert decision.note == "No tax: acme is not registered in GB on 2026-11-25"


def test_a_seller_registered_in_britain_taxes_consumers_and_leaves_businesses_to_account() -> None:
    abroad = seller("DE", "DE", "GB")

    assert percents(decided(abroad, consumer("GB"))) == [("GB", "VAT", "20")]
    assert decided(abroad, business("GB", "GB980780684")).treatment is Treatment.reverse_charge


def test_a_seller_registered_in_switzerland_taxes_businesses_too() -> None:
    # Swiss VAT Act art. 45(1)(a): acquisition tax only where the supplier is not registered
    assert percents(decided(seller("DE", "DE", "CH"), business("CH", "CHE107787577IVA"))) == [("CH", "VAT", "8.1")]
    assert decided(seller("DE"), business("CH", "CHE107787577IVA")).treatment is Treatment.export


@pytest.mark.parametrize(
    ("country", "tax", "percent"),
    [("NO", "VAT", "25"), ("AU", "GST", "10"), ("JP", "consumption tax", "10"), ("IN", "IGST", "18")],
)
def test_a_foreign_seller_taxes_consumers_where_it_is_registered(country: str, tax: str, percent: str) -> None:
    assert percents(decided(seller("DE", "DE", country), consumer(country))) == [(country, tax, percent)]


@pytest.mark.parametrize(
    ("country", "category"),
    [("GB", "O"), ("US", "O"), ("CH", "G"), ("NO", "G"), ("AU", "G"), ("JP", "G"), ("IN", "G"), ("CA", "G")],
)
def test_an_export_has_the_code_of_the_sellers_country(country: str, category: str) -> None:
    decision = decided(seller(country), business("BR"))

    assert (decision.treatment, decision.category, decision.reason_code) == (Treatment.export, category, None)


def test_a_british_service_to_a_consumer_abroad_is_taxed_at_home() -> None:
    # VAT Act 1994 s. 7A(2)(b)
    assert percents(decided(seller("GB"), consumer("DE"), supply=SERVICE)) == [("GB", "VAT", "20")]


def test_a_seller_outside_the_union_uses_its_one_stop_shop_for_consumers() -> None:
    assert percents(decided(seller("US", "US-NY", one_stop_shop=True), consumer("IE"))) == [("IE", "VAT", "23")]


def test_a_proven_business_in_the_union_accounts_for_a_supply_from_outside() -> None:
    decision = decided(seller("US", "US-NY"), proven("FR", FRENCH_ID))

    assert (decision.treatment, decision.reason_code) == (Treatment.reverse_charge, "VATEX-EU-AE")


def test_an_unproven_business_in_the_union_counts_as_a_consumer_for_a_seller_outside() -> None:
    assert percents(decided(seller("US", one_stop_shop=True), business("FR", FRENCH_ID))) == [("FR", "VAT", "20")]


def test_a_seller_that_is_registered_nowhere_charges_nothing() -> None:
    decision = decided(seller("DE", "AT"), consumer("DE"))

    assert (decision.treatment, decision.category) == (Treatment.not_registered, TaxCategory.outside_scope)


@pytest.mark.parametrize(
    ("day", "percent"),
    [
        (date(2020, 6, 30), "19"),
        (date(2020, 7, 1), "16"),
        (date(2020, 12, 31), "16"),
        (date(2021, 1, 1), "19"),
    ],
)
def test_the_rate_is_that_of_the_day_of_supply(day: date, percent: str) -> None:
    assert percents(decided(GERMAN, consumer("DE"), day)) == [("DE", "VAT", percent)]


def test_a_reduced_rate_holds_where_there_is_one_and_the_standard_rate_elsewhere() -> None:
    books = Supply(rate_category="reduced")

    assert percents(decided(GERMAN, consumer("DE"), supply=books)) == [("DE", "VAT", "7")]
    assert percents(decided(GERMAN, consumer("DK"), supply=books)) == [("DK", "VAT", "25")]


def test_a_zero_rate_has_its_own_code() -> None:
    decision = decided(seller("GB"), consumer("GB"), supply=Supply(rate_category="zero"))

    assert (decision.treatment, decision.category, percents(decision)) == (
        Treatment.taxed,
        TaxCategory.zero,
        [("GB", "VAT", "0")],
    )


def test_an_exempt_supply_gives_its_reason() -> None:
    course = Supply(category=SupplyCategory.exempt, exemption_code="VATEX-EU-132-1I", exemption_reason="Vocational training")

    decision = decided(GERMAN, consumer("DE"), supply=course)

    assert (decision.category, decision.reason_code, decision.reason) == ("E", "VATEX-EU-132-1I", "Vocational training")


@pytest.mark.parametrize(
    ("country", "more", "rates"),
    [
        ("PT", {"postcode": "9500-321"}, [("PT-20", "VAT", "16")]),  # Azores
        ("PT", {"postcode": "9000-018"}, [("PT-30", "VAT", "22")]),  # Madeira
        ("AT", {"postcode": "6691"}, [("AT", "VAT", "20")]),  # Jungholz, for sellers established there
        ("GR", {"postcode": "831 00"}, [("GR", "VAT", "24")]),  # Samos, likewise
        ("MC", {}, [("FR", "VAT", "20")]),
        ("GR", {"postcode": "105 57"}, [("GR", "VAT", "24")]),  # Athens
    ],
)
def test_some_regions_of_the_union_have_rates_of_their_own(
    country: str, more: dict[str, str], rates: list[tuple[str, str, str]]
) -> None:
    assert percents(decided(GERMAN, consumer(country, **more))) == rates


def test_the_rate_of_an_island_is_for_sellers_established_there() -> None:
    # Greek VAT Code art. 26(5)
    samos = consumer("GR", postcode="831 00")

    assert percents(decided(seller("GR", postcode="83100"), samos)) == [("GR-ISLANDS", "VAT", "17")]
    assert percents(decided(seller("GR", postcode="10557"), samos)) == [("GR", "VAT", "24")]


@pytest.mark.parametrize(
    ("country", "postcode"),
    [("IT", "23041"), ("IT", "22061"), ("DE", "27498"), ("DE", "78266"), ("GR", "63086"), ("FR", "97300"), ("FR", "97600")],
)
def test_places_outside_every_tax_area_are_not_taxed(country: str, postcode: str) -> None:
    decision = decided(GERMAN, consumer(country, postcode=postcode))

    assert (decision.treatment, decision.rates) == (Treatment.export, ())


def test_the_canary_islands_are_outside_the_union_and_have_a_tax_of_their_own() -> None:
    las_palmas = consumer("ES", postcode="35001")

    assert decided(seller("ES", one_stop_shop=True), las_palmas).treatment is Treatment.not_registered
    islands = decided(seller("ES", "ES", "ES-CN"), las_palmas)
    assert (islands.category, percents(islands)) == (TaxCategory.canary_islands, [("ES-CN", "IGIC", "7")])


def test_a_french_seller_taxes_guadeloupe_at_its_rate_and_a_german_one_does_not() -> None:
    buyer = consumer("GP")

    assert percents(decided(seller("FR"), buyer)) == [("FR-DOM", "VAT", "8.5")]
    assert not decided(GERMAN, buyer).rates


def test_the_isle_of_man_counts_as_britain() -> None:
    assert percents(decided(seller("GB"), consumer("IM"))) == [("GB", "VAT", "20")]


def test_a_business_in_monaco_has_a_french_number() -> None:
    assert decided(GERMAN, proven("MC", "FR53000004605")).treatment is Treatment.reverse_charge
