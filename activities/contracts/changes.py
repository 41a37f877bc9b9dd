"""Changes, pauses and resumptions of a subscription: what each comes to, and that it was made. Money and access are one saga of
the subscription's process, between the two."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from temporalio import activity

from domain.subscriptions.changes import Change, ChangeCommand, DropCommand
from domain.subscriptions.commands import ByCommand
from domain.subscriptions.making import Making, Plan
from domain.subscriptions.pausing import PauseCommand
from domain.values import Value

Command = TypeVar("Command", ChangeCommand, DropCommand, PauseCommand, ByCommand)

REFUSED = ":refused"
"""Ends the key of what a partner does not take back, for good."""


class Asked(Value, Generic[Command]):
    subscription: str
    command: Command


class Trouble(Value):
    """`key` is that of the change, or of the row that was due."""

    subscription: str
    key: str
    words: str


class Changes(ABC):
    @abstractmethod
    @activity.defn(name="change_plan")
    async def plan(self, asked: Asked[ChangeCommand]) -> Plan:
        """What a change comes to; one that is made later is written down. Refused as making it would be."""

    @abstractmethod
    @activity.defn(name="change_make")
    async def make(self, making: Making) -> Change:
        """Invoice, payment, price, progress and access together. Again changes nothing."""

    @abstractmethod
    @activity.defn(name="change_drop")
    async def drop(self, asked: Asked[DropCommand]) -> str: ...

    @abstractmethod
    @activity.defn(name="change_due")
    async def due(self, key: str) -> Plan | None:
        """What a row that is due asks for: a change that was decided before, a pause, or the end of one. None where it was made
        before."""

    @abstractmethod
    @activity.defn(name="change_make_due")
    async def make_due(self, key: str) -> str:
        """What the row asked for is done by all systems: it is so from now on. Again changes nothing. In words."""

    @abstractmethod
    @activity.defn(name="change_trouble")
    async def trouble(self, trouble: Trouble) -> str:
        """Keep why something was not made. What was due is tried again later."""

    @abstractmethod
    @activity.defn(name="change_pause")
    async def pause(self, asked: Asked[PauseCommand]) -> str:
        """Decide a pause; returns the key of its row, which is due at once where it begins now."""

    @abstractmethod
    @activity.defn(name="change_resume")
    async def resume(self, asked: Asked[ByCommand]) -> str:
        """Have a pause end now, or not begin; returns the key of the row, empty where there is nothing to do."""
