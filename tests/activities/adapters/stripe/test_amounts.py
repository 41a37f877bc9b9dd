"""Stripe's units: those of its documentation, which are not always ISO's."""

import pytest

from activities.adapters.gateway.stripe.amounts import from_stripe, to_stripe
from domain.errors import Refused
from domain.money import Money


@pytest.mark.parametrize(
    ("minor", "currency", "units"),
    [
        (1999, "EUR", 1999),
        (500, "JPY", 500),  # zero-decimal at both
        (500, "ISK", 50_000),  # ISO: 0 decimals, Stripe: 2 for backward compatibility
        (5, "UGX", 500),
        (12_300, "MGA", 123),  # ISO: 2 decimals, Stripe: none
        (5_120, "KWD", 5_120),  # three decimals, the last of them 0
    ],
)
def test_an_amount_goes_there_and_back(minor: int, currency: str, units: int) -> None:
    assert to_stripe(Money(minor=minor, currency=currency)) == units
    assert from_stripe(units, currency.lower()) == Money(minor=minor, currency=currency)


@pytest.mark.parametrize(("minor", "currency"), [(5_123, "KWD"), (12_345, "MGA")])
def test_what_stripe_cannot_express_is_refused(minor: int, currency: str) -> None:
    with pytest.raises(Refused, match="amount: "):
        to_stripe(Money(minor=minor, currency=currency))
