"""Test clocks, carried out with the production code: each due row by the process it concerns, which is waited for."""

import asyncio
from datetime import datetime

from temporalio import activity
from temporalio.client import WorkflowHandle

from activities.adapters.tax.engines import TaxEngines
from activities.contracts.clocks import Clocks
from activities.runtime.processes import Processes
from activities.store import billables, clocks, due_rows, invoices, invoicing, life_fallout, payment_methods, revenue, wallets
from activities.store.database import Database
from activities.store.due_rows import DueRow, Kind
from domain.clocks import Advance, Moment
from domain.collection import CollectionRequest
from domain.errors import Conflict, Unavailable

PAGE = 1000
OPEN_FOR = 20.0
"""Seconds that a collection is waited for: a payment that is pending goes on by itself, and the clock with it."""


class StoredClocks(Clocks):
    def __init__(self, database: Database, engines: TaxEngines, processes: Processes) -> None:
        self._database = database
        self._engines = engines
        self._processes = processes

    @activity.defn(name="clock_next")
    async def next(self, advance: Advance) -> Moment:
        async with self._database.transaction() as connection:
            return await clocks.next_moment(connection, advance.clock, advance.to)

    @activity.defn(name="clock_bill")
    async def bill(self, advance: Advance) -> str:
        async with self._database.transaction() as connection:
            now = (await clocks.get(connection, advance.clock)).now
            customers = await clocks.customers_of(connection, advance.clock)
            for owner in await wallets.expiring_of(connection, customers, now):
                await revenue.expire_credit(connection, *owner, now)
            await payment_methods.expire(connection, now, PAGE, customers)
            debtors = await billables.debtors_of(connection, customers, now)
            gathered = len(await invoicing.gather_debtors(connection, debtors, now)) if debtors else 0
            drafts = await invoices.finalizable_of(connection, customers, now)
        issued = len((await invoicing.finalize_drafts(self._database, self._engines, drafts, now)).issued) if drafts else 0
        async with self._database.transaction() as connection:
            overdue = await invoicing.age_of(connection, customers, now)
        return f"{gathered} drafts made or added to, {issued} invoices issued, {overdue} overdue"

    @activity.defn(name="clock_hand_out")
    async def hand_out(self, key: str) -> str:
        async with self._database.transaction() as connection:
            row = await due_rows.get(connection, key)
            now = None if row is None else await clocks.business_now(connection, row.customer)
        if row is None or now is None or row.due_at > now:
            return "done before"
        return await (self._collect(row) if row.kind is Kind.collect else self._act(row, now))

    async def _act(self, row: DueRow, now: datetime) -> str:
        """Raises Unavailable where the process ended without having done it: it is asked again. Conflict where that waits for
        an operator: the clock has come to a halt."""
        said = await (await self._processes.due(row)).result()
        async with self._database.transaction() as connection:
            left = await due_rows.get(connection, row.key)
            halting = bool(await life_fallout.opened(connection, row.key))
        if left is None or left.due_at > now:
            return said
        raise (Conflict if halting else Unavailable)(f"{row.key} is still due" + (f": {left.error}" if left.error else ""))

    async def _collect(self, row: DueRow) -> str:
        process = await self._processes.collect(CollectionRequest.model_validate_json(row.payload["request"]))
        said = await _result(process)
        async with self._database.transaction() as connection:
            await due_rows.remove(connection, [row.key])
        return said


async def _result(process: WorkflowHandle[object, str]) -> str:
    try:
        return await asyncio.wait_for(process.result(), OPEN_FOR)
    except TimeoutError:
        return "the payment is not decided yet"
