"""Whatever the gateway, the ledger and the invoices do not say alike is a difference, and nothing else is."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.reconciliation.comparison import (
    Booked,
    ComparisonSettings,
    DifferenceKind,
    Movement,
    MovementKind,
    Standing,
    compare,
    unsettled,
    window,
)
from domain.money import Money
from tests.domain.samples import NOW, eur

K = DifferenceKind


def moved(key: str, minor: int, id_: str = "", currency: str = "EUR") -> Movement:
    amount = Money(minor=minor, currency=currency)
    return Movement(id=id_ or f"txn-{key}", key=key, kind=MovementKind.capture, amount=amount, at=NOW)


def booked(key: str, minor: int) -> Booked:
    return Booked(key=key, amount=eur(minor), at=NOW)


def test_what_both_say_alike_is_no_difference() -> None:
    assert compare([moved("P-1", 100), moved("R-1", -40)], [booked("R-1", -40), booked("P-1", 100)]) == []


@pytest.mark.parametrize(
    ("movements", "entries", "kind", "expected", "found"),
    [
        ([moved("P-1", 100)], [], K.missing_in_ledger, "nothing", "1.00 EUR"),
        ([], [booked("P-1", 100)], K.missing_at_gateway, "1.00 EUR", "nothing"),
        ([moved("P-1", 101)], [booked("P-1", 100)], K.amount_differs, "1.00 EUR", "1.01 EUR"),
        ([moved("P-1", -100)], [booked("P-1", 100)], K.amount_differs, "1.00 EUR", "-1.00 EUR"),
        ([moved("P-1", 100, currency="USD")], [booked("P-1", 100)], K.currency_differs, "1.00 EUR", "1.00 USD"),
        (
            [moved("P-1", 100, "a"), moved("P-1", 100, "b")],
            [booked("P-1", 100)],
            K.duplicate,
            "1.00 EUR",
            "1.00 EUR and 1.00 EUR",
        ),
    ],
)
def test_each_difference_says_what_is_booked_and_what_was_found(
    movements: list[Movement], entries: list[Booked], kind: DifferenceKind, expected: str, found: str
) -> None:
    [difference] = compare(movements, entries)

    assert (difference.kind, difference.subject, difference.owner) == (kind, "P-1", "finance")
    assert (difference.expected, difference.found) == (expected, found)
    assert "P-1" in difference.text


def test_what_is_reported_twice_and_not_booked_is_both() -> None:
    found = compare([moved("P-1", 100, "a"), moved("P-1", 100, "b")], [])

    assert [each.kind for each in found] == [K.duplicate, K.missing_in_ledger]


KEYS = st.dictionaries(st.sampled_from("ABCDEF"), st.integers(-3, 3).filter(bool))


@given(KEYS, KEYS)
def test_every_key_that_differs_is_reported_once(at_gateway: dict[str, int], in_ledger: dict[str, int]) -> None:
    found = compare([moved(*each) for each in at_gateway.items()], [booked(*each) for each in in_ledger.items()])

    differing = [key for key in "ABCDEF" if at_gateway.get(key) != in_ledger.get(key)]
    assert [each.subject for each in found] == differing


def test_an_invoice_is_due_what_the_ledger_has_to_receive() -> None:
    right = Standing(invoice="I-1", due=eur(500), receivable=eur(500))
    wrong = Standing(invoice="I-2", due=eur(0), receivable=eur(500))

    [difference] = unsettled([wrong, right])

    assert (difference.kind, difference.subject) == (K.invoice_paid_differs, "I-2")
    assert difference.text == "invoice I-2 is due 0.00 EUR, and the ledger has 5.00 EUR to receive for it"


def test_a_day_is_wider_by_the_tolerance_at_both_ends() -> None:
    assert window(date(2026, 3, 2)) == (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    assert window(date(2026, 3, 2), timedelta(minutes=15)) == (
        datetime(2026, 3, 1, 23, 45, tzinfo=UTC),
        datetime(2026, 3, 3, 0, 15, tzinfo=UTC),
    )


def test_a_tolerance_is_less_than_the_day() -> None:
    with pytest.raises(ValidationError):
        ComparisonSettings(tolerance=timedelta(hours=13))
