"""An invoice takes the balance first and then prepaid credit, and leaves the rest."""

from datetime import UTC, datetime

import pytest

from domain.billing.balance import CollectionSettings
from domain.billing.credits import CreditGrant, CreditSource, ReservationState, Wallet
from domain.billing.funding import Purse, issued
from domain.billing.invoice_states import InvoiceState
from tests.domain.billing.invoice_samples import invoice
from tests.domain.samples import eur

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = NOW.date()


def purse(balance: int, prepaid: int) -> Purse:
    grant = CreditGrant(id="g", amount=eur(prepaid), source=CreditSource.purchased, effective_at=NOW) if prepaid else None
    wallet = Wallet(customer="c-1", currency="EUR", grants=(grant,) if grant else ())
    return Purse(balance=eur(balance), wallet=wallet)


@pytest.mark.parametrize(
    ("balance", "prepaid", "due", "balance_left", "prepaid_left"),
    [
        (0, 0, 11900, 0, 0),
        (2000, 0, 9900, 0, 0),
        (2000, 5000, 4900, 0, 0),
        (0, 20000, 0, 0, 8100),
        (20000, 5000, 0, 8100, 5000),
        (-1000, 0, 12900, 0, 0),
        (-1000, 20000, 0, 0, 7100),
    ],
)
def test_an_invoice_of_119_takes_what_there_is(
    balance: int, prepaid: int, due: int, balance_left: int, prepaid_left: int
) -> None:
    done, left = issued(invoice(10000), purse(balance, prepaid), NOW, TODAY, CollectionSettings())
    assert (done.amount_due, left.balance) == (eur(due), eur(balance_left))
    assert sum(grant.left.minor for grant in left.wallet.grants) == prepaid_left


def test_what_it_takes_of_prepaid_credit_is_committed_under_its_id() -> None:
    done, left = issued(invoice(10000), purse(0, 5000), NOW, TODAY, CollectionSettings())
    held = left.wallet.reservation(done.id)
    assert held is not None
    assert held.state is ReservationState.committed


def test_a_negative_invoice_leaves_prepaid_credit_alone() -> None:
    done, left = issued(invoice(-10000), purse(0, 5000), NOW, TODAY, CollectionSettings())
    assert (done.state, left.balance, left.wallet.grants[0].left) == (InvoiceState.paid, eur(11900), eur(5000))
