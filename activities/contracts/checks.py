"""Dependency checks against the present, and the capacity they reserve. Local activities."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.checks import Blocker
from domain.fraud import Screening
from domain.orders import Order
from domain.values import Value


class Assessment(Value):
    """Where nothing blocks, the capacity asked for has been reserved in the same transaction; not so where something
    is to be asked for first that a fraud rule wants: what a bare token stands for (`lacks_facts`), or a score."""

    blockers: list[Blocker]
    screening: Screening
    lacks_facts: bool = False
    lacks_score: bool = False


class Release(Value):
    order: str
    items: list[str]


class Checks(ABC):
    @abstractmethod
    @activity.defn(name="assess")
    async def assess(self, order: Order) -> Assessment:
        """What is in the way of this order now; nothing: its capacity is reserved. Again holds the same units once."""

    @abstractmethod
    @activity.defn(name="release_capacity")
    async def release_capacity(self, release: Release) -> None:
        """Give back what the items hold; nothing held: nothing happens."""
