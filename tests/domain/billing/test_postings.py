"""What each event of an invoice books, to the cent."""

from datetime import UTC, date, datetime

import pytest

from domain.billing.credit_notes import CreditNote, CreditRequest, Identity, credit
from domain.billing.invoices import Invoice, receive, returned, voided, written_off
from domain.billing.ledger import Transaction
from domain.billing.postings import (
    credit_note_issued,
    invoice_finalized,
    invoice_voided,
    invoice_written_off,
    revenue_earned,
    unearned_part,
)
from domain.billing.recognition import RecognitionSettings, schedule
from domain.money import Money
from tests.domain.billing.invoice_samples import NINETEEN, invoice, issue, issued
from tests.domain.billing.line_samples import MARCH
from tests.domain.samples import NOW, eur

TODAY = date(2026, 3, 10)
FIRST = "S-1:1:seat:v1:period:0"


def booked(made: Transaction | None) -> dict[str, int]:
    assert made is not None
    result: dict[str, int] = {}
    for posting in made.postings:
        result[posting.account] = result.get(posting.account, 0) + posting.amount.minor
    return result


def note(made: Invoice, gross: int | None = None) -> CreditNote:
    request = {"reason": "goodwill", "basis": "gross", "amount": gross and {"minor": gross, "currency": "EUR"}}
    identity = Identity(key="I-1:credit:1", number="CN-1", issue_date=TODAY)
    return credit(made, [], CreditRequest.model_validate(request), identity)


def test_an_invoice_is_receivable_deferred_and_taxed() -> None:
    # 100.00 + 50.00 net, 19 % = 28.50, 178.50 due
    made = invoice_finalized(issued(10000, 5000), NOW)

    assert booked(made) == {"receivable": 17850, "deferred_revenue": -15000, "tax_payable:DE": -2850}
    assert made is not None
    assert (made.id, made.reference) == ("I-1:finalized", "INV-2026-000001")


def test_each_line_is_deferred_by_itself() -> None:
    made = invoice_finalized(issued(10000, 5000), NOW)

    assert made is not None
    deferred = {posting.subject: posting.amount for posting in made.postings if posting.account == "deferred_revenue"}
    assert deferred == {FIRST: eur(-10000), "S-2:1:seat:v1:period:0": eur(-5000)}


def test_what_credit_pays_is_no_receivable() -> None:
    # 119.00 = 50.00 balance + 20.00 prepaid + 49.00 to pay
    made = issue(invoice(10000), balance=5000, prepaid=2000)

    assert booked(invoice_finalized(made, NOW)) == {
        "receivable": 4900,
        "customer_credit": 5000,
        "prepaid_credit": 2000,
        "deferred_revenue": -10000,
        "tax_payable:DE": -1900,
    }


def test_a_negative_invoice_is_owed_to_the_customer() -> None:
    # −10.00 and −1.90 of tax
    assert booked(invoice_finalized(issued(-1000), NOW)) == {
        "customer_credit": -1190,
        "deferred_revenue": 1000,
        "tax_payable:DE": 190,
    }


def test_an_invoice_of_zero_books_nothing() -> None:
    assert invoice_finalized(issued(0), NOW) is None


def test_untaxed_parts_have_no_tax_account() -> None:
    exempt = NINETEEN.model_copy(update={"treatment": "reverse_charge", "category": "AE", "rates": ()})

    assert booked(invoice_finalized(issued(10000, decision=exempt), NOW)) == {"receivable": 10000, "deferred_revenue": -10000}


def test_a_draft_is_not_booked() -> None:
    with pytest.raises(ValueError, match="invoice: I-1 is draft; only a finalized one is booked"):
        invoice_finalized(invoice(10000), NOW)
    with pytest.raises(ValueError, match="was never finalized"):
        invoice_voided(voided(invoice(10000)), {}, NOW)


def test_a_void_takes_everything_back_also_what_was_earned() -> None:
    # 119.00 with 50.00 of the balance; 30.00 of the 100.00 were earned, so 70.00 are still deferred
    made = voided(issue(invoice(10000), balance=5000))

    assert booked(invoice_voided(made, {FIRST: eur(7000)}, NOW)) == {
        "receivable": -6900,
        "customer_credit": -5000,
        "deferred_revenue": 7000,
        "revenue": 3000,
        "tax_payable:DE": 1900,
    }


def test_a_credit_note_takes_deferred_revenue_first_and_then_what_was_earned() -> None:
    # 119.00 paid in full; 59.50 credited are 50.00 and 9.50 of tax; 20.00 are still deferred
    paid = receive(issued(10000), eur(11900), TODAY).invoice

    assert booked(credit_note_issued(note(paid, 5950), {FIRST: eur(2000)}, NOW)) == {
        "deferred_revenue": 2000,
        "revenue": 3000,
        "tax_payable:DE": 950,
        "customer_credit": -5950,
    }


def test_a_credit_note_for_an_unpaid_invoice_lowers_the_receivable() -> None:
    assert booked(credit_note_issued(note(issued(10000)), {FIRST: eur(10000)}, NOW)) == {
        "deferred_revenue": 10000,
        "tax_payable:DE": 1900,
        "receivable": -11900,
    }


def test_a_credit_note_for_bad_debt_takes_back_the_write_off_and_the_tax() -> None:
    made = written_off(issued(10000))

    assert booked(credit_note_issued(note(made), {}, NOW)) == {"revenue": 10000, "tax_payable:DE": 1900, "write_off": -11900}


def test_a_write_off_is_of_what_is_still_due() -> None:
    # 119.00 less 19.00 paid
    made = written_off(receive(issued(10000), eur(1900), TODAY).invoice)

    assert booked(invoice_written_off(made, NOW)) == {"write_off": 10000, "receivable": -10000}


def test_a_days_revenue_leaves_what_is_deferred() -> None:
    # 31.00 over March: 1.00 on the first day
    first = schedule(eur(3100), MARCH, datetime(2020, 1, 1, tzinfo=UTC), RecognitionSettings())[0]

    made = revenue_earned(FIRST, first, NOW)

    assert booked(made) == {"deferred_revenue": 100, "revenue": -100}
    assert made is not None
    assert made.id == f"{FIRST}:earned:2026-03-01"


@pytest.mark.parametrize(
    ("net", "deferred", "part"),
    [(500, 300, 300), (500, 900, 500), (500, -100, 0), (500, 0, 0), (-500, -300, -300), (-500, 300, 0), (-500, -900, -500)],
)
def test_a_credit_comes_out_of_what_is_deferred_with_the_same_sign(net: int, deferred: int, part: int) -> None:
    assert unearned_part(eur(net), eur(deferred)) == Money(minor=part, currency="EUR")


def test_what_is_given_up_again_is_booked_again() -> None:
    """All of it was recovered, and the bank took it back."""
    once = written_off(issued(10000))
    again = written_off(returned(receive(once, eur(11900), TODAY).invoice, eur(11900), TODAY))
    first, second = invoice_written_off(once, NOW), invoice_written_off(again, NOW)

    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert first.postings == second.postings
