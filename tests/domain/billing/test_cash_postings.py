"""What money and prepaid credit book, to the cent."""

import pytest

from domain.billing.cash_postings import (
    CreditMovement,
    Payment,
    PaymentPart,
    balance_used,
    credit_expired,
    credit_granted,
    credit_revoked,
    credit_used,
    gateway_fee,
    money_matched,
    money_unmatched,
    payment_received,
    payment_returned,
    refunded,
)
from domain.billing.credits import CreditSource
from tests.domain.billing.test_postings import booked
from tests.domain.samples import NOW, eur

PAYMENT = Payment(
    key="P-1",
    at=NOW,
    customer="c-1",
    parts=(PaymentPart(invoice="I-1", amount=eur(11900)), PaymentPart(invoice="I-2", amount=eur(500), recovery=True)),
    over=eur(100),
)


def movement(source: CreditSource) -> CreditMovement:
    return CreditMovement(key="G-1", at=NOW, customer="c-1", amount=eur(10000), source=source)


def test_a_payment_settles_recovers_and_leaves_credit() -> None:
    # 119.00 + 5.00 + 1.00 = 125.00
    assert booked(payment_received(PAYMENT, "stripe")) == {
        "cash:stripe": 12500,
        "receivable": -11900,
        "write_off": -500,
        "customer_credit": -100,
    }


def test_a_return_is_the_payment_backwards() -> None:
    assert booked(payment_returned(PAYMENT.model_copy(update={"key": "P-1:return"}), "stripe")) == {
        "cash:stripe": -12500,
        "receivable": 11900,
        "write_off": 500,
        "customer_credit": 100,
    }


def test_money_without_an_owner_waits_in_suspense() -> None:
    assert booked(money_unmatched("B-7", "bank", eur(12500), NOW)) == {"cash:bank": 12500, "suspense": -12500}
    assert booked(money_matched(PAYMENT, "B-7")) == {
        "suspense": 12500,
        "receivable": -11900,
        "write_off": -500,
        "customer_credit": -100,
    }


def test_a_fee_is_taken_from_the_cash() -> None:
    assert booked(gateway_fee("P-1", "stripe", eur(175), NOW)) == {"gateway_fees": 175, "cash:stripe": -175}


def test_a_refund_pays_out_customer_credit() -> None:
    assert booked(refunded("P-1:refund:1", "stripe", "c-1", eur(5950), NOW)) == {"customer_credit": 5950, "cash:stripe": -5950}


def test_credit_pays_open_invoices() -> None:
    parts = (PaymentPart(invoice="I-1", amount=eur(300)),)

    assert booked(balance_used("U-1", "c-1", parts, NOW)) == {"customer_credit": 300, "receivable": -300}
    assert booked(credit_used("U-2", "c-1", parts, NOW)) == {"prepaid_credit": 300, "receivable": -300}


def test_bought_credit_is_a_liability_until_it_is_used() -> None:
    # Lago, "Wallets and prepaid credits": 100 bought are no revenue
    assert booked(credit_granted(movement(CreditSource.purchased), "cash:stripe")) == {
        "cash:stripe": 10000,
        "prepaid_credit": -10000,
    }


def test_given_credit_costs_promotions_and_nothing_where_it_expires() -> None:
    given = movement(CreditSource.promotional)

    assert booked(credit_granted(given)) == {"promotions": 10000, "prepaid_credit": -10000}
    assert booked(credit_expired(given)) == {"prepaid_credit": 10000, "promotions": -10000}


def test_bought_credit_that_expires_is_breakage() -> None:
    assert booked(credit_expired(movement(CreditSource.purchased))) == {"prepaid_credit": 10000, "breakage": -10000}


def test_credit_that_is_taken_back_goes_where_it_came_from() -> None:
    assert booked(credit_revoked(movement(CreditSource.purchased))) == {"prepaid_credit": 10000, "customer_credit": -10000}
    assert booked(credit_revoked(movement(CreditSource.promotional))) == {"prepaid_credit": 10000, "promotions": -10000}


def test_who_paid_for_a_grant_is_never_guessed() -> None:
    with pytest.raises(ValueError, match="paid_from: is given for purchased credit"):
        credit_granted(movement(CreditSource.purchased))
    with pytest.raises(ValueError, match="paid_from: is given for purchased credit"):
        credit_granted(movement(CreditSource.promotional), "cash:stripe")


def test_what_is_not_money_books_nothing() -> None:
    assert payment_received(Payment(key="P-0", at=NOW, customer="c-1", parts=(), over=eur(0)), "stripe") is None
