"""What is billed for time in which a subscription is suspended, by the policy that held when it was."""

from datetime import datetime, timedelta

from domain.billing.proration import Basis, Cut
from domain.billing.zones import local_date, midnight, zone_of
from domain.subscriptions.facts import BillingStop, Progress, Subscription
from domain.subscriptions.moved_prices import price_at
from domain.subscriptions.policies import SuspendedTime, SuspensionPolicy
from domain.subscriptions.renewal import charge_of, is_stopped


def stop_of(subscription: Subscription, now: datetime, policy: SuspensionPolicy) -> BillingStop | None:
    """What a suspension from now on stops; None where billing goes on, as where a price prorates nothing."""
    if policy.billing is SuspendedTime.go_on or subscription.price.proration.by is Basis.none:
        return None
    return BillingStop(since=now, mode=policy.billing)


def going_on(subscription: Subscription, now: datetime) -> Subscription:
    """Billed again from now on, by the anchors that it has: what was not billed up to now never is."""
    stop = subscription.billing_stop
    if stop is None:
        return subscription
    progress = tuple(
        billed_again(subscription, each, stop.since, now) if is_stopped(subscription, each) else each
        for each in subscription.progress
    )
    return subscription.model_copy(update={"progress": progress, "billing_stop": None})


def billed_again(subscription: Subscription, progress: Progress, since: datetime, now: datetime) -> Progress:
    """Of a charge that was not billed from `since` to now; what is billed further already stays so. Where days are counted, and
    the day on which it stopped was billed, that day is not billed twice."""
    if progress.until > now:
        return progress
    policy, zone = price_at(subscription, progress).proration, zone_of(subscription.timezone)
    day = local_date(since, zone)
    counted = policy.by in {Basis.day, Basis.thirty} and policy.bill_termination_day and local_date(now, zone) == day
    if counted and since > midnight(day, zone) and progress.until == since and not _begins_at(subscription, progress, since):
        return progress.model_copy(update={"until": midnight(day + timedelta(days=1), zone), "starts": Cut.start})
    return progress.model_copy(update={"until": now, "starts": Cut.start})


def _begins_at(subscription: Subscription, progress: Progress, instant: datetime) -> bool:
    """Whether one of its periods does, so that the one before it has no part of that day."""
    schedule = charge_of(subscription, progress.charge).schedule(progress.anchor, subscription.timezone)
    return instant <= progress.anchor or schedule.at(instant).start == instant
