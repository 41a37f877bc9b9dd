"""What was paid of each line, and what a later credit is computed from."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.debits import credit_for
from domain.billing.invoices import Invoice, credited, receive, voided, written_off
from domain.billing.lines import Discount
from domain.billing.paid_lines import debit_of, paid_by_line
from domain.billing.proration import Part, Proration
from domain.errors import Conflict, NotFound
from tests.domain.billing.invoice_samples import invoice, invoice_of, issue, issued
from tests.domain.billing.line_samples import MARCH, line
from tests.domain.samples import eur

TODAY = date(2026, 3, 10)
FIRST, SECOND = "S-1:1:seat:v1:period:0", "S-2:1:seat:v1:period:0"


def paid(minor: int, made: Invoice) -> Invoice:
    return receive(made, eur(minor), TODAY).invoice


@pytest.mark.parametrize(
    ("made", "first", "second"),
    [
        (issued(10000, 5000), 0, 0),
        # 59.50 of 178.50 are a third: 119.00 / 3 = 39.67 and 59.50 / 3 = 19.83
        (paid(5950, issued(10000, 5000)), 3967, 1983),
        (paid(17850, issued(10000, 5000)), 11900, 5950),
        # credit counts as paid
        (issue(invoice(10000, 5000), balance=10000, prepaid=7850), 11900, 5950),
        # what was credited before it was paid, or written off, does not: 178.50 less 119.00
        (paid(5950, credited(issued(10000, 5000), eur(11900), TODAY)), 3967, 1983),
        (written_off(paid(5950, issued(10000, 5000))), 3967, 1983),
    ],
    ids=["nothing", "a third", "all", "by credit", "credited", "written off"],
)
def test_what_was_paid_is_spread_over_the_lines(made: Invoice, first: int, second: int) -> None:
    assert paid_by_line(made) == {FIRST: eur(first), SECOND: eur(second)}


def test_a_credit_line_pays_the_others() -> None:
    # 119.00 − 23.80 = 95.20 paid, so the charged line is paid whole
    assert paid_by_line(paid(9520, issued(10000, -2000))) == {FIRST: eur(11900)}


def test_a_debt_that_was_carried_forward_is_paid_first() -> None:
    # 119.00 and a debt of 0.30; of 20.00 paid, 19.70 are for the line
    assert paid_by_line(paid(2000, issue(invoice(10000), balance=-30))) == {FIRST: eur(1970)}


def test_a_draft_has_nothing_paid() -> None:
    assert paid_by_line(invoice(10000)) == {FIRST: eur(0)}
    assert paid_by_line(issued(0)) == {}


@pytest.mark.money_case(5)
def test_a_debit_is_the_line_as_it_was_billed() -> None:
    # 100.00 less 25.00 and 19 % = 14.25: 89.25 paid
    taken = Discount(redemption="r", coupon="c", description="d", amount=eur(2500))
    made = paid(8925, issue(invoice_of([line(10000, discounts=(taken,), quantity=Decimal(3))])))

    debit = debit_of(made, "S-1:1:seat:v1:period:0")

    assert (debit.amount, debit.discount, debit.tax, debit.paid) == (eur(10000), eur(2500), eur(1425), eur(8925))
    assert (debit.period, debit.quantity, debit.net) == (MARCH, Decimal(3), eur(7500))


@pytest.mark.money_case(7)
def test_a_credit_for_an_invoice_that_was_never_paid_gives_nothing_back() -> None:
    rest = Part(start=datetime(2026, 3, 16, 12, tzinfo=UTC), end=MARCH.end)

    # half of March of 119.00 is 59.50, all of it unpaid
    credit = credit_for(debit_of(issued(10000), FIRST), rest, [], Proration())

    assert (credit.gross, credit.unpaid) == (eur(0), eur(5950))


def test_what_was_not_charged_for_a_period_is_no_debit() -> None:
    with pytest.raises(NotFound, match="no invoice line S-9"):
        debit_of(issued(10000), "S-9")
    with pytest.raises(Conflict, match="is voided, so nothing of it is given back"):
        debit_of(voided(issued(10000)), FIRST)
    with pytest.raises(Conflict, match="is draft, so nothing"):
        debit_of(invoice(10000), FIRST)
    with pytest.raises(Conflict, match="was not charged for a period"):
        debit_of(issued(-100), FIRST)
    with pytest.raises(Conflict, match="was not charged for a period"):
        debit_of(issue(invoice_of([line(10000, period=None)])), FIRST)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=5), st.integers(1, 40000))
def test_the_lines_have_exactly_what_came_in(nets: list[int], received: int) -> None:
    made = paid(received, issued(*nets))

    assert sum(each.minor for each in paid_by_line(made).values()) == min(received, made.gross.minor)
