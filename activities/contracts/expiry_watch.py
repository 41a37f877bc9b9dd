"""Watching payment methods for the end of their time."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.values import Instant, Value


class Watching(Value):
    """A round, as of when it `began`: how many are `expired` by it, and how many were found to be `expiring` soon."""

    began: Instant
    expired: int = 0
    expiring: int = 0


class ExpiryWatch(ABC):
    @abstractmethod
    @activity.defn(name="watch_payment_methods")
    async def watch(self, watching: Watching) -> Watching | None:
        """Call some expired whose time is over, and tell of some whose time ends soon; None where there are no more."""
