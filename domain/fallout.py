"""Fallout: a step, payment, undo or thing that is due that cannot go on by itself, and what an operator may decide about it."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.approvals import Person
from domain.money import Money
from domain.provisioning import Characteristics
from domain.values import Instant, StrictValue, Value


class Subject(StrEnum):
    step = "step"
    undo = "undo"
    payment = "payment"
    due = "due"
    """What a subscription is due at a date, and cannot do."""
    left_over = "left_over"
    """What a partner does not take back of a subscription, for good."""
    export = "export"
    """What a customer has in a service that has ended is to be given out before that is taken down."""
    access = "access"
    """A service is to be closed, opened again, slowed down or sped up again, and a system that built it has not done it."""
    termination = "termination"
    """A service that has ended is to be taken down for good, and a system that built it has not done it."""
    evidence = "evidence"
    """What is to be told to a gateway against a dispute, by its deadline."""


OF_FACTS = frozenset({Subject.due, Subject.left_over, Subject.export, Subject.access, Subject.termination, Subject.evidence})
"""Those of subscriptions and disputes: no order's process waits for their decision."""


class FalloutVerb(StrEnum):
    retry = "retry"
    """Try again, with corrected data where `data` is given."""
    resolve = "resolve"
    """It was done by hand: mark it done, with evidence."""
    skip = "skip"
    """Go on without it."""
    compensate = "compensate"
    """Give it up: undo the item, or the whole order where it is about its payment."""


OFFERED: dict[Subject, frozenset[FalloutVerb]] = {
    Subject.step: frozenset(FalloutVerb),
    Subject.undo: frozenset({FalloutVerb.retry, FalloutVerb.resolve}),
    Subject.payment: frozenset({FalloutVerb.retry, FalloutVerb.compensate}),
    Subject.due: frozenset({FalloutVerb.retry}),
    Subject.left_over: frozenset({FalloutVerb.resolve}),
    Subject.export: frozenset({FalloutVerb.retry, FalloutVerb.resolve, FalloutVerb.skip}),
    Subject.access: frozenset({FalloutVerb.retry}),
    Subject.termination: frozenset({FalloutVerb.retry, FalloutVerb.resolve}),
    Subject.evidence: frozenset({FalloutVerb.resolve}),
}
"""An undo is never skipped: something is left behind until it is done. Money is never marked taken by hand."""


class FalloutDecision(StrictValue):
    """What an operator decides. `data` replaces characteristics of the item (retry) or `payment_method` (payment)."""

    fallout: Annotated[str, Field(max_length=200)]
    verb: FalloutVerb
    by: Person
    reason: Annotated[str, Field(max_length=500)] = ""
    evidence: Annotated[str, Field(max_length=1000)] = ""
    data: Characteristics = {}

    @model_validator(mode="after")
    def _supported(self) -> Self:
        if self.verb is FalloutVerb.resolve and not self.evidence.strip():
            raise ValueError('evidence: marking it done needs some, for example "evidence": "ticket 4711"')
        if self.verb in {FalloutVerb.skip, FalloutVerb.compensate} and not self.reason.strip():
            raise ValueError(f'reason: to {self.verb} needs one, for example "reason": "customer agreed"')
        return self


class Fallout(Value):
    """One stuck subject. Open while `verb` is None. At `deadline` an open step or payment is compensated by itself; an open
    undo is never given up, its deadline hands it to the next owner. `system` is where a termination is left undone."""

    id: str
    subject: Subject
    item: str | None = None
    step: str | None = None
    system: str | None = None
    title: str
    owner: str
    error: str
    attempts: int
    money_at_stake: Money
    opened_at: Instant
    deadline: Instant
    verb: FalloutVerb | None = None
    by: str | None = None
    reason: str = ""
    evidence: str = ""
    resolved_at: Instant | None = None
