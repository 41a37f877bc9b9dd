"""Whatever the cadence, the zone, the steps of time, the moves of the price and the end: each instant is billed once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.billing.debits import Debit
from domain.catalogue import Price
from domain.money import Money
from domain.subscriptions.ending import unused
from domain.subscriptions.facts import Ending, EndReason, Progress, Subscription
from domain.subscriptions.policies import MissedCycles
from domain.subscriptions.renewal import DuePeriod, line_of, next_renewal, renewed

ZONES = ("UTC", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe")
FIRST = datetime(2023, 1, 1, tzinfo=UTC)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
MINUTES = st.integers(0, 500 * 24 * 60)


@st.composite
def charges(draw: st.DrawFn, name: str) -> dict[str, Any]:
    interval = draw(st.sampled_from(["week", "month", "quarter", "year"]))
    alignment = {"weekday": 1} if interval == "week" else {"day_of_month": draw(st.sampled_from([1, 15, 31]))}
    return {
        "kind": "recurring",
        "id": name,
        "name": name,
        "unit_amount": draw(st.sampled_from(["9.99", "10", "0.37"])),
        "interval": interval,
        "interval_count": draw(st.integers(1, 3)),
        "timing": draw(st.sampled_from(["advance", "arrears"])),
        "alignment": alignment if draw(st.booleans()) else None,
        "stub": draw(st.sampled_from(["short", "long", "free"])),
    }


@st.composite
def prices(draw: st.DrawFn, version: int = 1, moves_at: datetime | None = None) -> Price:
    names = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2, unique=True))
    given_ = [draw(charges(name)) for name in names]
    return Price.model_validate(
        {
            "id": "p",
            "plan": "l",
            "currency": "EUR",
            "version": version,
            "charges": given_,
            "moves_existing_at": moves_at,
            "proration": {
                "by": draw(st.sampled_from(["second", "day", "thirty"])),
                "change_day": draw(st.sampled_from(["new", "old"])),
                "bill_termination_day": draw(st.booleans()),
            },
        }
    )


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    """One that has just begun, of which nothing is billed."""
    price, anchor = draw(prices()), FIRST + timedelta(minutes=draw(st.integers(0, 400 * 24 * 60)))
    return Subscription(
        id="S-1-1",
        customer="c",
        legal_entity="main",
        order="O-1",
        item="1",
        product="l",
        plan="l",
        plan_name="L",
        quantity=draw(st.integers(1, 3)),
        currency="EUR",
        price=price,
        timezone=draw(st.sampled_from(ZONES)),
        started_at=anchor,
        progress=tuple(Progress(charge=each.id or "", anchor=anchor, number=0, until=anchor) for each in price.charges),
    )


def billed(
    subscription: Subscription, instants: Sequence[datetime], later: Sequence[Price] = ()
) -> tuple[Subscription, list[DuePeriod]]:
    due: list[DuePeriod] = []
    for now in instants:
        made = renewed(subscription, now, MissedCycles.each, later)
        again = renewed(made.subscription, now, MissedCycles.each, later)
        assert (again.charged, again.waived, again.subscription) == ((), (), made.subscription)
        subscription, due = made.subscription, [*due, *made.charged]
    return subscription, due


def spans(due: Sequence[DuePeriod], charge: str) -> list[tuple[datetime, datetime]]:
    return [(each.service.start, each.service.end) for each in due if each.charge == charge]


@QUICK
@given(subscriptions(), st.lists(MINUTES, min_size=1, max_size=4))
def test_periods_have_no_gap_and_no_overlap_whatever_the_steps_of_time(subscription: Subscription, steps: list[int]) -> None:
    instants = sorted(subscription.started_at + timedelta(minutes=step) for step in steps)
    after, due = billed(subscription, instants)
    _, at_once = billed(subscription, instants[-1:])
    for progress in after.progress:
        found = spans(due, progress.charge)
        assert found == spans(at_once, progress.charge)
        assert [start for start, _ in found] == [subscription.started_at, *(end for _, end in found[:-1])][: len(found)]
        assert progress.until == (found[-1][1] if found else subscription.started_at)
    keys = [line_of(after, each).id for each in due]
    assert len(keys) == len(set(keys))
    ahead = next_renewal(after)
    assert ahead is not None
    assert ahead > instants[-1]


@QUICK
@given(subscriptions(), MINUTES, st.lists(MINUTES, min_size=1, max_size=4))
def test_an_end_that_is_decided_is_the_end_of_what_is_billed(subscription: Subscription, end: int, steps: list[int]) -> None:
    at = subscription.started_at + timedelta(minutes=end + 1)
    ending = subscription.model_copy(update={"ending": Ending(at=at, reason=EndReason.requested, by="t")})
    instants = sorted({at, *(at + timedelta(minutes=step - 250 * 24 * 60) for step in steps)})
    after, due = billed(ending, [each for each in instants if each >= subscription.started_at])
    for progress in after.progress:
        assert spans(due, progress.charge)[-1][1] == at
    assert next_renewal(after) is None


@QUICK
@given(subscriptions(), MINUTES, st.data())
def test_a_moved_price_leaves_no_gap_and_no_overlap(subscription: Subscription, minutes: int, data: st.DataObject) -> None:
    moves_at = subscription.started_at + timedelta(minutes=minutes // 3)
    later = data.draw(prices(version=2, moves_at=moves_at))
    instants = sorted(subscription.started_at + timedelta(minutes=minutes // 4 * step) for step in range(1, 5))
    after, due = billed(subscription, instants, [later])
    for charge in {each.charge for each in due}:
        found = [each for each in due if each.charge == charge]
        assert all(one.service.end == next_.service.start for one, next_ in pairwise(found))
        assert all((each.price or subscription.price).version == 1 for each in found if each.service.start < moves_at)
        kept = charge in {each.id for each in subscription.price.charges}
        assert not kept or found[0].service.start == subscription.started_at
    keys = [line_of(after, each).id for each in due]
    assert len(keys) == len(set(keys))
    if after.price.version == 2:
        assert {each.id for each in later.charges} <= {each.charge for each in after.progress}


def nth(subscription: Subscription, number: int) -> DuePeriod:
    """The period of its only charge that is the `number`-th."""
    made = renewed(subscription, next_renewal(subscription) or FIRST)
    [period] = made.charged
    return period if period.number == number else nth(made.subscription, number)


@QUICK
@given(subscriptions(), st.integers(0, 2), st.floats(0.001, 0.999))
def test_what_is_billed_less_what_is_given_back_is_what_was_used(subscription: Subscription, number: int, into: float) -> None:
    none = Money.zero("EUR")
    for charge in subscription.progress:
        period = nth(subscription.model_copy(update={"progress": (charge,)}), number)
        line = line_of(subscription, period)
        whole = line.amount
        at = period.service.start + (period.service.end - period.service.start) * into
        debit = Debit(
            id="x",
            period=period.service.model_copy(),
            shares=line.shares,
            amount=whole,
            discount=none,
            tax=none,
            paid=whole,
            quantity=subscription.quantity,
        )
        credit = unused(subscription, debit, at)
        ended = subscription.model_copy(
            update={
                "ending": Ending(at=at, reason=EndReason.requested, by="t"),
                "progress": (charge.model_copy(update={"number": number, "until": period.service.start}),),
            }
        )
        [used] = renewed(ended, at, MissedCycles.each).charged
        given_back = credit.gross if credit else none
        assert abs((whole - given_back - line_of(subscription, used).amount).minor) <= 1
