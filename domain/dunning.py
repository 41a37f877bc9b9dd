"""What is done about an invoice that is not paid: charging, telling and restricting, on one clock of days."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from domain.billing.zones import local_date, midnight
from domain.messages import MessageKind
from domain.money import Money
from domain.plans import Identifier
from domain.values import Instant, StrictValue, Value

DEFAULT = "default"
CAP_WINDOW = timedelta(days=30)
CAPS = {"visa": 15, "mastercard": 10}
"""Declined payments of one card within 30 days, after which it is not tried again. Visa Core Rules, reattempts after a decline:
15 in 30 days. Mastercard Transaction Processing Rules, excessive authorization attempts: 10, here over 30 days, which is
stricter."""
STRICTEST_CAP = min(CAPS.values())
"""Of a card whose brand nobody has told."""

Day = Annotated[int, Field(ge=0, le=365)]


class Track(StrEnum):
    charge = "charge"
    tell = "tell"
    throttle = "throttle"
    restrict = "restrict"
    end = "end"


class AtEnd(StrEnum):
    cancel = "cancel"
    """The subscriptions end, as unpaid."""
    leave_unpaid = "leave_unpaid"
    """Nothing more is done: what is suspended stays so until it is paid."""
    keep = "keep"
    """They may be used again, and the debt stays."""


class Notice(StrictValue):
    day: Day
    text: MessageKind


class Step(Value):
    day: int
    track: Track
    text: MessageKind | None = None


class DunningPolicy(StrictValue):
    """Days are counted from the due date, which is day 0; an invoice is overdue from day 1. A day begins at midnight where the
    legal entity is. `throttle` slows the service down before `suspend` closes it, as far as the systems that built it can. It
    is for subscriptions of `plans`; `default` is for all that no other one names. Each charge takes one of the `attempts`.
    While a payment of the invoice is under way, as a bank debit is for days, access is not restricted, and what its customer is
    told waits too unless `tell_while_pending`. Nothing is done about a rest of less than `least`, in minor units of the
    invoice's currency: gateways take no such amounts, and nobody should lose a service for a cent."""

    id: Identifier
    plans: Annotated[tuple[Identifier, ...], Field(max_length=200)] = ()
    charge: Annotated[tuple[Day, ...], Field(max_length=30)] = (0, 3, 5, 7)
    attempts: Annotated[int, Field(ge=0, le=30)] = 4
    tell: Annotated[tuple[Notice, ...], Field(max_length=30)] = (
        Notice(day=1, text=MessageKind.reminder),
        Notice(day=7, text=MessageKind.suspension_notice),
    )
    throttle: Day | None = None
    suspend: Day | None = 14
    end: Day = 30
    at_end: AtEnd = AtEnd.cancel
    tell_while_pending: bool = True
    least: Annotated[int, Field(ge=1, le=1_000_000)] = 50

    @model_validator(mode="after")
    def _warned_in_time(self) -> Self:
        notices = [each.day for each in self.tell if each.text is MessageKind.suspension_notice]
        if self.suspend is not None and not any(day < self.suspend for day in notices):
            raise ValueError("tell: needs a suspension_notice at least a day before `suspend`")
        if self.throttle is not None and self.throttle >= (self.end if self.suspend is None else self.suspend):
            raise ValueError("throttle: has to be before `suspend`, and before `end` where nothing is suspended")
        if any(day > self.end for day in (*self.charge, *(each.day for each in self.tell), self.suspend or 0)):
            raise ValueError("end: must be the last day of all")
        return self

    def is_trifle(self, due: Money, of: Money) -> bool:
        """Whether this is what is left of an invoice that was over more; one that is over so little is asked for as any is."""
        return due.minor < self.least <= of.minor

    def steps(self) -> tuple[Step, ...]:
        """In the order in which they are done: of one day, first charge, then tell, then restrict."""
        return tuple(sorted(self._steps(), key=lambda step: (step.day, list(Track).index(step.track))))

    def _steps(self) -> Iterator[Step]:
        yield from (Step(day=day, track=Track.charge) for day in self.charge)
        yield from (Step(day=each.day, track=Track.tell, text=each.text) for each in self.tell)
        if self.throttle is not None:
            yield Step(day=self.throttle, track=Track.throttle)
        if self.suspend is not None:
            yield Step(day=self.suspend, track=Track.restrict)
        yield Step(day=self.end, track=Track.end)


