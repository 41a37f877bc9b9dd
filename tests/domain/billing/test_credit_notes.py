"""Credit notes never exceed the invoice, per line, in tax or in all, and several add up to it exactly."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.credit_notes import (
    Correction,
    CorrectionSettings,
    CreditNote,
    CreditRequest,
    Identity,
    applied,
    correction,
    credit,
    credit_note_key,
    left_of,
)
from domain.billing.invoices import Invoice, receive, voided, written_off
from domain.billing.lines import Discount
from domain.billing.tax.decisions import AppliedRate
from domain.billing.tax.jurisdictions import Jurisdiction
from domain.billing.tax.reversal import Basis
from domain.errors import BadInput, Conflict
from domain.money import Money
from tests.domain.billing.invoice_samples import NINETEEN, invoice, invoice_of, issue, issued
from tests.domain.billing.line_samples import line
from tests.domain.samples import eur

TODAY = date(2026, 3, 10)
FIRST, SECOND = "S-1:1:seat:v1:period:0", "S-2:1:seat:v1:period:0"


def request(**changes: Any) -> CreditRequest:
    return CreditRequest.model_validate({"reason": "cancellation"} | changes)


def note(made: Invoice, *earlier: CreditNote, **changes: Any) -> CreditNote:
    number = len(earlier) + 1
    identity = Identity(key=credit_note_key(made.id, number), number=f"CN-{number}", issue_date=TODAY)
    return credit(made, earlier, request(**changes), identity)


def of_line(line_id: str, minor: int | None = None) -> dict[str, Any]:
    return {"line": line_id, "amount": None if minor is None else {"minor": minor, "currency": "EUR"}}


def paid(made: Invoice, minor: int) -> Invoice:
    return receive(made, eur(minor), TODAY).invoice


def amounts(made: CreditNote) -> tuple[int, int, int]:
    return made.taxed.net.minor, made.taxed.tax.minor, made.taxed.gross.minor


def test_everything_is_credited_at_the_rates_of_the_invoice() -> None:
    made = note(issued(10000, 5000))

    # 150.00 and 19 % = 28.50
    assert amounts(made) == (15000, 2850, 17850)
    assert made.taxed.subtotals[0].kind.percent == Decimal(19)


def test_a_part_of_a_line_takes_its_part_of_the_tax() -> None:
    # 40.00 and 19 % = 7.60
    made = note(issued(10000, 5000), lines=[of_line(FIRST, 4000)])

    assert amounts(made) == (4000, 760, 4760)
    assert [each.id for each in made.taxed.lines] == [FIRST]


def test_the_last_note_takes_exactly_what_is_left() -> None:
    # 0.10 and 19 % = 0.019 → 0.02 of tax. By thirds: 0.03 + 0.03 + 0.04 net;
    # tax so far 0.02 × 3/10 = 0.006 → 0.01, × 6/10 = 0.012 → 0.01, whole 0.02: 0.01, 0.00, 0.01
    made = issued(10)
    first = note(made, lines=[of_line(FIRST, 3)])
    second = note(made, first, lines=[of_line(FIRST, 3)])
    third = note(made, first, second)

    assert [amounts(each) for each in (first, second, third)] == [(3, 1, 4), (3, 0, 3), (4, 1, 5)]


@pytest.mark.money_case(9)
def test_three_equal_parts_of_a_hundred_add_up() -> None:
    # 119.00 of a gross amount as 39.67 + 39.67 + the rest: 39.66
    made, notes = issued(10000), list[CreditNote]()
    for _ in range(2):
        notes.append(note(made, *notes, amount={"minor": 3967, "currency": "EUR"}, basis="gross"))
    notes.append(note(made, *notes))

    assert [each.taxed.gross.minor for each in notes] == [3967, 3967, 3966]
    assert sum(each.taxed.tax.minor for each in notes) == 1900


def test_an_amount_in_all_is_spread_over_what_is_left_of_each_line() -> None:
    # 60.00 over 100.00 and 50.00 = 40.00 and 20.00
    made = note(issued(10000, 5000), amount={"minor": 6000, "currency": "EUR"})

    assert [each.net.minor for each in made.taxed.lines] == [4000, 2000]


def test_no_more_is_credited_than_is_left_of_a_line() -> None:
    made = issued(10000, 5000)
    earlier = note(made, lines=[of_line(SECOND, 4000)])

    with pytest.raises(BadInput, match=r"lines\[0\].amount: 10\.01 EUR cannot be credited, 10\.00 EUR is left of the line"):
        note(made, earlier, lines=[of_line(SECOND, 1001)])
    assert left_of(made, [earlier]) == {FIRST: eur(10000), SECOND: eur(1000)}


def test_no_more_is_credited_than_is_left_in_all() -> None:
    made = issued(10000)
    earlier = note(made, amount={"minor": 4000, "currency": "EUR"})

    with pytest.raises(BadInput, match=r"amount: 60\.01 EUR cannot be credited, 60\.00 EUR is left of the invoice"):
        note(made, earlier, amount={"minor": 6001, "currency": "EUR"})


def test_a_line_is_not_credited_whole_where_the_invoice_came_to_less() -> None:
    # 100.00 − 20.00 = 80.00 and 19 % = 95.20; the first line alone is 119.00
    made = issued(10000, -2000)

    with pytest.raises(BadInput, match=r"119\.00 EUR with tax cannot be credited, 95\.20 EUR is left of the invoice in all"):
        note(made, lines=[of_line(FIRST)])
    assert amounts(note(made)) == (8000, 1520, 9520)


def test_a_part_of_an_invoice_with_a_credit_line_is_spread_over_the_charged_lines() -> None:
    # 80.00 are left in all; 30.00 over 100.00 and 50.00 = 20.00 and 10.00, and nothing of the −70.00
    made = note(issued(10000, 5000, -7000), amount={"minor": 3000, "currency": "EUR"})

    assert [each.net.minor for each in made.taxed.lines] == [2000, 1000]


def test_an_amount_that_is_all_there_is_left_takes_the_credit_line_back_too() -> None:
    made = note(issued(10000, 5000, -7000), amount={"minor": 8000, "currency": "EUR"})

    assert [each.net.minor for each in made.taxed.lines] == [10000, 5000, -7000]


def test_a_negative_invoice_is_credited_back_out_of_the_customers_credit() -> None:
    made = note(issued(-1000))

    assert amounts(made) == (-1000, -190, -1190)
    assert made.to_credit == eur(-1190)


def test_what_is_left_of_nothing_is_not_credited() -> None:
    made = issued(10000)

    with pytest.raises(Conflict, match="has been credited whole"):
        note(made, note(made))
    with pytest.raises(BadInput, match=r"lines\[0\].amount: must not be zero; 0\.00 EUR is left"):
        note(made, note(made), lines=[of_line(FIRST)])


def test_a_discount_is_in_the_credit() -> None:
    # 100.00 less 25.00: 75.00 are left to credit, with 14.25 of tax
    taken = Discount(redemption="r", coupon="c", description="d", amount=eur(2500))
    made = note(issue(invoice_of([line(10000, discounts=(taken,))])))

    assert amounts(made) == (7500, 1425, 8925)


def test_an_inclusive_price_is_credited_as_it_was_charged() -> None:
    # 119.00 with tax: 59.50 are 50.00 and 9.50
    made = note(issued(11900, inclusive=True), lines=[of_line(FIRST, 5950)])

    assert amounts(made) == (5000, 950, 5950)


def test_each_tax_of_a_line_is_taken_back_to_its_own_jurisdiction() -> None:
    # 5 % for Canada and 7 % for British Columbia of 100.00: 5.00 and 7.00; of 30.00: 1.50 and 2.10
    canada = [(Jurisdiction(country="CA"), 5), (Jurisdiction(country="CA", region="BC"), 7)]
    rates = tuple(AppliedRate(jurisdiction=place, tax=str(place), percent=Decimal(percent)) for place, percent in canada)
    made = issued(10000, decision=NINETEEN.model_copy(update={"rates": rates}))

    taxes = note(made, lines=[of_line(FIRST, 3000)]).taxed.subtotals

    assert [(str(each.kind.jurisdiction), each.tax.minor) for each in taxes] == [("CA", 150), ("CA-BC", 210)]


@pytest.mark.parametrize("made", [invoice(10000), voided(issued(10000))])
def test_a_draft_and_a_voided_invoice_are_not_credited(made: Invoice) -> None:
    with pytest.raises(Conflict, match="so there is nothing to credit"):
        note(made)


def test_a_line_of_another_invoice_and_another_currency_are_refused() -> None:
    yen = {"minor": 1, "currency": "JPY"}

    with pytest.raises(BadInput, match=r"lines\[0\].line: S-9 is no line of the invoice"):
        note(issued(10000), lines=[of_line("S-9")])
    with pytest.raises(BadInput, match="amount: must be in EUR"):
        note(issued(10000), amount=yen)
    with pytest.raises(BadInput, match=r"lines\[0\].amount: must be in EUR"):
        note(issued(10000), lines=[{"line": FIRST, "amount": yen}])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lines": [of_line(FIRST)], "amount": {"minor": 1, "currency": "EUR"}}, "amount: is for all lines together"),
        ({"amount": {"minor": 0, "currency": "EUR"}}, "amount: must be more than zero"),
        ({"lines": [of_line(FIRST), of_line(FIRST)]}, "lines: name each line once"),
        ({"reason": "because"}, "reason"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        request(**changes)


def test_an_unpaid_invoice_gives_nothing_back() -> None:
    made = issued(10000)
    whole = note(made)

    assert (whole.offset, whole.to_credit, whole.refundable) == (eur(11900), eur(0), eur(0))
    assert applied(made, whole, TODAY).state == "paid"


def test_only_what_was_paid_becomes_credit() -> None:
    # 119.00 with 100.00 paid: 19.00 are still due, so of 119.00 credited 100.00 go to the customer
    made = paid(issued(10000), 10000)
    whole = note(made)

    assert (whole.offset, whole.to_credit, whole.refundable) == (eur(1900), eur(10000), eur(10000))


def test_what_was_paid_with_credit_is_not_refunded_in_money() -> None:
    # 119.00: 50.00 from the balance, 20.00 prepaid, 49.00 by card
    made = paid(issue(invoice(10000), balance=5000, prepaid=2000), 4900)
    first = note(made, amount={"minor": 5950, "currency": "EUR"}, basis="gross")
    rest = note(made, first)

    assert (first.to_credit, first.refundable) == (eur(5950), eur(4900))
    assert (rest.to_credit, rest.refundable) == (eur(5950), eur(0))


def test_a_credit_for_what_was_written_off_gives_nothing_back_either() -> None:
    # 119.00, 19.00 paid, 100.00 written off; 110.00 credited: 100.00 were never paid, 10.00 were
    made = written_off(paid(issued(10000), 1900))
    big = note(made, amount={"minor": 11000, "currency": "EUR"}, basis="gross")
    after = applied(made, big, TODAY)

    assert (big.offset, big.from_written_off, big.to_credit) == (eur(0), eur(10000), eur(1000))
    assert (after.state, after.written_off, after.credited) == ("paid", eur(0), eur(10000))


@pytest.mark.parametrize(
    ("made", "way"),
    [
        (invoice(10000), "change"),
        (issued(10000), "void"),
        (paid(issued(10000), 1), "credit_note"),
        (paid(issued(10000), 11900), "credit_note"),
        (written_off(issued(10000)), "credit_note"),
    ],
)
def test_how_an_invoice_is_taken_back(made: Invoice, way: str) -> None:
    assert correction(made) == way


def test_where_no_issued_document_is_voided_it_is_credited() -> None:
    assert correction(issued(10000), CorrectionSettings(void_unpaid=False)) is Correction.credit_note


NETS = st.lists(st.integers(1, 3000), min_size=1, max_size=4)
PARTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3000), st.sampled_from(Basis)), max_size=6)


@pytest.mark.money_case(9)
@given(NETS, PARTS, st.booleans(), st.integers(0, 4000))
def test_any_notes_stay_within_the_invoice_and_the_last_one_makes_them_equal(
    nets: list[int], parts: list[tuple[int, int, Basis]], inclusive: bool, received: int
) -> None:
    made, notes = issued(*nets, inclusive=inclusive), list[CreditNote]()
    made = paid(made, received) if received else made
    for index, minor, basis in parts:
        wanted = {"lines": [of_line(f"S-{index + 1}:1:seat:v1:period:0", minor)], "basis": basis}
        try:
            notes.append(note(made, *notes, **wanted))
        except BadInput:
            continue
        made = applied(made, notes[-1], TODAY)
        _within(made, notes)
    if any(left_of(made, notes).values()):
        notes.append(note(made, *notes))

    assert made.taxed is not None
    assert sum((each.taxed.gross for each in notes), eur(0)) == made.taxed.gross
    assert sum((each.taxed.tax for each in notes), eur(0)) == made.taxed.tax
    assert sum(each.offset.minor + each.to_credit.minor for each in notes) == made.taxed.gross.minor
    assert sum(each.to_credit.minor for each in notes) == min(received, made.taxed.gross.minor)


def _within(made: Invoice, notes: list[CreditNote]) -> None:
    """Per line and tax, and within a minor unit for each line of the exact tax of what has been credited."""
    assert made.taxed is not None
    exact, credited_tax = Fraction(0), 0
    for own in made.taxed.lines:
        taken = [each for one in notes for each in one.taxed.lines if each.id == own.id]
        net, tax = sum(each.net.minor for each in taken), sum(each.tax.minor for each in taken)
        assert 0 <= net <= own.net.minor
        assert 0 <= tax <= own.tax.minor
        exact += Fraction(own.tax.minor * (net + tax), own.gross.minor)
        credited_tax += tax
    assert abs(credited_tax - exact) <= len(made.taxed.lines)


def test_a_note_is_read_back_as_it_was_stored() -> None:
    made = note(paid(issued(10000), 500))

    assert CreditNote.model_validate_json(made.model_dump_json()) == made
    assert made.offset + made.to_credit == Money(minor=11900, currency="EUR")
