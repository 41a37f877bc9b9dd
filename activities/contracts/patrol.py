"""The patrol: looking at orders for what must never be."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.values import Instant, Value


class Beat(Value):
    """Where in a round it is: the orders with a number above `after` are still to be looked at."""

    began: Instant
    after: int = 0
    orders: int = 0


class Patrol(ABC):
    @abstractmethod
    @activity.defn(name="patrol_orders")
    async def look(self, beat: Beat) -> Beat | None:
        """Look at the next page of orders; None where there are no more."""

    @abstractmethod
    @activity.defn(name="patrol_finish")
    async def finish(self, beat: Beat) -> int:
        """Look at what belongs to no order, and keep how far the patrol came. Returns how many findings are open now."""
