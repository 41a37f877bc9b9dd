"""What the policy says of a payment, by its method and amount."""

import pytest

from domain.capture import Capture, CapturePolicy, NearExpiry, Terms, WhilePending, terms_of
from domain.money import Money
from domain.payment_methods import MethodKind

EUROS = Money(minor=10000, currency="EUR")
BOLD = CapturePolicy(
    cards=Capture.at_once,
    near_expiry=NearExpiry.capture,
    sepa_debit=WhilePending.open,
    ach_debit=WhilePending.build,
    largest=[EUROS],
)


@pytest.mark.parametrize("kind", [*MethodKind, None])
def test_as_shipped_nothing_is_taken_early_and_nothing_risked(kind: MethodKind | None) -> None:
    terms = terms_of(CapturePolicy(), kind, EUROS)

    assert terms.model_copy(update={"days": None}) == Terms()
    assert (terms.days == 21) is (kind is not None and kind.is_debit)


@pytest.mark.parametrize(
    ("kind", "amount", "terms"),
    [
        (MethodKind.card, 10**9, Terms(capture=Capture.at_once, near_expiry=NearExpiry.capture)),
        (MethodKind.wallet, 1, Terms(capture=Capture.at_once, near_expiry=NearExpiry.capture)),
        (MethodKind.sepa_debit, 10000, Terms(pending=WhilePending.open, days=21)),
        (MethodKind.sepa_debit, 10001, Terms(days=21)),
        (MethodKind.ach_debit, 9999, Terms(pending=WhilePending.build, days=21)),
        (MethodKind.transfer, 1, Terms()),
        (None, 1, Terms()),
    ],
)
def test_each_kind_of_method_goes_by_its_own_field(kind: MethodKind | None, amount: int, terms: Terms) -> None:
    assert terms_of(BOLD, kind, Money(minor=amount, currency="EUR")) == terms


def test_a_currency_that_has_no_largest_amount_is_not_trusted_where_others_have_one() -> None:
    dollars = Money(minor=1, currency="USD")
    assert terms_of(BOLD, MethodKind.sepa_debit, dollars).pending is WhilePending.wait
    assert terms_of(BOLD.model_copy(update={"largest": []}), MethodKind.sepa_debit, dollars).pending is WhilePending.open
