"""Keys: the same facts give the same key, other facts another."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from domain import keys

ORDERS = st.integers(1, 10**9).map(lambda number: f"O-{number}")
IDENTIFIERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", fullmatch=True) | st.sampled_from(
    ["1", "1-2", "1.2", "undo", "payment", "refund", "credit", "invoice", "fallout", "2"]
)
NUMBERS = st.integers(1, 10**6)
STEPS = st.tuples(ORDERS, IDENTIFIERS, IDENTIFIERS, NUMBERS)


def test_keys_are_those_that_are_published() -> None:
    assert keys.order_workflow("O-1001") == "order-O-1001"
    assert keys.subscription_workflow("S-1001-2") == "sub-S-1001-2"
    assert keys.payment("O-1001", 1) == "O-1001:payment:1"
    assert keys.refund("O-1001:payment:1", "2") == "O-1001:payment:1:refund:2"
    assert keys.reference("O-1001", "2") == "O-1001:2"
    assert keys.step("O-1001", "2", "grant", 1) == "O-1001:2:grant"
    assert keys.step("O-1001", "2", "grant", 2) == "O-1001:2:grant:2"
    assert keys.undo("O-1001:2:grant") == "O-1001:2:grant:undo"
    assert keys.invoice("O-1001") == "O-1001:invoice"
    assert keys.credit_note("O-1001", "2") == "O-1001:credit:2"
    assert keys.subscription("O-1001", "2") == "S-1001-2"
    assert keys.fallout("O-1001:2:grant", 3) == "O-1001:2:grant:fallout:3"


@given(STEPS, STEPS)
def test_two_calls_of_steps_share_a_key_only_when_they_are_the_same_call(one: Any, other: Any) -> None:
    assert (keys.step(*one) == keys.step(*other)) is (one == other)


@given(STEPS, STEPS)
def test_an_undo_never_has_the_key_of_a_step(one: Any, other: Any) -> None:
    assert keys.undo(keys.step(*one)) != keys.step(*other)


@given(ORDERS, NUMBERS, ORDERS, NUMBERS, IDENTIFIERS)
def test_payments_and_refunds_never_share_a_key(order: str, number: int, other: str, another: int, item: str) -> None:
    assert (keys.payment(order, number) == keys.payment(other, another)) is ((order, number) == (other, another))
    assert keys.refund(keys.payment(order, number), item) != keys.payment(other, another)


@given(ORDERS, NUMBERS, st.lists(IDENTIFIERS, unique=True, min_size=2, max_size=2))
def test_each_item_of_a_payment_is_refunded_under_a_key_of_its_own(order: str, number: int, items: list[str]) -> None:
    payment = keys.payment(order, number)

    assert keys.refund(payment, items[0]) != keys.refund(payment, items[1])


@given(st.tuples(ORDERS, IDENTIFIERS), st.tuples(ORDERS, IDENTIFIERS))
def test_two_items_never_share_a_reference_a_subscription_or_a_credit_note(one: Any, other: Any) -> None:
    assume(one != other)

    assert keys.reference(*one) != keys.reference(*other)
    assert keys.subscription(*one) != keys.subscription(*other)
    assert keys.credit_note(*one) != keys.credit_note(*other)


@given(ORDERS, IDENTIFIERS)
def test_a_reference_reads_back_as_what_it_was_made_of(order: str, item: str) -> None:
    assert keys.split_reference(keys.reference(order, item)) == (order, item)


def test_what_is_no_reference_of_ours_is_told_apart() -> None:
    assert [keys.split_reference(text) for text in ("", "O-1001", ":", "O-1001:", ":2")] == [None] * 5


@given(IDENTIFIERS, IDENTIFIERS, IDENTIFIERS)
def test_a_payment_methods_id_is_the_same_each_time_and_has_no_digit(customer: str, gateway: str, token: str) -> None:
    method = keys.payment_method(customer, gateway, token)
    assert method == keys.payment_method(customer, gateway, token)
    assert method.startswith("pm_")
    assert not any(character.isdigit() for character in method)
    assert method != keys.payment_method(customer, f"{gateway}x", token)
