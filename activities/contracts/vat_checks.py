"""Checking VAT ids with their registers."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.values import Instant, Value


class Checking(Value):
    """A round: what was due when it `began`. `answered` and `silent` count the numbers."""

    began: Instant
    answered: int = 0
    silent: int = 0


class VatChecks(ABC):
    @abstractmethod
    @activity.defn(name="check_vat_ids")
    async def check(self, checking: Checking) -> Checking | None:
        """Check some of the numbers that are due; None where there are no more."""
