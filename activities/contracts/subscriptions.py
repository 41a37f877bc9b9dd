"""The facts of a subscription. Local activities."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from temporalio import activity

from domain.subscriptions.commands import ByCommand, HoldCommand
from domain.subscriptions.ending import CancelCommand, Cancellation
from domain.subscriptions.facts import Opening
from domain.subscriptions.suspension import SuspendCommand, UnsuspendCommand
from domain.values import Value

Command = TypeVar("Command", CancelCommand, ByCommand, HoldCommand, SuspendCommand, UnsuspendCommand)


class Asked(Value, Generic[Command]):
    subscription: str
    command: Command


class Subscriptions(ABC):
    @abstractmethod
    @activity.defn(name="activate_subscription")
    async def activate(self, opening: Opening) -> str:
        """Take over a live service; again changes nothing. Returns the subscription's state."""

    @abstractmethod
    @activity.defn(name="subscription_due")
    async def due(self, key: str) -> str:
        """Do what is due, by the key of its row. Returns what the subscription is then, in words; an empty text where there is
        nothing left to do."""

    @abstractmethod
    @activity.defn(name="subscription_cancel")
    async def cancel(self, asked: Asked[CancelCommand]) -> Cancellation: ...

    @abstractmethod
    @activity.defn(name="subscription_uncancel")
    async def uncancel(self, asked: Asked[ByCommand]) -> str:
        """What the subscription is then, in words."""

    @abstractmethod
    @activity.defn(name="subscription_hold")
    async def hold(self, asked: Asked[HoldCommand]) -> str:
        """Keep its data for a legal reason, or no longer; what follows, in words."""

    @abstractmethod
    @activity.defn(name="subscription_suspend")
    async def suspend(self, asked: Asked[SuspendCommand]) -> str:
        """What the subscription is then, in words."""

    @abstractmethod
    @activity.defn(name="subscription_unsuspend")
    async def unsuspend(self, asked: Asked[UnsuspendCommand]) -> str:
        """Lift one reason alone; what the subscription is then, in words."""