class PublishedPolicy(Value):
    policy: DunningPolicy
    version: int
    published_at: Instant
    published_by: str


SHIPPED = DunningPolicy(id=DEFAULT)


class CaseState(StrEnum):
    open = "open"
    settled = "settled"
    """All that was due is paid, or was taken back."""
    stopped = "stopped"
    """It was given up, or what it was for has ended."""
    exhausted = "exhausted"
    """All steps are done."""


class DunningResult(StrEnum):
    """How a case came out."""

    recovered = "recovered"
    """All that was still to be paid is, some of it while the case was open."""
    lost = "lost"
    """It was given up, all steps were done, or what it was for has ended."""
    withdrawn = "withdrawn"
    """Nothing was to be paid any more, as by a credit note."""


class DunningCase(Value):
    """Of one invoice; `subscription` is whose process carries it out. It goes by the policy as it was when it was opened.
    `anchor` is day 0; `done` counts the steps that are done, `attempts_left` the charges that may still be made by themselves.
    `refusing` are payment methods that were declined for good. `opening` counts how often it was opened. `waits_for` is what
    keeps its next step from being done; empty where nothing does."""

    invoice: str
    customer: str
    subscription: str
    policy: DunningPolicy
    policy_version: int
    anchor: date
    opened_at: Instant
    opening: int = 1
    done: int = 0
    attempts_left: int
    refusing: tuple[str, ...] = ()
    state: CaseState = CaseState.open
    waits_for: str = ""

    @property
    def next_step(self) -> Step | None:
        steps = self.policy.steps()
        return steps[self.done] if self.state is CaseState.open and self.done < len(steps) else None

    def day_of(self, step: Step) -> date:
        return self.anchor + timedelta(days=step.day)

    def due_at(self, step: Step, zone: ZoneInfo) -> datetime:
        """The beginning of its day, or of the case."""
        return max(midnight(self.day_of(step), zone), self.opened_at)

    def suspends_on(self) -> date | None:
        return None if self.policy.suspend is None else self.anchor + timedelta(days=self.policy.suspend)

    def on_time(self, step: Step, now: datetime, zone: ZoneInfo) -> "DunningCase":
        """With what follows put off by as many days as the step is late, so that a notice is never followed by what it warns
        of sooner than it says."""
        late = local_date(now, zone) - max(self.day_of(step), local_date(self.opened_at, zone))
        return self if late <= timedelta(0) else self.model_copy(update={"anchor": self.anchor + late})

    def resting(self, step: Step, today: date, why: str) -> "DunningCase":
        """With the step due tomorrow, since something keeps it from being done today, and what follows as much later."""
        return self.model_copy(update={"anchor": today + timedelta(days=1 - step.day), "waits_for": why})

    def waits_for_payments(self, step: Step) -> bool:
        """Whether the step is not done while a payment is under way. That it is not charged twice is seen to elsewhere."""
        return step.track in {Track.throttle, Track.restrict, Track.end} or (
            step.track is Track.tell and not self.policy.tell_while_pending
        )


def first_day(due: date, today: date) -> date:
    """Day 0 of a case that is opened on `today`: the due date, but later where it is opened late."""
    return max(due, today - timedelta(days=1))


def capped(brand: str | None, declined: int) -> bool:
    """Whether the card was declined as often within the window as its network allows."""
    return declined >= CAPS.get((brand or "").lower(), STRICTEST_CAP)
