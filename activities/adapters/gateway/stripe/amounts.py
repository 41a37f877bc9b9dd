"""Stripe's smallest units, which are not always those of ISO 4217.

Source: Stripe, "Supported currencies" (https://docs.stripe.com/currencies): zero-decimal currencies, the special cases ISK and
UGX (charged with two decimals for backward compatibility), and three-decimal currencies, whose last digit has to be 0.
"""

from domain.errors import Refused
from domain.money import Money, exponent

DECIMALS = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe's decimals differ from ISO's."""


def to_stripe(amount: Money) -> int:
    """Raises Refused for an amount that Stripe cannot express."""
    iso, theirs = exponent(amount.currency), DECIMALS.get(amount.currency, exponent(amount.currency))
    if theirs >= iso:
        units = amount.minor * int(10 ** (theirs - iso))
    else:
        units, rest = divmod(amount.minor, 10 ** (iso - theirs))
        if rest:
            raise Refused(f"amount: {amount} has more decimals than Stripe takes in {amount.currency}", "amount_invalid")
    if iso == 3 and units % 10:
        raise Refused(f"amount: {amount} should end in 0: Stripe takes two of the three decimals", "amount_invalid")
    return units


def from_stripe(units: int, currency: str) -> Money:
    """ValueError where it is no whole number of minor units."""
    code = currency.upper()
    iso, theirs = exponent(code), DECIMALS.get(code, exponent(code))
    if theirs <= iso:
        return Money(minor=units * 10 ** (iso - theirs), currency=code)
    minor, rest = divmod(units, 10 ** (theirs - iso))
    if rest:
        raise ValueError(f"{units} of Stripe's units are no whole {code}")
    return Money(minor=minor, currency=code)
