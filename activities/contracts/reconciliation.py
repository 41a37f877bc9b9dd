"""Reconciliation: comparing what a gateway reports of a day with the ledger and the invoices."""

import datetime
from abc import ABC, abstractmethod

from temporalio import activity

from domain.values import Value


class Day(Value):
    """A day in UTC at one gateway."""

    gateway: str
    date: datetime.date


class Requested(Value):
    """`date` None is the day before the one the comparison is scheduled for."""

    gateway: str
    date: datetime.date | None = None


class Fetched(Value):
    """How far the report of a day has been fetched: `cursor` is the gateway's own, None before its first page."""

    day: Day
    cursor: str | None = None
    movements: int = 0


class Compared(Value):
    """How far a day is compared: keys of movements, or ids of invoices, up to `after` are done."""

    day: Day
    after: str = ""
    count: int = 0


class Reconciliation(ABC):
    @abstractmethod
    @activity.defn(name="reconciliation_fetch")
    async def fetch(self, here: Fetched) -> Fetched:
        """Keep the next page of the report; the cursor is None after the last one."""

    @abstractmethod
    @activity.defn(name="reconciliation_movements")
    async def compare_movements(self, here: Compared) -> Compared | None:
        """Compare the next page of movements with the ledger; None where there are no more."""

    @abstractmethod
    @activity.defn(name="reconciliation_invoices")
    async def compare_invoices(self, here: Compared) -> Compared | None:
        """Compare the next page of invoices with the ledger; None where there are no more."""

    @abstractmethod
    @activity.defn(name="reconciliation_finish")
    async def finish(self, here: Compared) -> int:
        """Keep that the day is compared. Returns how many of its differences are open."""
