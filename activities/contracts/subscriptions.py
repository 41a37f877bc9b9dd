"""The facts of a subscription. Local activities."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.subscriptions.facts import Opening


class Subscriptions(ABC):
    @abstractmethod
    @activity.defn(name="activate_subscription")
    async def activate(self, opening: Opening) -> str:
        """Take over a live service; again changes nothing. Returns the subscription's state."""

    @abstractmethod
    @activity.defn(name="subscription_due")
    async def due(self, key: str) -> str:
        """Do what is due, by the key of its row. Returns what the subscription is then, in words; an empty text where there is
        nothing left to do."""
