"""Recurring revenue: what a month of a subscription comes to by its prices, and how that moves."""

from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from domain.billing.exact import decimal_of, rounded
from domain.billing.grid import DAYS, MONTHS
from domain.billing.rates import rate
from domain.catalogue import RecurringCharge
from domain.money import Money
from domain.subscriptions.facts import Subscription
from domain.subscriptions.renewal import charge_of

YEAR_OF_DAYS = {1: 365, 7: 52}
"""How many periods of so many days a year is taken to have."""


class Movement(StrEnum):
    new = "new"
    """It is charged for the first time."""
    expansion = "expansion"
    contraction = "contraction"
    """Also to nothing, while it is paused, or suspended without being charged."""
    reactivation = "reactivation"
    """It is charged again, after it was paused or suspended."""
    churn = "churn"
    """It has ended, and was charged until then."""


def monthly_revenue(subscription: Subscription, now: datetime) -> Money:
    """What a month of it comes to: each recurring charge at the price and quantity of its running period, before discounts, and
    with tax only where the price includes it. A charge of a year counts a 12th, of a quarter a third, of a week 52 12ths, and
    of a day 365 12ths. The sum is rounded once, half up.

    One-off and usage charges are not in it. It is zero during the trial, while the subscription is paused, while it is
    suspended and not charged for that, and from its end on.
    """
    if _rests(subscription, now):
        return Money.zero(subscription.currency)
    total = sum((_monthly(subscription, each.charge) for each in subscription.progress), Fraction(0))
    return rounded(decimal_of(total), subscription.currency)


def begins_at(subscription: Subscription) -> datetime:
    """From when on it is charged."""
    return max(filter(None, [subscription.started_at, subscription.trial_ends]))


def _rests(subscription: Subscription, now: datetime) -> bool:
    stands = (subscription.ended_at, subscription.paused_since, subscription.billing_stop)
    return any(each is not None for each in stands) or now < begins_at(subscription)


def _monthly(subscription: Subscription, charge: str) -> Fraction:
    found = charge_of(subscription, charge)
    return Fraction(rate(found.model, subscription.quantity).amount) * _months(found)


def _months(charge: RecurringCharge) -> Fraction:
    """By how much the price of a period is multiplied to come to that of a month."""
    if (months := MONTHS.get(charge.interval)) is not None:
        return Fraction(1, months * charge.interval_count)
    return Fraction(YEAR_OF_DAYS[DAYS[charge.interval]], 12 * charge.interval_count)
