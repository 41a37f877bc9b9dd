"""What the gateway knows of a bare token."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.orders import Order
from domain.payment_methods import MethodFacts


class Tokens(ABC):
    @abstractmethod
    @activity.defn(name="describe_token")
    async def describe(self, order: Order) -> MethodFacts | None:
        """Of the bare token that pays the order: asked once, kept, and waited for some seconds; None where nothing is known."""
