"""The invoice run: what is due goes onto drafts, drafts that are due are issued, and unpaid invoices become overdue."""

from abc import ABC, abstractmethod
from enum import StrEnum

from temporalio import activity

from domain.values import Instant, Value


class Stage(StrEnum):
    gather = "gather"
    issue = "issue"
    age = "age"
    done = "done"


class Progress(Value):
    """Of a run over what was due when it `began`. Debtors (customer, legal entity, currency) and drafts (when they could be
    issued, id) up to these two are done. `drafts` are new or have grown, `waiting` could not be issued, and `broken` could not
    be gathered."""

    began: Instant
    stage: Stage = Stage.gather
    debtor: tuple[str, str, str] | None = None
    draft: tuple[Instant, str] | None = None
    debtors: int = 0
    drafts: int = 0
    broken: int = 0
    issued: int = 0
    waiting: int = 0
    overdue: int = 0

    def __str__(self) -> str:
        """In an operator's words."""
        said = [f"{self.debtors} customers with something due looked at, {self.drafts} drafts made or added to"]
        said += [f"{self.issued} invoices issued", f"{self.overdue} overdue"]
        said += [f"**{self.waiting} drafts wait** and say for what"] if self.waiting else []
        said += [f"**{self.broken} customers could not be invoiced**, see the worker's log"] if self.broken else []
        return ", ".join(said)


class InvoiceRun(ABC):
    """Each call takes some seconds and goes on from where the one before it came to; what is done is not done again."""

    @abstractmethod
    @activity.defn(name="invoice_run_gather")
    async def gather(self, here: Progress) -> Progress:
        """Put what some debtors are due on drafts; after the last of them it is time to issue."""

    @abstractmethod
    @activity.defn(name="invoice_run_issue")
    async def issue(self, here: Progress) -> Progress:
        """Issue some drafts; after the last of them it is time to look at what is overdue."""

    @abstractmethod
    @activity.defn(name="invoice_run_age")
    async def age(self, here: Progress) -> Progress:
        """Call some invoices overdue; where there are no more the run is done."""
