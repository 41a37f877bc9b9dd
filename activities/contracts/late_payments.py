"""Asking after payments that were given up, and giving back what they took all the same."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.values import Instant, Value


class Round(Value):
    """Of those that are to be asked about at `at`; `looked` were in this round already."""

    at: Instant
    looked: int = 0


class LatePayments(ABC):
    @abstractmethod
    @activity.defn(name="late_payments_due")
    async def due(self, round_: Round) -> list[str]:
        """Keys of some that are due; none of them is due again before its next question."""

    @abstractmethod
    @activity.defn(name="late_payment_look")
    async def look(self, key: str) -> str:
        """Ask its gateway: an authorization is voided, a capture refunded, booked both ways and told. In words, what it is
        then; again changes nothing. Fails as Unknown or Unavailable where the gateway cannot say."""
