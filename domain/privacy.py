"""What is held of a customer: given out on request, and erased where no law needs it.

Regulation (EU) 2016/679: articles 15 and 20 give a person what is held of it in a form that machines read, article 17 has it
erased, except for what a law says must be kept (17(3)(b)); either within one month (12(3)). German law keeps invoices and what
bookings rest on for up to ten years, counted from the end of the year (AO 147, HGB 257).
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.values import Instant, StrictValue, Value

WITHIN = timedelta(days=30)
"""The month that the regulation gives, at its shortest but for February."""


class PrivacyPolicy(StrictValue):
    """Invoices, credit notes, receipts and proofs of VAT ids of an erased customer are kept for `document_years` after the end
    of the year in which the last invoice was issued."""

    document_years: Annotated[int, Field(ge=0, le=30)] = 10


class ErasureRequest(StrictValue):
    reason: Annotated[str, Field(min_length=1, max_length=500, examples=["asked by the customer by mail on 3 March"])]


class ErasureState(StrEnum):
    waiting = "waiting"
    """Something is still going on with the customer, or it is about to be looked at; no new order is taken."""
    erased = "erased"
    """Nothing but what the law needs is there any more."""
    complete = "complete"
    """That is gone too."""


class Kept(Value):
    """How many records of a kind a law needs for longer."""

    what: str
    count: int
    why: str


class Erasure(Value):
    """A request to erase a customer, and what came of it. `blockers` say what is going on still; `deadline` is when it has to
    be done. `kept` is there until `kept_until`."""

    customer: str
    state: ErasureState
    reason: str
    asked_by: str
    asked_at: Instant
    deadline: Instant
    blockers: tuple[str, ...] = ()
    looked_at: Instant | None = None
    erased_at: Instant | None = None
    kept: tuple[Kept, ...] = ()
    kept_until: Instant | None = None


def asked(customer: str, request: ErasureRequest, by: str, now: datetime) -> Erasure:
    return Erasure(
        customer=customer,
        state=ErasureState.waiting,
        reason=request.reason,
        asked_by=by,
        asked_at=now,
        deadline=now + WITHIN,
    )


def kept_until(policy: PrivacyPolicy, last: int) -> datetime:
    """The first moment at which a document of the year `last` need not be kept any more. UTC."""
    return datetime(last + policy.document_years + 1, 1, 1, tzinfo=UTC)
