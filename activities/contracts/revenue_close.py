"""The revenue close: each invoiced line's revenue is booked for the days that are over, and prepaid credit expires."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.values import Instant, Value


class Closing(Value):
    """A close of the days that were over when it `began`. Wallets (customer, currency) up to `wallet` are done."""

    began: Instant
    lines: int = 0
    wallet: tuple[str, str] = ("", "")
    grants: int = 0

    def __str__(self) -> str:
        """In an operator's words."""
        return f"revenue of {self.lines} lines booked, {self.grants} grants of prepaid credit expired"


class RevenueClose(ABC):
    @abstractmethod
    @activity.defn(name="revenue_close_lines")
    async def lines(self, here: Closing) -> Closing | None:
        """Book the revenue of some lines; None where there is no more."""

    @abstractmethod
    @activity.defn(name="revenue_close_credit")
    async def credit(self, here: Closing) -> Closing | None:
        """Let some prepaid credit expire; None where there is no more."""
