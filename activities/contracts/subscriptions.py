"""The facts of a subscription. Local activities."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.facts import HandOver


class Subscriptions(ABC):
    @abstractmethod
    @activity.defn(name="activate_subscription")
    async def activate(self, service: HandOver) -> str:
        """Take over a live service; again changes nothing. Returns the subscription's state."""
