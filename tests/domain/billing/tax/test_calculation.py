"""The tax of a document: rounded once, shared out, and adding up."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.tax.calculation import tax
from domain.billing.tax.decisions import TaxCategory, TaxDecision, Treatment
from domain.billing.tax.documents import TaxableLine, TaxedDocument
from domain.billing.tax.settings import TaxSettings
from domain.errors import BadInput
from tests.domain.billing.tax.oracle_tax import exact_tax, expected_by_kind, nearest, nearest_even
from tests.domain.billing.tax.samples import at, charged, line, reversed_charge


def taxed(lines: list[TaxableLine], decision: TaxDecision, **settings: Any) -> TaxedDocument:
    return tax(lines, {each.id: decision for each in lines}, TaxSettings.model_validate(settings))


def taxes(document: TaxedDocument) -> list[int]:
    return [each.tax.minor for each in document.lines]


def test_tax_is_added_to_a_net_price() -> None:
    document = taxed([line("a", 10_000)], charged("19"))

    assert (document.net.minor, document.tax.minor, document.gross.minor) == (10_000, 1_900, 11_900)


def test_tax_is_taken_out_of_a_gross_price() -> None:
    # 119.00 × 19 / 119 = 19.00
    document = taxed([line("a", 11_900, inclusive=True)], charged("19"))

    assert (document.net.minor, document.tax.minor, document.gross.minor) == (10_000, 1_900, 11_900)


def test_the_vat_fraction_of_twenty_percent_is_a_sixth() -> None:
    # VAT Notice 700, 3.5: at 20 % the VAT in a tax-inclusive amount is 1/6. 100.00 / 6 = 16.666… → 16.67
    document = taxed([line("a", 10_000, "GBP", inclusive=True)], charged("20", country="GB"))

    assert (document.net.minor, document.tax.minor) == (8_333, 1_667)


def test_a_category_is_rounded_once_and_its_lines_add_up_to_it() -> None:
    # EN 16931 BR-CO-17: 3 × 0.33 = 0.99; 0.99 × 19 % = 0.1881 → 0.19. By line 0.0627 → 0.06 each would make 0.18.
    document = taxed([line("a", 33), line("b", 33), line("c", 33)], charged("19"))

    assert document.subtotals[0].tax.minor == 19
    assert taxes(document) == [7, 6, 6]


def test_rounding_by_line_is_a_setting() -> None:
    document = taxed([line("a", 33), line("b", 33), line("c", 33)], charged("19"), scopes={"DE": "line"})

    assert taxes(document) == [6, 6, 6]  # 0.0627 → 0.06 each
    assert document.tax.minor == 18


def test_two_rates_are_two_categories() -> None:
    # ubl-tc434-example1 of the CEN's examples for EN 16931: 1460.50 × 25 % = 365.125 → 365.13; 1.00 × 15 % = 0.15
    lines = [line("paper", 146_050), line("book", 100)]
    document = tax(lines, {"paper": charged("25"), "book": charged("15")})

    found = [(each.kind.percent, each.taxable.minor, each.tax.minor) for each in document.subtotals]
    assert found == [(Decimal(25), 146_050, 36_513), (Decimal(15), 100, 15)]


def test_a_japanese_invoice_is_rounded_once_per_rate() -> None:
    # Qualified invoices, Enforcement Order art. 70-10. Ten lines of 135 yen at 8 %: 1,350 × 8 % = 108; by line it would be
    # 10.8 → 11 each, 110 in all. One line of 999 yen at 10 %: 99.9, rounded half up to 100.
    food = [line(f"food-{index}", 135, "JPY") for index in range(10)]
    book = line("book", 999, "JPY")
    decisions = {each.id: charged("8", country="JP") for each in food} | {"book": charged("10", country="JP")}
    document = tax([*food, book], decisions)

    assert [each.tax.minor for each in document.subtotals] == [108, 100]
    assert sum(taxes(document)[:10]) == 108


def test_a_japanese_seller_may_round_down() -> None:
    # any method is allowed, and dropping the fraction is the usual one: 99.9 → 99
    document = taxed([line("book", 999, "JPY")], charged("10", country="JP"), rounding="down")

    assert document.tax.minor == 99


def test_an_australian_invoice_is_rounded_on_its_total() -> None:
    # GST Act s. 9-90(2)(a): 3 × 0.15 at 10 % is 0.045 → 0.05 (0.5 cents upwards); by supply 0.015 → 0.02 each, 0.06
    lines = [line(name, 15, "AUD") for name in "abc"]
    document = taxed(lines, charged("10", country="AU"))

    assert document.tax.minor == 5
    assert taxes(document) == [2, 2, 1]


def test_an_american_tax_is_rounded_up_from_half_a_cent() -> None:
    # RCW 82.08.054: carried to the third place and rounded up when it is greater than four. 10.15 × 10 % = 1.015 → 1.02
    document = taxed([line("a", 1_015, "USD")], charged("10", country="US"))

    assert document.tax.minor == 102


def test_different_rates_of_one_jurisdiction_share_one_rounding_of_the_document() -> None:
    # 0.24 × 1 % = 0.0024 and 0.24 × 2 % = 0.0048: together 0.0072 → 0.01, by rate 0.00 and 0.00
    lines = [line("low", 24, "USD"), line("high", 24, "USD")]
    decisions = {"low": charged("1", country="US"), "high": charged("2", country="US")}
    together = tax(lines, decisions)
    apart = tax(lines, decisions, TaxSettings.model_validate({"scopes": {"US": "category"}}))

    assert (taxes(together), taxes(apart)) == ([0, 1], [0, 0])


def test_halves_are_rounded_up_by_default_and_to_even_by_setting() -> None:
    # 0.50 × 5 % = 0.025
    assert taxed([line("a", 50)], charged("5")).tax.minor == 3
    assert taxed([line("a", 50)], charged("5"), rounding="half_even").tax.minor == 2


def test_two_taxes_on_one_line_do_not_bear_each_other() -> None:
    # Revenu Québec, Calculating the Taxes: 100.00 + GST 5.00 + QST 9.975 → 9.98 = 114.98; QST on 105.00 would be 10.47
    document = taxed([line("a", 10_000, "CAD")], charged("5", "9.975", country="CA"))

    assert [each.tax.minor for each in document.subtotals] == [500, 998]
    assert document.gross.minor == 11_498


def test_two_taxes_are_taken_out_of_a_gross_price_together() -> None:
    # 114.98 / 1.14975 = 100.0043…; GST 5.0002 → 5.00, QST 9.9754 → 9.98, net what is left
    document = taxed([line("a", 11_498, "CAD", inclusive=True)], charged("5", "9.975", country="CA"))

    assert [each.tax.minor for each in document.subtotals] == [500, 998]
    assert document.net.minor == 10_000


def test_only_the_taxable_part_bears_tax() -> None:
    # Texas: a charge of 1,000.00 is taxed on 800.00; at 8.25 % that is 66.00
    texas = charged("8.25", country="US")
    (rate,) = texas.rates
    texas = texas.model_copy(update={"rates": (rate.model_copy(update={"base_percent": Decimal(80)}),)})

    assert taxed([line("a", 100_000, "USD")], texas).tax.minor == 6_600


def test_reverse_charge_has_a_subtotal_without_tax() -> None:
    document = taxed([line("a", 10_000)], reversed_charge())

    (subtotal,) = document.subtotals
    assert (subtotal.kind.category, subtotal.taxable.minor, subtotal.tax.minor) == ("AE", 10_000, 0)
    assert subtotal.kind.reason_code == "VATEX-EU-AE"


def test_an_inclusive_price_without_tax_is_all_net() -> None:
    assert taxed([line("a", 11_900, inclusive=True)], reversed_charge()).net.minor == 11_900


def test_a_negative_line_lowers_the_tax_of_its_category() -> None:
    # 100.00 − 33.33 = 66.67 at 19 % = 12.6673 → 12.67
    document = taxed([line("a", 10_000), line("credit", -3_333)], charged("19"))

    assert document.tax.minor == 1_267
    assert taxes(document) == [1_900, -633]  # exactly 19.00 and −6.3327


def test_currencies_without_minor_units_and_with_three_decimals() -> None:
    assert taxed([line("a", 1_005, "JPY")], charged("10")).tax.minor == 101  # 100.5 yen
    assert taxed([line("a", 1_005, "KWD")], charged("5")).tax.minor == 50  # 1.005 dinar × 5 % = 0.05025


def test_a_document_without_lines_needs_its_currency() -> None:
    assert tax([], {}, currency="EUR").gross.minor == 0
    with pytest.raises(BadInput, match="one currency"):
        tax([], {})


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([line("a", 1), line("b", 1, "USD")], "lines: must all be in one currency, found EUR, USD"),
        ([line("a", 1), line("a", 1)], r"lines\[1\].id: must be unique"),
        ([line("unknown", 1)], r"lines\[0\].id: needs a tax decision"),
    ],
)
def test_bad_lines_are_refused_by_name(lines: list[TaxableLine], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        tax(lines, {"a": charged("19"), "b": charged("19")})


def test_equal_rates_written_differently_are_one_category() -> None:
    document = tax([line("a", 100), line("b", 100)], {"a": charged("19"), "b": charged("19.00")})

    assert len(document.subtotals) == 1


RATES = st.sampled_from([("19",), ("7",), ("25.5",), ("0",), ("5", "9.975"), ("2.5", "2.5"), ("8.25",), ("9.5",)])
MINOR = st.integers(min_value=-(10**7), max_value=10**9)


@st.composite
def documents(draw: st.DrawFn, scope: str = "category") -> tuple[list[TaxableLine], dict[str, TaxDecision], TaxSettings]:
    choices = {rates: charged(*rates) for rates in draw(st.lists(RATES, min_size=1, max_size=3, unique=True))}
    lines: list[TaxableLine] = []
    decisions: dict[str, TaxDecision] = {}
    for index in range(draw(st.integers(min_value=1, max_value=12))):
        each = line(f"line-{index}", draw(MINOR), inclusive=draw(st.booleans()))
        lines.append(each)
        decisions[each.id] = choices[draw(st.sampled_from(list(choices)))]
    return lines, decisions, TaxSettings.model_validate({"scopes": {"DE": scope}})


@given(documents())
def test_everything_adds_up(case: tuple[list[TaxableLine], dict[str, TaxDecision], TaxSettings]) -> None:
    lines, decisions, settings = case
    document = tax(lines, decisions, settings)

    assert all(each.net.minor + each.tax.minor == each.gross.minor for each in document.lines)
    assert all(sum(part.amount.minor for part in each.taxes) == each.tax.minor for each in document.lines)
    for index, subtotal in enumerate(document.subtotals):
        parts = [part.amount.minor for each in document.lines for part in each.taxes if part.kind == index]
        assert sum(parts) == subtotal.tax.minor
    assert [each.price for each in document.lines] == [each.amount for each in lines]


@given(documents())
def test_each_category_is_its_exact_tax_rounded_half_up(
    case: tuple[list[TaxableLine], dict[str, TaxDecision], TaxSettings],
) -> None:
    lines, decisions, settings = case
    document = tax(lines, decisions, settings)

    found = {(str(each.kind.jurisdiction), each.kind.tax, each.kind.percent): each.tax.minor for each in document.subtotals}
    assert found == {key: nearest(exact) for key, exact in expected_by_kind(lines, decisions).items()}


@given(documents())
def test_no_line_is_a_whole_unit_away_from_its_exact_tax(
    case: tuple[list[TaxableLine], dict[str, TaxDecision], TaxSettings],
) -> None:
    lines, decisions, settings = case
    document = tax(lines, decisions, settings)

    for source, result in zip(lines, document.lines, strict=True):
        exact = exact_tax(source, decisions[source.id])
        assert all(abs(part.amount.minor - each) < 1 for part, each in zip(result.taxes, exact, strict=True))


@given(documents(scope="line"))
def test_rounding_by_line_rounds_each_tax_of_each_line(
    case: tuple[list[TaxableLine], dict[str, TaxDecision], TaxSettings],
) -> None:
    lines, decisions, settings = case
    document = tax(lines, decisions, settings)

    for source, result in zip(lines, document.lines, strict=True):
        expected = [nearest(each) for each in exact_tax(source, decisions[source.id])]
        assert [part.amount.minor for part in result.taxes] == expected


@given(documents(scope="document"))
def test_rounding_by_document_rounds_each_tax_once(
    case: tuple[list[TaxableLine], dict[str, TaxDecision], TaxSettings],
) -> None:
    lines, decisions, settings = case
    even = settings.model_copy(update={"rounding": TaxSettings.model_validate({"rounding": "half_even"}).rounding})
    document = tax(lines, decisions, even)

    exact: dict[str, Fraction] = {}
    for (_, name, _), amount in expected_by_kind(lines, decisions).items():
        exact[name] = exact.get(name, Fraction(0)) + amount
    found = {name: sum(each.tax.minor for each in document.subtotals if each.kind.tax == name) for name in exact}
    assert found == {name: nearest_even(amount) for name, amount in exact.items()}


@given(st.integers(min_value=0, max_value=10**9), st.sampled_from(["19", "7", "25.5", "20", "9.975", "5.5"]))
def test_a_net_price_and_the_gross_price_it_makes_have_the_same_tax(net: int, percent: str) -> None:
    # gross = net + t with |t − net·r| ≤ 1/2; the tax in it is gross·r/(1+r) = t + (net·r − t)/(1+r), which rounds to t again
    outward = taxed([line("a", net)], charged(percent))
    inward = taxed([line("a", outward.gross.minor, inclusive=True)], charged(percent))

    assert (inward.net, inward.tax) == (outward.net, outward.tax)


def test_a_decision_says_what_it_charges() -> None:
    with pytest.raises(ValueError, match="rates: a taxed supply has at least one"):
        TaxDecision(treatment=Treatment.taxed, category=TaxCategory.standard, place=at("DE"))
