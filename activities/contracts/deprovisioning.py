"""Taking a service down that nothing pays for any more: what is to be done, and that it was done. Local activities, but for
what systems give out: its address goes from them to our own database, and through no process."""

from abc import ABC, abstractmethod

from temporalio import activity

from activities.contracts.provisioning import StepCall
from domain.provisioning import ExportState
from domain.values import Value


class TakeDown(Value):
    """What is to be asked of which systems: to take it down, or to give out what is in it; nothing, for the reason in
    `words`."""

    calls: list[StepCall] = []
    exports: list[StepCall] = []
    words: str = ""


class Trouble(Value):
    """Why what is due under `key` is not done, and at which systems where some were asked."""

    key: str
    message: str
    systems: list[str] = []


class Deprovisioning(ABC):
    @abstractmethod
    @activity.defn(name="deprovision_look")
    async def look(self, key: str) -> TakeDown:
        """What the due row asks for, as things stand now."""

    @abstractmethod
    @activity.defn(name="deprovision_note")
    async def note(self, trouble: Trouble) -> str:
        """Keep why it could not be done yet, and have it tried again later: it is never given up. When, in words."""

    @abstractmethod
    @activity.defn(name="deprovision_exported")
    async def exported(self, trouble: Trouble) -> str:
        """Each system was asked for its export; the message is empty where each has answered. What has become of it, in words:
        it is there, or asked for again later, for ever."""

    @abstractmethod
    @activity.defn(name="deprovision_done")
    async def done(self, key: str) -> str:
        """All that was asked for is done and verified. Again changes nothing. What the service is then, in words."""


class Exports(ABC):
    @abstractmethod
    @activity.defn(name="take_export")
    async def take(self, call: StepCall) -> ExportState:
        """Ask a system for its export and keep what it says. Again makes no second one. Fails as Refused, Unknown or
        Unavailable."""
