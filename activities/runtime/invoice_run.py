"""The invoice run, carried out on the store a page at a time. What is broken is passed over, and said."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from temporalio import activity

from activities.adapters.tax.engines import TaxEngines
from activities.contracts.invoice_run import InvoiceRun, Progress, Stage
from activities.store import billables, invoices, legal_entities
from activities.store.billables import Debtor
from activities.store.database import Database
from activities.store.invoicing import age, finalize_drafts, gather_debtors
from domain.billing.zones import local_date, zone_of
from domain.errors import Unavailable

PAGE = 100
PAUSE = timedelta(hours=1)
BROKEN = "an error of the software, which the worker's log describes"
log = structlog.get_logger()


class StoredInvoiceRun(InvoiceRun):
    def __init__(self, database: Database, engines: TaxEngines) -> None:
        self._database = database
        self._engines = engines

    @activity.defn(name="invoice_run_gather")
    async def gather(self, here: Progress) -> Progress:
        after = Debtor(customer=here.debtor[0], legal_entity=here.debtor[1], currency=here.debtor[2]) if here.debtor else None
        async with self._database.transaction() as connection:
            page = await billables.debtors_due(connection, here.began, after, PAGE)
        if not page:
            return here.model_copy(update={"stage": Stage.issue})
        drafts, broken = await self._gather(page, here.began)
        counts = {"debtors": here.debtors + len(page), "drafts": here.drafts + drafts, "broken": here.broken + broken}
        last = (page[-1].customer, page[-1].legal_entity, page[-1].currency)
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
        each = [await self._gather([debtor], now) for debtor in debtors]
        return sum(drafts for drafts, _ in each), sum(broken for _, broken in each)

    @activity.defn(name="invoice_run_issue")
    async def issue(self, here: Progress) -> Progress:
        async with self._database.transaction() as connection:
            page = await invoices.finalizable(connection, here.began, here.draft, PAGE)
        if not page:
            return here.model_copy(update={"stage": Stage.age})
        issued, waiting = await self._issue([draft for _, draft in page])
        counts = {"issued": here.issued + issued, "waiting": here.waiting + waiting}
        return here.model_copy(update={"draft": tuple(page[-1]), **counts})

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
        each = [await self._issue([draft]) for draft in drafts]
        return sum(issued for issued, _ in each), sum(waiting for _, waiting in each)

    @activity.defn(name="invoice_run_age")
    async def age(self, here: Progress) -> Progress:
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            for entity in await legal_entities.every(connection):
                today = local_date(now, zone_of(entity.gathering.timezone))
                if overdue := await age(connection, entity.id, today, PAGE):
                    return here.model_copy(update={"overdue": here.overdue + overdue})
        return here.model_copy(update={"stage": Stage.done})
