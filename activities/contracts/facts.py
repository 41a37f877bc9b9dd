"""Writing what happened to an order. Local activities: they touch only our own database."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.facts import OrderChange, Recorded
from domain.values import Value

NOT_WRITTEN = "NotWritten"
SETTLED = "Settled"
"""Types of error with which a call ends that was not made: what it brought could not be written, or came after another end of
the order, which is the error's detail."""


class Bringing(Value):
    """What is asked of the outside, and what is written down `first`. The answer says that it was `written`; a worker of an
    earlier release passes it over."""

    first: OrderChange | None = None


class Facts(ABC):
    @abstractmethod
    @activity.defn(name="record")
    async def record(self, change: OrderChange) -> Recorded:
        """Write one change in one transaction; again changes nothing."""
