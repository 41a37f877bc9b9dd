"""Payments that were given up, and may settle all the same."""

from datetime import datetime, timedelta

from domain.collection import question_after
from domain.payments import RemotePayment
from domain.values import Instant, Value

WATCHED = timedelta(days=14)
"""How long after it was given up a payment of which the gateway knows nothing is asked about: longer than any call, queue or
bank debit (SEPA: 5 business days, ACH: 4) takes to turn up."""


class GivenUp(Value):
    """`questions` is how often the gateway was asked since, and `turned_up` what was found first, before it was given back."""

    key: str
    begun_at: Instant
    questions: int = 0
    turned_up: RemotePayment | None = None

    def asked_again_at(self, now: datetime) -> datetime:
        return now + question_after(self.questions)

    def is_over(self, now: datetime) -> bool:
        """Whether nothing is to be expected of it any more."""
        return now >= self.begun_at + WATCHED
