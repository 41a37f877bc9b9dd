"""Collecting what an invoice is due from what the customer has on file."""

from datetime import timedelta
from enum import StrEnum

from domain.money import Money
from domain.payments import Outcome, PaymentRequest, PaymentResult
from domain.values import Instant, Value

UNDECIDED = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 600, 3600, 6 * 3600, 24 * 3600))
"""How long is waited before each question about a payment that is pending or not known; the last one from then on. A bank debit
takes days (SEPA: 5 business days for a first one, ACH: 4), and a message of the gateway is quicker than any of them."""


UNSETTLED = frozenset({Outcome.pending, Outcome.unknown})
"""What is asked about again."""


class CollectionState(StrEnum):
    asked = "asked"
    """A gateway has been asked, and its answer is not definite yet: nothing else may be done to the invoice."""
    paid = "paid"
    declined = "declined"
    elsewhere = "elsewhere"
    """This gateway did nothing, and another one is asked under the next number."""


class Known(Value):
    """What a gateway has said to the payment `key`."""

    key: str
    result: PaymentResult


class CollectionRequest(Value):
    """`reason` is why now: `issued`, `asked`, `new_method`, `returned`, `released`, `dunning`. `by` is who asked, where
    somebody did. `after` is the number of the invoice's last payment when it was asked for: the next one answers it. `known` is
    what is known of a payment that was asked for already."""

    invoice: str
    customer: str = ""
    reason: str = "asked"
    by: str = ""
    after: int = 0
    known: Known | None = None


class Claim(Value):
    """The payment that is to be asked for; None where there is none, for the reason in `words`, or where somebody else is
    asking for it, up to `wait_until`."""

    request: PaymentRequest | None = None
    number: int = 0
    words: str = ""
    wait_until: Instant | None = None


class Answered(Value):
    """What the gateways said at last to the payment `key` of an invoice, at `at`."""

    invoice: str
    key: str
    result: PaymentResult
    at: Instant


class Collection(Value):
    """One payment asked for an invoice; `number` counts from 1, `key` is the payment's at the gateway."""

    invoice: str
    number: int
    key: str
    customer: str
    method: str
    amount: Money
    state: CollectionState
    reason: str
    gateway: str | None = None
    code: str | None = None
    begun_at: Instant
    ended_at: Instant | None = None
    leased_until: Instant | None = None


def question_after(asked: int) -> timedelta:
    """The wait before the question number `asked`, counted from 0."""
    return UNDECIDED[min(asked, len(UNDECIDED) - 1)]
