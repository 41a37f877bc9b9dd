"""What people ask of an invoice that is there. Local activities, but for issuing it, which may ask a tax engine outside."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from temporalio import activity

from domain.billing.corrections import CreditCommand, FinalizeCommand, GiveUpCommand, RescheduleCommand
from domain.billing.credit_notes import CreditNote
from domain.values import Value

Command = TypeVar("Command", FinalizeCommand, GiveUpCommand, RescheduleCommand, CreditCommand)


class Asked(Value, Generic[Command]):
    invoice: str
    command: Command


class Invoices(ABC):
    """Each does what is asked once, and says in words what the invoice is then."""

    @abstractmethod
    @activity.defn(name="invoice_finalize")
    async def finalize(self, asked: Asked[FinalizeCommand]) -> str:
        """Unavailable while the tax engine does not answer."""

    @abstractmethod
    @activity.defn(name="invoice_void")
    async def void(self, asked: Asked[GiveUpCommand]) -> str: ...

    @abstractmethod
    @activity.defn(name="invoice_write_off")
    async def write_off(self, asked: Asked[GiveUpCommand]) -> str: ...

    @abstractmethod
    @activity.defn(name="invoice_reschedule")
    async def reschedule(self, asked: Asked[RescheduleCommand]) -> str: ...

    @abstractmethod
    @activity.defn(name="invoice_credit")
    async def credit(self, asked: Asked[CreditCommand]) -> CreditNote: ...
