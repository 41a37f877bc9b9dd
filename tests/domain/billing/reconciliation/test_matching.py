"""Money pays the invoice that it names, that it fits alone, or that is the oldest; else it waits for a person."""

from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.reconciliation.matching import Claim, match, names, possible_numbers
from domain.money import Money
from tests.domain.samples import eur


def claim(sequence: int, minor: int, customer: str = "c-1", day: int = 1, currency: str = "EUR") -> Claim:
    return Claim(
        invoice=f"I-{sequence}",
        number=f"INV-2026-{sequence:06}",
        due_date=date(2026, 3, day),
        amount_due=Money(minor=minor, currency=currency),
        customer=customer,
    )


def matched(minor: int, text: str, *claims: Claim, customer: str | None = None) -> tuple[dict[str, int], int, int]:
    """What went to which invoice, what is over, and what is unmatched."""
    found = match(eur(minor), text, claims, customer)
    return {part.invoice: part.amount.minor for part in found.allocations}, found.over.minor, found.unmatched.minor


@pytest.mark.parametrize(
    "text",
    [
        "INV-2026-000042",
        "Rechnung inv 2026 000042, danke",
        "INV2026000042",
        "inv-2026/000042;INV-2026-000043",
        "payment\nINV-2026-\n000042",
        "No.:INV_2026.000042",
        "(INV-2026-000042)",
        "INV-2026-000042 17.03.2026",
    ],
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert names(text, "INV-2026-000042")


@pytest.mark.parametrize(
    "text",
    [
        "INV-2026-0000421",
        "INV-2026-000042-1",
        "XINV-2026-000042",
        "INV-2026-000042b",
        "INV-2026-42",
        "2026-000042",
        "7-INV-2026-000042",
        "",
    ],
)
def test_a_number_within_a_longer_one_is_none(text: str) -> None:
    assert not names(text, "INV-2026-000042")


def test_a_number_too_short_to_be_sure_of_is_not_looked_for() -> None:
    assert not names("42", "42")


@pytest.mark.money_case(24)
def test_the_named_invoice_is_paid_and_not_the_one_with_that_very_amount() -> None:
    # 119.00 for an invoice of 200.00, while another customer's is due exactly 119.00
    assert matched(11900, "INV-2026-000042", claim(42, 20000), claim(7, 11900, "c-2")) == ({"I-42": 11900}, 0, 0)


def test_money_for_an_invoice_that_is_paid_goes_to_no_other_customers() -> None:
    assert matched(11900, "INV-2026-000042", claim(42, 0), claim(7, 11900, "c-2")) == ({}, 11900, 0)


def test_what_is_more_than_the_named_invoice_goes_to_the_customers_others_and_then_to_credit() -> None:
    # 150.00: 100.00 named, 30.00 for the other one, 20.00 over
    assert matched(15000, "INV-2026-000042", claim(42, 10000), claim(43, 3000)) == ({"I-42": 10000, "I-43": 3000}, 2000, 0)


def test_several_named_invoices_are_paid_together() -> None:
    text = "INV-2026-000042 INV-2026-000043"

    assert matched(13000, text, claim(42, 10000), claim(43, 3000)) == ({"I-42": 10000, "I-43": 3000}, 0, 0)


def test_an_exact_amount_pays_the_only_invoice_that_has_it() -> None:
    assert matched(11900, "thanks", claim(1, 11900), claim(2, 12000, "c-2")) == ({"I-1": 11900}, 0, 0)


@pytest.mark.money_case(24)
def test_an_amount_that_two_invoices_have_stays_unmatched_and_says_why() -> None:
    found = match(eur(11900), "thanks", [claim(1, 11900), claim(2, 11900, "c-2")])

    assert (found.allocations, found.unmatched, found.customer) == ((), eur(11900), None)
    assert found.reason == "the text names no invoice, and 2 invoices are due exactly 119.00 EUR"


def test_money_that_fits_nothing_stays_unmatched() -> None:
    assert matched(5000, "thanks", claim(1, 11900)) == ({}, 0, 5000)


def test_a_known_customers_money_goes_to_the_exact_invoice_and_else_to_the_oldest() -> None:
    old, new = claim(1, 11900, day=1), claim(2, 5000, day=9)

    assert matched(5000, "", old, new, customer="c-1") == ({"I-2": 5000}, 0, 0)
    assert matched(6000, "", old, new, customer="c-1") == ({"I-1": 6000}, 0, 0)
    assert matched(17000, "", old, new, customer="c-1") == ({"I-1": 11900, "I-2": 5000}, 100, 0)


def test_a_known_customers_money_pays_nobody_elses_invoice() -> None:
    assert matched(11900, "", claim(1, 11900, "c-2"), customer="c-1") == ({}, 11900, 0)
    assert matched(11900, "INV-2026-000001", claim(1, 11900, "c-2"), customer="c-1") == ({}, 0, 11900)


def test_money_that_names_invoices_of_two_customers_stays_unmatched() -> None:
    text = "INV-2026-000001 INV-2026-000002"

    assert matched(200, text, claim(1, 100), claim(2, 100, "c-2")) == ({}, 0, 200)


def test_another_currency_never_matches() -> None:
    found = match(eur(11900), "INV-2026-000001", [claim(1, 11900, currency="USD")])

    assert found.unmatched == eur(11900)
    assert found.reason == "the text names INV-2026-000001, to be paid in USD, not EUR"
    assert matched(11900, "", claim(1, 11900, currency="USD")) == ({}, 0, 11900)
    assert matched(11900, "", claim(1, 11900, currency="USD"), customer="c-1") == ({}, 11900, 0)


def test_money_that_went_out_is_no_payment() -> None:
    with pytest.raises(ValueError, match="more than zero"):
        match(eur(-1), "", [])


CLAIMS = st.lists(
    st.builds(
        claim,
        st.integers(1, 6),
        st.integers(0, 300),
        st.sampled_from(["c-1", "c-2"]),
        st.integers(1, 4),
        st.sampled_from(["EUR", "EUR", "USD"]),
    ),
    unique_by=lambda one: one.invoice,
    max_size=6,
)
TEXTS = st.lists(st.integers(1, 7), max_size=3).map(lambda named: " ".join(f"inv 2026 {number:06}" for number in named))


@given(st.integers(1, 900), TEXTS, CLAIMS, st.sampled_from([None, "c-1", "c-2"]))
def test_no_money_is_made_or_lost_and_no_invoice_overpaid(
    minor: int, text: str, claims: list[Claim], customer: str | None
) -> None:
    parts, over, unmatched = matched(minor, text, *claims, customer=customer)
    due = {each.invoice: each.amount_due for each in claims}

    assert sum(parts.values()) + over + unmatched == minor
    assert all(0 < paid <= due[invoice].minor and due[invoice].currency == "EUR" for invoice, paid in parts.items())


@given(st.integers(1, 900), TEXTS, CLAIMS, st.sampled_from([None, "c-1"]), st.randoms())
def test_the_order_of_invoices_does_not_matter(
    minor: int, text: str, claims: list[Claim], customer: str | None, chance: Random
) -> None:
    shuffled = list(claims)
    chance.shuffle(shuffled)

    assert match(eur(minor), text, shuffled, customer) == match(eur(minor), text, claims, customer)


@given(st.integers(1, 900), TEXTS, CLAIMS, st.sampled_from([None, "c-1"]))
def test_only_one_customers_invoices_are_paid(minor: int, text: str, claims: list[Claim], customer: str | None) -> None:
    payers = {each.invoice: each.customer for each in claims}
    found = match(eur(minor), text, claims, customer)

    assert {payers[part.invoice] for part in found.allocations} <= {found.customer}


@given(st.text("AB12-/ :.", max_size=40), st.text("AB12-", min_size=5, max_size=9))
def test_a_number_that_a_text_names_is_among_its_possible_ones(text: str, number: str) -> None:
    bare = "".join(sign for sign in number if sign.isalnum())

    assert not names(text, number) or bare in possible_numbers(text)


def test_the_possible_numbers_of_a_text_are_its_neighbouring_parts() -> None:
    assert possible_numbers("inv 2026/01 ok") == {"INV2026", "INV202601", "INV202601OK", "202601", "202601OK"}
