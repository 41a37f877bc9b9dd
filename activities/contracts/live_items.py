"""Changes of subscriptions that orders ask for: each is made by its subscription's own process."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.live_items import Instruction
from domain.money import Money
from domain.values import Instant, Value


class Carried(Value):
    """What came of it: when it holds, what it came to at once, and what it is then, in words."""

    at: Instant
    total: Money
    words: str


class LiveItems(ABC):
    @abstractmethod
    @activity.defn(name="change_live_item")
    async def carry_out(self, asked: Instruction) -> Carried:
        """Have the subscription's process do it. Again, also much later, is answered as it was and changes nothing. Refused for
        good, it is not done any more."""
