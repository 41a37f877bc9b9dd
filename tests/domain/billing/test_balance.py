"""What an invoice takes from a customer's balance, and which invoices a payment settles."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.balance import (
    CollectionSettings,
    CustomerBalance,
    OpenItem,
    Settlement,
    allocate,
    settle,
)
from domain.money import Money
from tests.domain.samples import eur

MINIMUM = CollectionSettings(minimum_collectable={"EUR": 50})


def settlement(gross: int, balance: int = 0, prepaid: int = 0, settings: CollectionSettings | None = None) -> Settlement:
    return settle(eur(gross), eur(balance), eur(prepaid), settings)


def item(invoice: str, minor: int, day: int = 1) -> OpenItem:
    return OpenItem(invoice=invoice, number=f"INV-{invoice}", due_date=date(2026, 3, day), amount_due=eur(minor))


def settled(received: int, *items: OpenItem, reference: str | None = None) -> tuple[list[tuple[str, int]], int]:
    result = allocate(eur(received), items, reference)
    return [(each.invoice, each.amount.minor) for each in result.allocations], result.over.minor


def test_credit_is_used_as_far_as_the_invoice_goes() -> None:
    # 10.00 of an invoice of 30.00 are paid by credit, and all of an invoice of 6.00
    part, whole = settlement(3000, balance=1000), settlement(600, balance=1000)

    assert (part.amount_due, part.to_balance) == (eur(2000), eur(-1000))
    assert (whole.amount_due, whole.to_balance) == (eur(0), eur(-600))


def test_a_negative_invoice_becomes_credit() -> None:
    result = settlement(-3000, balance=500)

    assert (result.amount_due, result.to_balance) == (eur(0), eur(3000))


def test_a_zero_invoice_is_due_nothing_and_touches_no_credit() -> None:
    result = settlement(0, balance=500)

    assert (result.amount_due, result.to_balance) == (eur(0), eur(0))


def test_too_little_to_collect_is_carried_forward_and_collected_with_the_next_invoice() -> None:
    # 0.49 are below 0.50: a debt of 0.49; the next invoice of 10.00 is due 10.49 and clears it
    first = settlement(49, settings=MINIMUM)
    second = settlement(1000, balance=first.to_balance.minor, settings=MINIMUM)

    assert (first.amount_due, first.carried_forward, first.to_balance) == (eur(0), eur(49), eur(-49))
    assert (second.amount_due, second.to_balance) == (eur(1049), eur(49))


def test_the_minimum_itself_is_collected() -> None:
    assert settlement(50, settings=MINIMUM).amount_due == eur(50)


def test_small_debts_add_up_until_they_are_worth_collecting() -> None:
    # 0.20 + 0.20 = 0.40 < 0.50; with 0.20 more it is 0.60
    second = settlement(20, balance=-20, settings=MINIMUM)
    third = settlement(20, balance=-40, settings=MINIMUM)

    assert (second.amount_due, second.to_balance) == (eur(0), eur(-20))
    assert (third.amount_due, third.to_balance) == (eur(60), eur(40))


def test_what_credit_leaves_may_be_too_little_to_collect() -> None:
    # 10.00 less 9.80 of credit leave 0.20: the balance goes from 9.80 to −0.20
    result = settlement(1000, balance=980, settings=MINIMUM)

    assert (result.amount_due, result.to_balance) == (eur(0), eur(-1000))


def test_the_minimum_is_by_currency() -> None:
    yen = Money(minor=49, currency="JPY")

    assert settle(yen, Money.zero("JPY"), Money.zero("JPY"), MINIMUM).amount_due == yen


def test_prepaid_credit_pays_after_the_balance() -> None:
    # Flexprice's worked example: coupons leave 70.00, tax 5.78, credits 5.00: 75.78 − 5.00 = 70.78
    result = settlement(7578, prepaid=500)

    assert (result.amount_due, result.to_balance) == (eur(7078), eur(0))


@pytest.mark.parametrize("prepaid", [2001, -1])
def test_prepaid_credit_never_pays_more_than_is_due(prepaid: int) -> None:
    with pytest.raises(ValueError, match=r"prepaid: must be zero to 20\.00 EUR"):
        settlement(3000, balance=1000, prepaid=prepaid)


@given(st.integers(-5000, 5000), st.integers(-5000, 5000), st.integers(0, 100), st.integers(0, 200))
def test_nothing_is_lost_between_invoice_balance_and_customer(gross: int, balance: int, share: int, minimum: int) -> None:
    prepaid = max(0, gross - balance) * share // 100 if gross >= 0 else 0

    result = settlement(gross, balance, prepaid, CollectionSettings(minimum_collectable={"EUR": minimum}))

    # what the customer owed before (gross less credit) is owed after: by the invoice, by the balance, or paid by prepaid credit
    assert gross - balance == result.amount_due.minor - (balance + result.to_balance.minor) + prepaid
    assert result.amount_due.minor == 0 or result.amount_due.minor >= minimum
    assert result.amount_due.minor >= 0


def test_a_payment_goes_to_the_invoice_it_names() -> None:
    assert settled(500, item("A", 500, 1), item("B", 500, 9), reference="INV-B") == ([("B", 500)], 0)
    assert settled(500, item("A", 500, 1), item("B", 500, 9), reference="B") == ([("B", 500)], 0)


def test_without_a_reference_the_amount_decides() -> None:
    assert settled(700, item("A", 500, 1), item("B", 700, 9)) == ([("B", 700)], 0)


def test_of_equal_amounts_the_oldest_is_meant() -> None:
    assert settled(500, item("B", 500, 9), item("A", 500, 1)) == ([("A", 500)], 0)


def test_else_the_oldest_is_paid_first_and_the_last_one_in_part() -> None:
    assert settled(800, item("B", 700, 9), item("A", 500, 1)) == ([("A", 500), ("B", 300)], 0)


def test_what_is_too_much_is_credit() -> None:
    assert settled(1300, item("A", 500, 1), item("B", 700, 9)) == ([("A", 500), ("B", 700)], 100)
    assert settled(1300) == ([], 1300)


def test_what_is_left_after_the_named_invoice_is_matched_by_amount_too() -> None:
    # 12.00 for C (5.00) leave 7.00, exactly B
    payment = settled(1200, item("A", 600, 1), item("B", 700, 9), item("C", 500, 20), reference="INV-C")

    assert payment == ([("C", 500), ("B", 700)], 0)


@given(st.integers(0, 3000), st.lists(st.integers(0, 900), max_size=6), st.integers(0, 6))
def test_a_payment_is_allocated_whole_and_no_invoice_is_paid_twice(received: int, dues: list[int], named: int) -> None:
    items = [item(str(index), minor, 1 + index) for index, minor in enumerate(dues)]

    parts, over = settled(received, *items, reference=f"INV-{named}")

    assert sum(minor for _, minor in parts) + over == received
    assert len({invoice for invoice, _ in parts}) == len(parts)
    assert all(0 < minor <= dues[int(invoice)] for invoice, minor in parts)
    assert over == max(0, received - sum(dues))


def test_a_balance_shows_what_is_owed_beside_the_credit() -> None:
    # 5.00 + 7.00 = 12.00 owed, 2.00 credit, 10.00 to pay
    balance = CustomerBalance(customer="c-1", currency="EUR", credit=eur(200), items=(item("A", 500), item("B", 700)))

    assert (balance.owed, balance.net) == (eur(1200), eur(1000))


def test_a_balance_is_of_one_currency() -> None:
    yen = Money(minor=5, currency="JPY")

    with pytest.raises(ValidationError, match="credit: is in JPY, the balance in EUR"):
        CustomerBalance(customer="c-1", currency="EUR", credit=yen)
    with pytest.raises(ValidationError, match=r"items\[0\].amount_due: is in EUR, the balance in JPY"):
        CustomerBalance(customer="c-1", currency="JPY", credit=yen, items=(item("A", 500),))
