"""The invoice run, carried out on the store a page at a time. What is broken is passed over, and said."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from temporalio import activity

from activities.adapters.tax.engines import TaxEngines
from activities.contracts.invoice_run import InvoiceRun, Progress, Stage
from activities.runtime.processes import Processes
from activities.runtime.schedules import DUE_SWEEP
from activities.store import billables, invoices, legal_entities
from activities.store.billables import Debtor
from activities.store.database import Database
from activities.store.invoicing import age, finalize_drafts, gather_debtors
from domain.errors import Unavailable

PAGE = 100
AT_ONCE = 2
"""Pages at work together: while PostgreSQL has one in hand, the other is computed."""
SECONDS = 2.0
"""How long a call goes on to the next pages."""
PAUSE = timedelta(hours=1)
BROKEN = "an error of the software, which the worker's log describes"
log = structlog.get_logger()

Each = TypeVar("Each")


class StoredInvoiceRun(InvoiceRun):
    def __init__(self, database: Database, engines: TaxEngines, processes: Processes) -> None:
        self._database = database
        self._engines = engines
        self._processes = processes

    @activity.defn(name="invoice_run_gather")
    async def gather(self, here: Progress) -> Progress:
        return await _for_a_while(self._gather_some, here)

    async def _gather_some(self, here: Progress) -> Progress:
        after = Debtor(customer=here.debtor[0], legal_entity=here.debtor[1], currency=here.debtor[2]) if here.debtor else None
        async with self._database.transaction() as connection:
            debtors = await billables.debtors_due(connection, here.began, after, AT_ONCE * PAGE)
        if not debtors:
            return here.model_copy(update={"stage": Stage.issue})
        drafts, broken = await _together(partial(self._gather, now=here.began), debtors)
        counts = {"debtors": here.debtors + len(debtors), "drafts": here.drafts + drafts, "broken": here.broken + broken}
        last = (debtors[-1].customer, debtors[-1].legal_entity, debtors[-1].currency)
        return here.model_copy(update={"debtor": last, **counts})

    async def _gather(self, debtors: Sequence[Debtor], now: datetime) -> tuple[int, int]:
        """How many drafts were made or added to, and how many debtors are broken: found one by one where a page fails."""
        try:
            async with self._database.transaction() as connection:
                return len(await gather_debtors(connection, debtors, now)), 0
        except Unavailable:
            raise
        except Exception as error:  # whatever it is, it must not keep other customers' invoices back
            if len(debtors) == 1:
                log.exception("customer not invoiced", debtor=debtors[0].model_dump(), reason=str(error))
                return 0, 1
        return _sums([await self._gather([debtor], now) for debtor in debtors])

    @activity.defn(name="invoice_run_issue")
    async def issue(self, here: Progress) -> Progress:
        return await _for_a_while(self._issue_some, here)

    async def _issue_some(self, here: Progress) -> Progress:
        async with self._database.transaction() as connection:
            drafts = await invoices.finalizable(connection, here.began, here.draft, AT_ONCE * PAGE)
        if not drafts:
            if here.issued:  # what was issued is to be collected, and to be looked at by its subscriptions
                await self._processes.hurry(DUE_SWEEP)
            return here.model_copy(update={"stage": Stage.age})
        issued, waiting = await _together(self._issue, [draft for _, draft in drafts])
        counts = {"issued": here.issued + issued, "waiting": here.waiting + waiting}
        return here.model_copy(update={"draft": tuple(drafts[-1]), **counts})

    async def _issue(self, drafts: Sequence[str]) -> tuple[int, int]:
        """How many were issued, and how many wait: found one by one where a page fails."""
        now = datetime.now(UTC)
        try:
            outcome = await finalize_drafts(self._database, self._engines, drafts, now)
            return len(outcome.issued), len(outcome.failed)
        except Unavailable:
            raise
        except Exception as error:  # whatever it is, it must not keep other customers' invoices back
            if len(drafts) == 1:
                log.exception("draft not issued", invoice=drafts[0], reason=str(error))
                async with self._database.transaction() as connection:
                    await invoices.put_off(connection, drafts[0], now + PAUSE, BROKEN)
                return 0, 1
        return _sums([await self._issue([draft]) for draft in drafts])

    @activity.defn(name="invoice_run_age")
    async def age(self, here: Progress) -> Progress:
        return await _for_a_while(self._age_some, here)

    async def _age_some(self, here: Progress) -> Progress:
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            for entity in await legal_entities.every(connection):
                if overdue := await age(connection, entity.id, entity.today(now), PAGE):
                    return here.model_copy(update={"overdue": here.overdue + overdue})
        return here.model_copy(update={"stage": Stage.done})


async def _for_a_while(work: Callable[[Progress], Awaitable[Progress]], here: Progress) -> Progress:
    """One page of a stage after the other, for some seconds."""
    began, stage = time.monotonic(), here.stage
    while here.stage is stage and time.monotonic() - began < SECONDS:
        here = await work(here)
    return here


async def _together(work: Callable[[Sequence[Each]], Awaitable[tuple[int, int]]], given: Sequence[Each]) -> tuple[int, int]:
    """All pages are brought to their end before an error of one is raised."""
    pages = [given[first : first + PAGE] for first in range(0, len(given), PAGE)]
    done = await asyncio.gather(*map(work, pages), return_exceptions=True)
    for each in done:
        if isinstance(each, BaseException):
            raise each
    return _sums([each for each in done if not isinstance(each, BaseException)])


def _sums(counts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(first for first, _ in counts), sum(second for _, second in counts)
