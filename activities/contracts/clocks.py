"""Advancing a test clock: from one instant at which something is due to the next."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.clocks import Advance, Moment


class Clocks(ABC):
    @abstractmethod
    @activity.defn(name="clock_next")
    async def next(self, advance: Advance) -> Moment:
        """Move the clock on to the first instant at which something is due, which is where it stands until nothing is left; to
        its target, and done, where nothing is due before. A local activity."""

    @abstractmethod
    @activity.defn(name="clock_bill")
    async def bill(self, advance: Advance) -> str:
        """Gather, issue and age what is due to the clock's customers at what it shows. What was done, in words."""

    @abstractmethod
    @activity.defn(name="clock_hand_out")
    async def hand_out(self, key: str) -> str:
        """Hand a due row to the process it concerns, and wait until it has acted on it. What it said."""
