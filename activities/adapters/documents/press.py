"""Documents made in processes of their own: a long one takes seconds of Python, which no event loop can stand still for."""

from enum import StrEnum
from functools import cache
from pathlib import Path

from anyio import BrokenWorkerProcess, CapacityLimiter, fail_after, to_process

from activities.adapters.documents.pdf import Typesetter
from activities.adapters.documents.port import Documents
from activities.adapters.documents.standard import StandardDocuments
from domain.billing.documents.document import BillingDocument
from domain.errors import Unavailable


class Form(StrEnum):
    pdf = "pdf"
    factur_x = "factur-x"
    cii = "cii"
    ubl = "ubl"


class Press:
    """At most `processes` are at work, and what is more waits its turn. They start when they are first needed, which takes a
    few seconds, and end with the event loop; one that died or took too long is replaced. `folder` is as in `Typesetter`."""

    def __init__(self, folder: Path | None = None, processes: int = 2, patience: float = 30.0) -> None:
        self._folder = folder
        self._typesetter = Typesetter(folder)
        self._places = CapacityLimiter(processes)
        self._patience = patience

    def edition(self) -> str:
        """Changes whenever the same document may come out otherwise."""
        return self._typesetter.edition()

    async def make(self, form: Form, document: BillingDocument) -> bytes:
        """Raises Conflict as `Documents` does, and Unavailable where it takes longer than `patience` seconds with the waiting,
        or where the process has died twice."""
        try:
            with fail_after(self._patience):
                return await self._again(form, document)
        except TimeoutError:
            raise Unavailable(f"{document.number} was not made within {self._patience:g} s; ask again") from None

    async def _again(self, form: Form, document: BillingDocument) -> bytes:
        try:
            return await self._once(form, document)
        except BrokenWorkerProcess:
            pass
        try:
            return await self._once(form, document)
        except BrokenWorkerProcess:
            raise Unavailable(f"what makes {document.number} broke off twice; ask again") from None

    async def _once(self, form: Form, document: BillingDocument) -> bytes:
        return await to_process.run_sync(made, self._folder, form, document, cancellable=True, limiter=self._places)


def made(folder: Path | None, form: Form, document: BillingDocument) -> bytes:
    """One document, in this process."""
    documents = _documents(folder)
    make = {
        Form.pdf: documents.pdf,
        Form.factur_x: documents.factur_x,
        Form.cii: documents.cii,
        Form.ubl: documents.ubl,
    }
    return make[form](document)


@cache
def _documents(folder: Path | None) -> Documents:
    return StandardDocuments(folder)
