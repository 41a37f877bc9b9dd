"""Closing a service, and opening it again, at the systems that built it: what is to be done, and that it was done."""

from abc import ABC, abstractmethod

from temporalio import activity

from activities.contracts.deprovisioning import Trouble
from activities.contracts.provisioning import StepCall
from domain.values import Value


class AccessPlan(Value):
    """What is to be asked of which systems for the `change`-th change of access; nothing, for the reason in `words`."""

    calls: list[StepCall] = []
    change: int = 0
    words: str = ""


class AccessChange(Value):
    """`key` is that of the due row; `unable` are systems that said they cannot do such a thing."""

    key: str
    change: int
    unable: list[str] = []


class Access(ABC):
    @abstractmethod
    @activity.defn(name="access_look")
    async def look(self, key: str) -> AccessPlan:
        """What the due row asks for, as what blocks the service stands now."""

    @abstractmethod
    @activity.defn(name="access_note")
    async def note(self, trouble: Trouble) -> str:
        """Keep why it could not be done yet, and have it tried again later: it is never given up. When, in words."""

    @abstractmethod
    @activity.defn(name="access_done")
    async def done(self, change: AccessChange) -> str:
        """All that was asked for is done and verified. Again changes nothing. What the service is then, in words; empty where
        its access was changed once more meanwhile."""
