"""The ledger takes only what balances, and only ever grows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.ledger import (
    AccountKind,
    Posting,
    Transaction,
    balance,
    cash,
    kind_of,
    reversal,
    sums,
    tax_payable,
    transaction,
    trial_balance,
)
from domain.money import Money
from tests.domain.samples import NOW, eur


def posting(account: str, minor: int, subject: str = "", currency: str = "EUR") -> Posting:
    return Posting(account=account, amount=Money(minor=minor, currency=currency), subject=subject)


def booked(*postings: Posting, **changes: Any) -> Transaction:
    return Transaction.model_validate({"id": "T-1", "at": NOW, "description": "sale", "postings": postings} | changes)


SALE = booked(posting("receivable", 11900, "I-1"), posting("deferred_revenue", -10000), posting("tax_payable:DE", -1900))


def test_a_balanced_transaction_is_taken() -> None:
    # 119.00 − 100.00 − 19.00 = 0
    assert sums(SALE.postings) == {"EUR": 0}


def test_an_imbalance_is_refused_and_named() -> None:
    with pytest.raises(ValidationError, match=r"postings: EUR is out of balance by 0\.01 EUR"):
        booked(posting("receivable", 100), posting("revenue", -99))


def test_each_currency_balances_by_itself() -> None:
    with pytest.raises(ValidationError, match=r"postings: EUR is out of balance by 1\.00 EUR"):
        booked(posting("receivable", 100), posting("revenue", -100, currency="JPY"))


def test_a_transaction_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="postings: transaction T-1 needs some"):
        booked()
    with pytest.raises(ValidationError, match=r"postings\[1\].amount: must not be zero"):
        booked(posting("receivable", 100), posting("suspense", 0), posting("revenue", -100))


@pytest.mark.parametrize("name", ["receivable", "cash:stripe", "tax_payable:US-CA", "write_off"])
def test_the_accounts_are_known_by_name(name: str) -> None:
    assert posting(name, 1).account == name


@pytest.mark.parametrize("name", ["cash", "cash:", "tax_payable", "receivable:acme", "petty", ""])
def test_another_account_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="account"):
        posting(name, 1)


def test_accounts_of_a_detail_are_formed_by_it() -> None:
    assert cash("stripe") == "cash:stripe"
    assert tax_payable("DE") == "tax_payable:DE"
    assert kind_of("tax_payable:DE") is AccountKind.tax_payable


def test_postings_of_nothing_are_left_out_and_equal_ones_put_together() -> None:
    made = transaction(
        "T-2",
        NOW,
        "sale",
        [posting("receivable", 60), posting("revenue", -100), posting("receivable", 40), posting("suspense", 0)],
    )

    assert made is not None
    assert made.postings == (posting("receivable", 100), posting("revenue", -100))


def test_an_event_without_money_books_nothing() -> None:
    assert transaction("T-2", NOW, "free", [posting("receivable", 0), posting("revenue", 0)]) is None


def test_a_reversal_leaves_both_in_the_ledger_and_nothing_in_the_balances() -> None:
    back = reversal(SALE, "T-1:void", NOW, "void")

    assert back.reference == "T-1"
    assert set(trial_balance([SALE, back]).values()) == {0}


def test_a_balance_is_of_one_account_currency_and_subject() -> None:
    other = booked(posting("receivable", 500, "I-2"), posting("revenue", -500), id="T-2")

    assert balance([SALE, other], "receivable", "EUR") == eur(12400)
    assert balance([SALE, other], "receivable", "EUR", "I-2") == eur(500)
    assert balance([SALE, other], "receivable", "JPY") == Money(minor=0, currency="JPY")


ACCOUNTS = st.sampled_from(["receivable", "revenue", "cash:stripe", "tax_payable:DE"])
ENTRIES = st.lists(st.tuples(ACCOUNTS, st.integers(-1000, 1000), st.sampled_from(["EUR", "JPY"])), max_size=8)


@given(ENTRIES)
def test_only_what_adds_up_to_zero_is_ever_taken(entries: list[tuple[str, int, str]]) -> None:
    postings = [posting(account, minor, currency=currency) for account, minor, currency in entries]
    balanced = all(sum(minor for _, minor, each in entries if each == code) == 0 for code in ("EUR", "JPY"))

    try:
        made = transaction("T", NOW, "any", postings)
    except ValidationError:
        assert not balanced
    else:
        assert balanced
        assert made is None or all(each == 0 for each in sums(made.postings).values())
