"""Reconciliation: one day of one gateway compared with the ledger and the invoices, in pages. Started by a schedule."""

from datetime import date, datetime, timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from activities.contracts.reconciliation import Compared, Day, Fetched, Reconciliation, Requested
    from workflows.calls import ensure

_SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn(name="reconciliation")
class ReconciliationWorkflow:
    """While the gateway does not answer it waits and asks again: a day is compared late, and never with half a report."""

    @workflow.run
    async def run(self, requested: Requested) -> int:
        """How many differences of the day are open."""
        of = Day(gateway=requested.gateway, date=requested.date or _yesterday())
        fetched = await self._fetch(of)
        movements = await self._compare_movements(of)
        invoices = await self._compare_invoices(of, movements.count)
        found = await ensure(Reconciliation.finish, invoices, summary=f"{of.date} is compared")
        _say(
            of,
            f"**{found} differences are open** after {fetched.movements} reported movements, {movements.count} keys and"
            f" {invoices.count - movements.count} invoices were compared.",
        )
        return found

    async def _fetch(self, day: Day) -> Fetched:
        _say(day, "Waiting for the gateway's report. Nothing is compared before all of it is here.")
        here = Fetched(day=day)
        while True:
            here = await ensure(Reconciliation.fetch, here, summary=f"report from page {here.cursor or 'one'}")
            if here.cursor is None:
                return here
            _say(day, f"Fetching the gateway's report: {here.movements} movements so far.")

    async def _compare_movements(self, day: Day) -> Compared:
        here = Compared(day=day)
        _say(day, "Comparing the gateway's report with the ledger.")
        while (further := await ensure(Reconciliation.compare_movements, here, summary=f"after {here.after}")) is not None:
            here = further
        return here

    async def _compare_invoices(self, day: Day, count: int) -> Compared:
        here = Compared(day=day, count=count)
        _say(day, "Comparing the invoices with the ledger.")
        while (further := await ensure(Reconciliation.compare_invoices, here, summary=f"after {here.after}")) is not None:
            here = further
        return here


def _yesterday() -> date:
    """By the time it is scheduled for, so that a run made up for later is still of its own day."""
    scheduled: datetime = workflow.info().typed_search_attributes.get(_SCHEDULED) or workflow.now()
    return (scheduled - timedelta(days=1)).date()


def _say(day: Day, words: str) -> None:
    workflow.set_current_details(f"## {day.gateway}, {day.date}\n\n{words}")
