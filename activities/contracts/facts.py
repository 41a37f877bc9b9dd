"""Writing what happened to an order. Local activities: they touch only our own database."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.facts import OrderChange, Recorded


class Facts(ABC):
    @abstractmethod
    @activity.defn(name="record")
    async def record(self, change: OrderChange) -> Recorded:
        """Write one change in one transaction; again changes nothing."""
