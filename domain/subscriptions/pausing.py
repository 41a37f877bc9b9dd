"""Pausing a subscription: nothing is billed and nothing may be used, and what was billed for the pause is not lost."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from domain.billing.proration import Basis, Cut
from domain.catalogue import Timing
from domain.errors import BadInput, Conflict
from domain.subscriptions.ending import When, period_end
from domain.subscriptions.facts import Pausing, Progress, Subscription
from domain.subscriptions.policies import PausedTime, PausePolicy
from domain.subscriptions.renewal import charge_of
from domain.subscriptions.suspended_time import billed_again
from domain.values import Instant, StrictValue


class PauseCommand(StrictValue):
    """Pause `when`: now, at the end of the period, or at a date; `until` is when it goes on by itself. `version` is the one it
    was seen at."""

    by: Annotated[str, Field(min_length=1, max_length=120)]
    when: When | Instant = When.now
    until: Instant | None = None
    version: int | None = None


def pausing(subscription: Subscription, command: PauseCommand, now: datetime) -> Pausing:
    """The pause that is asked for. BadInput for dates that are past or in the wrong order; Conflict where it is paused, or ends
    before it."""
    if subscription.paused_since is not None:
        raise Conflict(f"subscription {subscription.id} is paused since {subscription.paused_since:%Y-%m-%d}")
    at = command.when
    if not isinstance(at, datetime):
        at = now if at is When.now else period_end(subscription, now)
    if at < now:
        raise BadInput("when", f"{at:%Y-%m-%d %H:%M} UTC is past; now is {now:%Y-%m-%d %H:%M} UTC")
    if command.until is not None and command.until <= at:
        raise BadInput("until", f"has to be after {at:%Y-%m-%d %H:%M} UTC, when the pause begins")
    ending = subscription.ending
    if ending is not None and ending.at <= at:
        raise Conflict(f"subscription {subscription.id} ends on {ending.at:%Y-%m-%d}, before the pause would begin")
    return Pausing(at=at, until=command.until, by=command.by)


def gives_back(subscription: Subscription, policy: PausePolicy) -> bool:
    """Whether what was billed beyond a pause is given back when it begins."""
    return policy.unused is PausedTime.credit and subscription.price.proration.by is not Basis.none


def resumed(subscription: Subscription, now: datetime, policy: PausePolicy) -> Subscription:
    """As it goes on. What was given back is billed anew from now to the end of the period that now lies in; what was not is
    there again, and the periods that follow it begin as much later as the pause lasted."""
    since = subscription.paused_since
    if since is None:
        return subscription
    again = gives_back(subscription, policy)
    progress = tuple(
        billed_again(subscription, each, since, now) if again else _later(subscription, each, since, now)
        for each in subscription.progress
    )
    return subscription.model_copy(update={"progress": progress, "paused_since": None, "pausing": None})


def given_back_from(subscription: Subscription, at: datetime, lines: list[str]) -> Subscription:
    """What was billed beyond `at`, these lines, is billed anew once it goes on; a trial is not."""
    progress = tuple(
        each if each.until <= at or each.until == subscription.trial_ends else each.model_copy(update={"until": at})
        for each in subscription.progress
    )
    return subscription.model_copy(update={"progress": progress, "given_back": tuple(lines), "paid_until": at})


def _later(subscription: Subscription, progress: Progress, since: datetime, now: datetime) -> Progress:
    """As much later as the pause lasted. What is charged afterwards was used up to the pause and is not billed yet: its period
    begins later too, so that it is charged for what was used of it before the pause and what is after."""
    left = progress.until - since
    if charge_of(subscription, progress.charge).timing is Timing.advance:
        left = max(left, timedelta(0))
    return progress.model_copy(update={"anchor": now + left, "until": now + left, "starts": Cut.start})
