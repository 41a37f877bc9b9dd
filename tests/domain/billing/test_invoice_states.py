"""Every move of an invoice, allowed or refused."""

from datetime import date
from itertools import product

import pytest

from domain.billing.invoice_states import INVOICE, OPEN, InvoiceState, due_state
from domain.states import can_move, is_terminal
from tests.domain.samples import eur

ALLOWED = {
    "draft": "finalized paid voided",
    "finalized": "partially_paid paid overdue uncollectible voided",
    "partially_paid": "finalized paid overdue uncollectible",
    "overdue": "paid uncollectible voided",
    "uncollectible": "paid",
    "paid": "finalized partially_paid overdue",
    "voided": "",
}
TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(("current", "target"), list(product(InvoiceState, InvoiceState)))
def test_a_move_is_allowed_as_published(current: InvoiceState, target: InvoiceState) -> None:
    assert can_move(INVOICE, current, target) == (current == target or target in ALLOWED[current].split())


@pytest.mark.parametrize("state", list(InvoiceState))
def test_only_voided_is_final(state: InvoiceState) -> None:
    assert is_terminal(INVOICE, state) == (state == "voided")


def test_nothing_goes_back_to_draft() -> None:
    assert not any(InvoiceState.draft in targets for targets in INVOICE.values())


def test_open_is_finalized_and_not_settled() -> None:
    assert {"finalized", "partially_paid", "overdue"} == OPEN


@pytest.mark.parametrize(
    ("due", "paid", "due_date", "state"),
    [
        (1000, 0, date(2026, 3, 31), "finalized"),  # the due date itself is in time
        (1000, 0, date(2026, 3, 30), "overdue"),
        (400, 600, date(2026, 3, 31), "partially_paid"),
        (400, 600, date(2026, 3, 30), "overdue"),
        (0, 1000, date(2026, 3, 30), "paid"),
        (0, 0, date(2026, 3, 31), "paid"),
    ],
)
def test_amounts_and_dates_give_the_state(due: int, paid: int, due_date: date, state: str) -> None:
    assert due_state(eur(due), eur(paid), due_date, TODAY) == state
