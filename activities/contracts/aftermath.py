"""What comes after a payment, in our own database: refunds that were asked for, disputes, and debits that were returned."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.disputes import Dispute
from domain.gateway_events import Evidence, Told
from domain.refunds import Refund
from domain.values import Value


class Refusal(Value):
    refund: str
    message: str


class Contest(Value):
    """What `by` tells against a dispute."""

    dispute: str
    evidence: Evidence
    by: str


class Decision(Value):
    """What `by` decides about a dispute."""

    dispute: str
    by: str


class Refunds(ABC):
    """All may be repeated."""

    @abstractmethod
    @activity.defn(name="refund_look_up")
    async def look_up(self, refund: str) -> Refund: ...

    @abstractmethod
    @activity.defn(name="refund_settle")
    async def settle(self, refund: str) -> Refund:
        """It was paid out: credit, book, and decide about access."""

    @abstractmethod
    @activity.defn(name="refund_refuse")
    async def refuse(self, refusal: Refusal) -> Refund:
        """Nothing moved: what was promised is free again."""

    @abstractmethod
    @activity.defn(name="refund_note")
    async def note(self, trouble: Refusal) -> None:
        """It was paid out and cannot be booked: say why where people look."""

    @abstractmethod
    @activity.defn(name="refund_came_back")
    async def came_back(self, told: Told) -> str:
        """It failed after it was paid out: reverse it, and let finance know."""


class Disputes(ABC):
    """All may be repeated."""

    @abstractmethod
    @activity.defn(name="dispute_take_in")
    async def take_in(self, told: Told) -> Dispute:
        """What the gateway told, kept and booked. Unavailable while the payment is not booked."""

    @abstractmethod
    @activity.defn(name="dispute_contest")
    async def contest(self, contest: Contest) -> Dispute:
        """Keep the evidence that is to be submitted. Refused where it is too late."""

    @abstractmethod
    @activity.defn(name="dispute_submit")
    async def submit(self, dispute: str) -> None:
        """Submit the evidence that is kept to the gateway, once."""

    @abstractmethod
    @activity.defn(name="dispute_accept")
    async def accept(self, decision: Decision) -> Dispute: ...

    @abstractmethod
    @activity.defn(name="dispute_give_in")
    async def give_in(self, dispute: str) -> None:
        """Tell the gateway that one is accepted, once."""

    @abstractmethod
    @activity.defn(name="dispute_release")
    async def release(self, decision: Decision) -> Dispute:
        """Of a lost one: let the customer be charged and have access again."""


class Returns(ABC):
    @abstractmethod
    @activity.defn(name="debit_returned")
    async def take_back(self, told: Told) -> str:
        """Book that a debit was returned, and what follows. Again changes nothing. Unavailable while it is not booked."""
