"""What a month of a subscription comes to."""

from datetime import timedelta

import pytest

from domain.catalogue import Price
from domain.money import Money
from domain.subscriptions.facts import BillingStop, Progress, Subscription
from domain.subscriptions.policies import SuspendedTime
from domain.subscriptions.recurring_revenue import monthly_revenue
from tests.domain.samples import eur
from tests.domain.subscriptions.test_changes import START, begun, priced


@pytest.mark.parametrize(
    ("amount", "interval", "count", "month"),
    [
        ("10.00", "month", 1, 1000),
        ("120.00", "year", 1, 1000),
        ("100.00", "year", 1, 833),
        ("240.00", "year", 2, 1000),
        ("25.00", "quarter", 1, 833),
        ("50.00", "month", 6, 833),
        ("3.00", "week", 1, 1300),
        ("6.00", "week", 2, 1300),
        ("1.20", "day", 1, 3650),
        ("0.06", "year", 1, 1),
    ],
)
def test_every_interval_is_brought_to_a_month_and_rounded_half_up(amount: str, interval: str, count: int, month: int) -> None:
    """100.00 / 12 = 8.333…; 3.00 × 52 / 12 = 13.00; 1.20 × 365 / 12 = 36.50; 0.06 / 12 = 0.005."""
    assert monthly_revenue(begun(priced("one", amount, interval, interval_count=count)), START) == eur(month)


def test_charges_are_added_before_they_are_rounded_and_what_does_not_recur_is_not_in_it() -> None:
    """3 × 1.00 a year is 0.25 a month, 0.10 a year 0.00833…, and once 99.00 nothing."""
    yearly = {"kind": "recurring", "interval": "year"}
    charges = [
        {**yearly, "name": "Seat", "unit_amount": "1.00"},
        {**yearly, "name": "Line", "unit_amount": "0.10", "per": "item"},
        {"kind": "one_time", "name": "Setup", "unit_amount": "99.00"},
    ]
    price = Price.model_validate({"id": "p", "plan": "p", "currency": "EUR", "charges": charges})
    both = tuple(Progress(charge=f"charge-{number}", anchor=START, number=0, until=START) for number in (1, 2))
    assert monthly_revenue(begun(price, 3).model_copy(update={"progress": both}), START) == eur(26)


def test_tiers_are_priced_by_the_quantity() -> None:
    """10 at 5.00 and 5 at 4.00 are 70.00."""
    rate = {"model": "graduated", "tiers": [{"up_to": 10, "unit_amount": "5.00"}, {"unit_amount": "4.00"}]}
    charge = {"kind": "recurring", "name": "Seat", "rate": rate}
    price = Price.model_validate({"id": "p", "plan": "p", "currency": "EUR", "charges": [charge]})
    assert monthly_revenue(begun(price, 15), START) == eur(7000)


def test_a_charge_counts_by_the_version_of_its_price_that_its_period_goes_by() -> None:
    subscription = begun(priced("one", "30.00"))
    [progress] = subscription.progress
    own = progress.model_copy(update={"price": priced("one", "20.00")})
    assert monthly_revenue(subscription.model_copy(update={"progress": (own,)}), START) == eur(2000)


@pytest.mark.parametrize(
    "resting",
    [
        {"trial_ends": START + timedelta(days=1)},
        {"paused_since": START},
        {"billing_stop": BillingStop(since=START, mode=SuspendedTime.stop)},
        {"ended_at": START},
        {"progress": ()},
    ],
    ids=lambda each: next(iter(each)),
)
def test_what_is_not_charged_comes_to_nothing(resting: dict[str, object]) -> None:
    subscription: Subscription = begun(priced("one", "30.00")).model_copy(update=resting)
    assert monthly_revenue(subscription, START) == Money.zero("EUR")


def test_what_is_suspended_and_charged_all_the_same_counts_until_it_ends() -> None:
    suspended = begun(priced("one", "30.00")).model_copy(update={"suspended_for": ("non_payment",)})
    assert monthly_revenue(suspended, START) == eur(3000)
