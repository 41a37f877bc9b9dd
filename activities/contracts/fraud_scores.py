"""The score that a fraud service outside gives an order."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.fraud_scores import KeptScore
from domain.orders import Order


class FraudScores(ABC):
    @abstractmethod
    @activity.defn(name="fraud_score")
    async def ask(self, order: Order) -> KeptScore:
        """Ask for it and keep it, or why there is none, within the seconds that the policy gives. Once an order: again is the
        score that was kept."""
