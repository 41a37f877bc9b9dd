"""What an invoice's collection reads and writes of our own: local activities."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.collection import Answered, Claim, CollectionRequest


class Collections(ABC):
    @abstractmethod
    @activity.defn(name="collection_claim")
    async def claim(self, asked: CollectionRequest) -> Claim:
        """The payment to ask for, written down; the one that is open already, where there is one."""

    @abstractmethod
    @activity.defn(name="collection_elsewhere")
    async def elsewhere(self, answered: Answered) -> Claim:
        """A payment that its gateway did not make is given up, and the next one written down."""

    @abstractmethod
    @activity.defn(name="collection_settle")
    async def settle(self, answered: Answered) -> str:
        """Book the payment, or keep that it was declined; what the invoice is then, in words. Again changes nothing."""
