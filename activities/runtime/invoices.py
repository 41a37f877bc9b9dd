"""Commands to invoices, carried out on the store."""

from temporalio import activity

from activities.adapters.tax.engines import TaxEngines
from activities.contracts.invoices import Asked, Invoices
from activities.store import clocks, corrections, invoicing
from activities.store.database import Database
from domain.billing.corrections import CreditCommand, FinalizeCommand, GiveUpCommand, RescheduleCommand
from domain.billing.credit_notes import CreditNote
from domain.billing.invoices import Invoice


class StoredInvoices(Invoices):
    def __init__(self, database: Database, engines: TaxEngines) -> None:
        self._database = database
        self._engines = engines

    @activity.defn(name="invoice_finalize")
    async def finalize(self, asked: Asked[FinalizeCommand]) -> str:
        async with self._database.transaction() as connection:
            now = await clocks.business_now_of(connection, asked.invoice)
            await corrections.ask_to_finalize(connection, asked.invoice, asked.command, now)
        issued = await invoicing.finalize_draft(self._database, self._engines, asked.invoice, now, asked.command.shown)
        return _words(issued.invoice)

    @activity.defn(name="invoice_void")
    async def void(self, asked: Asked[GiveUpCommand]) -> str:
        async with self._database.transaction() as connection:
            now = await clocks.business_now_of(connection, asked.invoice)
            return _words(await corrections.void(connection, asked.invoice, asked.command, now))

    @activity.defn(name="invoice_write_off")
    async def write_off(self, asked: Asked[GiveUpCommand]) -> str:
        async with self._database.transaction() as connection:
            now = await clocks.business_now_of(connection, asked.invoice)
            return _words(await corrections.write_off(connection, asked.invoice, asked.command, now))

    @activity.defn(name="invoice_reschedule")
    async def reschedule(self, asked: Asked[RescheduleCommand]) -> str:
        async with self._database.transaction() as connection:
            now = await clocks.business_now_of(connection, asked.invoice)
            moved = await corrections.reschedule(connection, asked.invoice, asked.command, now)
        return f"invoice {moved.id} is to be issued on {moved.issue_date}"

    @activity.defn(name="invoice_credit")
    async def credit(self, asked: Asked[CreditCommand]) -> CreditNote:
        async with self._database.transaction() as connection:
            now = await clocks.business_now_of(connection, asked.invoice)
            return await corrections.credit(connection, asked.invoice, asked.command, now)


def _words(invoice: Invoice) -> str:
    return f"invoice {invoice.number or invoice.id} is {invoice.state.replace('_', ' ')}"
