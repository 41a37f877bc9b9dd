"""What a change costs and gives back, and that every instant of a service is billed once, whatever it is changed to."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.billing.calendar import Period
from domain.billing.debits import Debit
from domain.billing.lines import InvoiceLine
from domain.billing.proration import Basis, ProrationPolicy
from domain.catalogue import Plan, Price
from domain.money import Money
from domain.subscriptions.changes import Target, credit_line, is_dearer, moved, unused
from domain.subscriptions.facts import Progress, Subscription
from domain.subscriptions.policies import MissedCycles
from domain.subscriptions.renewal import line_of, renewed
from tests.domain.samples import eur, plan

START = datetime(2026, 4, 1, tzinfo=UTC)


def priced(name: str, amount: str, interval: str = "month", by: Basis = Basis.second, **charge: object) -> Price:
    fee = {"kind": "recurring", "name": "Fee", "unit_amount": amount, "interval": interval, **charge}
    return Price.model_validate(
        {"id": name, "plan": name, "currency": "EUR", "charges": [fee], "proration": ProrationPolicy(by=by)}
    )


def begun(price: Price, quantity: int = 1) -> Subscription:
    return Subscription(
        id="S-1-1",
        customer="C-1",
        legal_entity="main",
        order="O-1",
        item="1",
        product="crm",
        plan=price.plan,
        plan_name=price.plan,
        quantity=quantity,
        currency="EUR",
        price=price,
        started_at=START,
        progress=(Progress(charge="charge-1", anchor=START, number=0, until=START),),
    )


def target(price: Price, quantity: int = 1) -> Target:
    named: Plan = plan(price.plan, "crm")
    return Target(plan=named, price=price, quantity=quantity)


def billed_to(subscription: Subscription, now: datetime) -> tuple[Subscription, list[InvoiceLine]]:
    made = renewed(subscription, now)
    return made.subscription, [line_of(subscription, due) for due in made.charged]


def debit(line: InvoiceLine, paid: Money | None = None, discount: int = 0, tax: int = 0) -> Debit:
    assert line.period is not None
    taken, taxed = eur(discount), eur(tax)
    gross = line.amount - taken + taxed
    return Debit(
        id=line.id, period=line.period, amount=line.amount, discount=taken, tax=taxed, paid=gross if paid is None else paid
    )


def test_an_upgrade_half_way_gives_half_back_and_charges_half_of_the_new_price() -> None:
    before, lines = billed_to(begun(priced("small", "30.00")), START)
    at = START + timedelta(days=15)
    made = moved(before, target(priced("large", "60.00")), at)
    back = unused(before, debit(lines[0]), at)
    assert back is not None
    assert back.gross == eur(1500)
    assert [line.amount for line in made.lines] == [eur(3000)]
    assert made.subscription.progress[0].anchor == START
    assert made.subscription.progress[0].until == datetime(2026, 5, 1, tzinfo=UTC)
    assert len({line.id for line in (*lines, *made.lines)}) == 2


@pytest.mark.money_case(4)
@pytest.mark.money_case(5)
@pytest.mark.money_case(8)
def test_what_is_given_back_is_of_the_price_paid_with_its_discount_and_tax() -> None:
    before, lines = billed_to(begun(priced("small", "30.00")), START)
    dearer_today = priced("small", "90.00")
    at = START + timedelta(days=10)
    back = unused(before.model_copy(update={"price": dearer_today}), debit(lines[0], discount=600, tax=456), at)
    assert back is not None
    assert (back.net, back.tax, back.discount) == (eur(1600), eur(304), eur(400))
    line = credit_line(lines[0], "I-1", back)
    assert line is not None
    assert line.amount == eur(-1600)


@pytest.mark.money_case(7)
def test_nothing_is_given_back_of_what_was_never_paid() -> None:
    before, lines = billed_to(begun(priced("small", "30.00")), START)
    back = unused(before, debit(lines[0], paid=eur(0)), START + timedelta(days=15))
    assert back is not None
    assert (back.gross, back.unpaid) == (eur(0), eur(1500))
    assert credit_line(lines[0], "I-1", back) is None


def test_another_interval_begins_a_new_anchor_and_nothing_is_prorated_where_the_price_says_so() -> None:
    before, _ = billed_to(begun(priced("small", "30.00")), START)
    at = START + timedelta(days=15)
    yearly = moved(before, target(priced("yearly", "300.00", "year")), at)
    assert [line.amount for line in yearly.lines] == [eur(30000)]
    assert (yearly.subscription.progress[0].anchor, yearly.subscription.progress[0].until) == (
        at,
        datetime(2027, 4, 16, tzinfo=UTC),
    )
    whole, lines = billed_to(begun(priced("small", "30.00", by=Basis.none)), START)
    kept = moved(whole, target(priced("large", "60.00", by=Basis.none)), at)
    assert unused(whole, debit(lines[0]), at) is None
    assert kept.lines == ()
    assert kept.subscription.progress[0].until == datetime(2026, 5, 1, tzinfo=UTC)


def test_prices_of_different_intervals_are_compared_by_what_a_year_costs() -> None:
    monthly = begun(priced("monthly", "30.00"))
    assert not is_dearer(monthly, target(priced("yearly", "300.00", "year")))
    assert is_dearer(monthly, target(priced("weekly", "7.00", "week")))


THREE_HOURS = timedelta(hours=3)
"""No shorter, so that every part costs something, and has a line."""
PRICES = [
    priced("monthly", "31.00"),
    priced("cheap", "11.11"),
    priced("yearly", "365.00", "year"),
    priced("weekly", "9.00", "week"),
    priced("aligned", "50.00", alignment={"day_of_month": 15}),
    priced("afterwards", "20.00", timing="arrears"),
]
MOVES = st.lists(st.tuples(st.integers(0, 60 * 8), st.sampled_from(PRICES), st.integers(1, 5)), min_size=1, max_size=6)


@given(st.sampled_from(PRICES), MOVES)
@settings(max_examples=150, deadline=None)
@pytest.mark.money_case(6)
@pytest.mark.money_case(15)
def test_every_instant_is_billed_once_whatever_is_changed_when(first: Price, moves: Sequence[tuple[int, Price, int]]) -> None:
    subscription, lines = billed_to(begun(first), START)
    spans = [line.period for line in lines if line.period]
    ids = [line.id for line in lines]
    now = START
    for periods, price, quantity in moves:
        now += periods * THREE_HOURS
        subscription, lines = _renewed_up_to(subscription, now)
        spans += [line.period for line in lines if line.period]
        made = moved(subscription, target(price, quantity), now)
        spans = [cut for span in spans if (cut := _until(span, now))] + [line.period for line in made.lines if line.period]
        ids += [line.id for line in (*lines, *made.lines)]
        subscription = made.subscription
    tiled = sorted(spans, key=lambda span: span.start)
    assert len(set(ids)) == len(ids)
    until = subscription.progress[0].until
    if not tiled:
        assert until == START
        return
    assert (tiled[0].start, tiled[-1].end) == (START, until)
    assert all(before.end == after.start for before, after in pairwise(tiled))


def _renewed_up_to(subscription: Subscription, now: datetime) -> tuple[Subscription, list[InvoiceLine]]:
    """Each period when it is due, as the sweep does."""
    lines: list[InvoiceLine] = []
    while True:
        made = renewed(subscription, now, MissedCycles.each)
        if not made.charged:
            return subscription, lines
        lines += [line_of(subscription, due) for due in made.charged]
        subscription = made.subscription


def _until(span: Period, at: datetime) -> Period | None:
    """What is left of a billed period once the rest of it was given back."""
    return span if span.end <= at else Period(start=span.start, end=at) if span.start < at else None
