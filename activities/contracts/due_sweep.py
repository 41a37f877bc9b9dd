"""Handing out what is due at a business date."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.values import Value


class Swept(Value):
    """How many due rows were handed out or acted on in all, and how many renewals were among them; `more` says whether others
    wait."""

    handed: int = 0
    renewed: int = 0
    more: bool = True


class DueSweep(ABC):
    @abstractmethod
    @activity.defn(name="sweep_due")
    async def sweep(self, so_far: Swept) -> Swept:
        """Act on what is due, or hand it out, the oldest first, for some seconds. What was renewed is invoiced at once."""
