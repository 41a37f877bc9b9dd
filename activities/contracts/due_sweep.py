"""Handing out what is due at a business date."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.values import Value


class Swept(Value):
    """How many due rows were handed out in all; `more` says whether others wait."""

    handed: int = 0
    more: bool = True


class DueSweep(ABC):
    @abstractmethod
    @activity.defn(name="sweep_due")
    async def sweep(self, so_far: Swept) -> Swept:
        """Hand out what is due, the oldest first, for some seconds."""
