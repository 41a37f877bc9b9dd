"""What a customer is reminded of before it happens: that a year or more is renewed, and that a trial ends."""

from datetime import datetime

from domain.billing.grid import Interval
from domain.catalogue import RecurringCharge, Timing
from domain.messages import MessageKind
from domain.subscriptions.facts import Subscription
from domain.subscriptions.policies import ReminderPolicy
from domain.subscriptions.renewal import charge_of, following
from domain.values import Instant, Value

YEAR = {Interval.month: 12, Interval.quarter: 4, Interval.year: 1}
"""How many of each are a year. Who is charged that seldom may have forgotten it."""


class Reminder(Value):
    """To be sent at `at`, of what happens at `about`."""

    kind: MessageKind
    at: Instant
    about: Instant


def reminders(subscription: Subscription, policy: ReminderPolicy, now: datetime) -> list[Reminder]:
    """Those that lie ahead, each once for what it is about. None where it ends before, and at once where less time is left than
    the policy says."""
    found = []
    trial, ending = subscription.trial_ends, subscription.ending
    if trial is not None and now < trial and (ending is None or ending.at > trial) and subscription.ended_at is None:
        found.append(Reminder(kind=MessageKind.trial_ending, at=max(now, trial - policy.trial), about=trial))
    renews = renews_at(subscription)
    if renews is not None and now < renews:
        found.append(Reminder(kind=MessageKind.renewal_reminder, at=max(now, renews - policy.renewal), about=renews))
    return [each for each in found if each.about not in subscription.reminded_of]


def may_be_reminded(subscription: Subscription, now: datetime) -> bool:
    """Whether there is anything ahead that customers are reminded of, whatever the policy."""
    in_trial = subscription.trial_ends is not None and now < subscription.trial_ends
    return in_trial or renews_at(subscription) is not None


def renews_at(subscription: Subscription) -> datetime | None:
    """When a year or more that is paid in advance begins anew; None where nothing of the kind lies ahead."""
    starts = [due.service.start for due in following(subscription) if _is_long(charge_of(subscription, due.charge))]
    return min((start for start in starts if start != subscription.trial_ends), default=None)


def _is_long(charge: RecurringCharge) -> bool:
    return charge.timing is Timing.advance and charge.interval_count >= YEAR.get(charge.interval, 1000)
