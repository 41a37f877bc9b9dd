"""The score that a fraud service outside gives an order, and what holds where it cannot be had."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.fraud import Band, Fired
from domain.money import Money
from domain.values import StrictValue, Value

Score = Annotated[int, Field(strict=True, ge=0, le=100)]
"""0 is harmless, 100 is fraud."""


class WithoutScore(StrEnum):
    allow = "allow"
    """The other rules decide alone."""
    review = "review"
    """A person looks at the order."""


class ScoringPolicy(StrictValue):
    """`seconds` is how long an order waits for its score, and `when_unknown` what holds where it has none then."""

    when_unknown: WithoutScore = WithoutScore.review
    seconds: Annotated[int, Field(strict=True, ge=1, le=20)] = 3


class ScoreQuestion(Value):
    """What a fraud service is told of an order. `key` is the question's idempotency key: asked again, it is the same question.
    What is not known is an empty text."""

    key: str
    order: str
    amount: Money
    customer: str
    country: str
    method_kind: str = ""
    method_brand: str = ""
    method_country: str = ""


class KeptScore(Value):
    """An order's score, or in `trouble` why it has none; asked for once."""

    score: int | None = None
    trouble: str = ""


def without(kept: KeptScore | None, policy: ScoringPolicy, name: str) -> list[Fired]:
    """What holds for an order whose score was asked for and not had, by the policy called `name`."""
    if kept is None or kept.score is not None:
        return []
    review = policy.when_unknown is WithoutScore.review
    what = "so that it is looked at" if review else "and the other rules decide"
    reason = f"its fraud score cannot be had ({kept.trouble}), {what}"
    return [Fired(rule=name, reason=reason, band=Band.review if review else Band.allow)]
