"""Calls to the systems that are provisioned."""

from abc import ABC, abstractmethod

from temporalio import activity

from activities.contracts.facts import Bringing
from domain.provisioning import ProvisionRequest, ProvisionResult, Verb
from domain.values import Value

LOCAL_ADAPTERS = frozenset({"entitlements"})
"""Adapters that touch only our own database: called as local activities."""


class StepCall(Bringing):
    adapter: str
    request: ProvisionRequest


class LookUp(Value):
    adapter: str
    reference: str


class Provisioning(ABC):
    @abstractmethod
    @activity.defn(name="provision")
    async def perform(self, call: StepCall) -> ProvisionResult:
        """One verb on one service. Fails as Refused, Unknown or Unavailable."""

    @abstractmethod
    @activity.defn(name="capabilities")
    async def capabilities(self, adapter: str) -> list[Verb]:
        """The verbs that a system has and not every one has."""

    @abstractmethod
    @activity.defn(name="look_up")
    async def look_up(self, wanted: LookUp) -> ProvisionResult:
        """What has become of a service; RemoteState.absent where there is none."""
