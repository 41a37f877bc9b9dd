"""Time in which a subscription is suspended is billed, or not, by policy, and exactly up to its ends."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.billing.calendar import Period
from domain.billing.proration import Basis
from domain.subscriptions.facts import BillingStop, Ending, EndReason, Subscription
from domain.subscriptions.policies import MissedCycles, SuspendedTime, SuspensionPolicy
from domain.subscriptions.renewal import line_of, renewed
from domain.subscriptions.suspended_time import going_on, stop_of
from tests.domain.samples import eur
from tests.domain.subscriptions.test_changes import START, begun, billed_to, priced

STOP = SuspensionPolicy(billing=SuspendedTime.stop)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def test_nothing_stops_where_the_policy_or_the_price_says_so() -> None:
    assert stop_of(begun(priced("small", "30.00")), START, SuspensionPolicy()) is None
    assert stop_of(begun(priced("small", "30.00", by=Basis.none)), START, STOP) is None
    credit = SuspensionPolicy(billing=SuspendedTime.credit)
    assert stop_of(begun(priced("small", "30.00")), START, credit) == BillingStop(since=START, mode=SuspendedTime.credit)


@pytest.mark.parametrize(
    ("since", "until", "minors"),
    [
        # over a boundary: 16 of May's 31 days, from 16 May on
        ((4, 11), (5, 16), [1600, 3100]),
        # from a boundary to a boundary: all of May is not charged, and all of June is
        ((5, 1), (6, 1), [3100]),
        # within what is billed: nothing changes
        ((4, 11), (4, 20), [3100, 3100]),
        # up to the very end of what is billed
        ((4, 11), (5, 1), [3100, 3100]),
    ],
)
def test_what_begins_while_it_is_suspended_is_not_billed(
    since: tuple[int, int], until: tuple[int, int], minors: list[int]
) -> None:
    before, _ = billed_to(begun(priced("small", "31.00")), START)
    stopped = before.model_copy(
        update={"billing_stop": BillingStop(since=datetime(2026, *since, tzinfo=UTC), mode=SuspendedTime.stop)}
    )
    end = datetime(2026, *until, tzinfo=UTC)
    assert renewed(stopped, end).charged == ()
    made = renewed(going_on(stopped, end), JUNE, MissedCycles.each)
    assert [line_of(made.subscription, due).amount for due in made.charged] == [eur(minor) for minor in minors]
    assert {each.anchor for each in made.subscription.progress} == {START}


HOUR = timedelta(hours=1)
SPANS = st.lists(st.integers(1, 24 * 40), min_size=2, max_size=8)


@given(st.sampled_from(["advance", "arrears"]), st.sampled_from(["second", "day", "thirty"]), SPANS)
@settings(max_examples=60, deadline=None)
def test_no_instant_is_billed_twice_and_each_that_could_be_used_is_billed(timing: str, by: str, hours: list[int]) -> None:
    """Suspended and taken back in turn, each so many hours after the one before."""
    subscription: Subscription = begun(priced("small", "31.00", by=Basis(by), timing=timing))
    now, spans, suspended = START, list[Period](), list[Period]()
    for since, lasting in zip(hours[::2], hours[1::2], strict=False):
        subscription, now = _billed(subscription, now + since * HOUR, spans), now + since * HOUR
        closing = subscription
        if timing == "arrears":
            until = Ending(at=now, reason=EndReason.requested, by="")
            made = renewed(subscription.model_copy(update={"ending": until}), now, MissedCycles.each)
            spans += [Period(start=due.service.start, end=due.service.end) for due in made.charged]
            closing = made.subscription.model_copy(update={"ending": None})
        stop = BillingStop(since=now, mode=SuspendedTime.stop)
        subscription = _billed(closing.model_copy(update={"billing_stop": stop}), now + lasting * HOUR, spans)
        suspended.append(Period(start=now, end=now + lasting * HOUR))
        now += lasting * HOUR
        subscription = going_on(subscription, now)
    subscription = _billed(subscription, now + 24 * 70 * HOUR, spans)
    spans.sort(key=lambda span: span.start)
    for one, other in pairwise(spans):
        assert one.end <= other.start
        gap = by == "second" and one.end != other.start
        assert not gap or [each for each in suspended if each.start <= one.end and other.start == each.end]
    assert not [span for span in spans for each in suspended if span.start in each and each.start < span.start]


def _billed(subscription: Subscription, now: datetime, spans: list[Period]) -> Subscription:
    made = renewed(subscription, now, MissedCycles.each)
    spans += [Period(start=due.service.start, end=due.service.end) for due in made.charged]
    return made.subscription
