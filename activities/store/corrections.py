"""Corrections of invoices: each verb is one transaction that writes document, number, balance and ledger together, once. It
holds the invoice until the transaction ends, and keeps who asked for it and why."""

from datetime import datetime, timedelta

from activities.store import (
    balances,
    collections,
    coupons,
    credit_notes,
    crediting,
    invoice_events,
    invoices,
    ledger,
    legal_entities,
    subscription_lines,
    wallets,
)
from activities.store.crediting import Asked
from activities.store.database import Connection
from activities.store.invoices import StoredInvoice
from domain.billing import discounts, gathering
from domain.billing.corrections import CreditCommand, FinalizeCommand, GiveUpCommand, RescheduleCommand
from domain.billing.credit_notes import CreditNote, left_of
from domain.billing.credits import given_back
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice, voided, written_off
from domain.billing.postings import invoice_voided, invoice_written_off
from domain.errors import Conflict
from domain.money import Money


async def ask_to_finalize(connection: Connection, invoice: str, command: FinalizeCommand, now: datetime) -> None:
    """Keep who asked for a draft that may be issued, before it is: one that waits for its tax is issued later, by itself. Again
    changes nothing. Raises NotFound."""
    draft = (await invoices.get(connection, invoice, lock=True)).invoice
    seller = await legal_entities.get(connection, draft.legal_entity)
    if draft.state is not InvoiceState.draft or seller.today(now) < draft.issue_date:
        return
    known = {(each.type, each.actor) for each in await invoice_events.of_invoice(connection, invoice)}
    if ("finalizing", command.by) not in known:
        await invoice_events.append(connection, invoice, "finalizing", command.by, "to be issued at once", now)


async def void(connection: Connection, invoice: str, command: GiveUpCommand, now: datetime) -> Invoice:
    """Take back an invoice that nothing was paid on and nothing credited, with what it had taken from the balance and from
    prepaid credit. Again changes nothing. Raises NotFound, Conflict.

    The lines of a voided draft stay on it and are never invoiced: what is still to be charged is charged anew.
    """
    stored = await invoices.get(connection, invoice, lock=True)
    await collections.open_of(connection, invoice, refuse=True)
    before = stored.invoice
    if before.state is InvoiceState.voided:
        return before
    after = voided(before)
    await invoices.save(connection, before, after)
    if before.state is not InvoiceState.draft:
        await _take_back(connection, stored, now)
        await _give_coupons_back(connection, before)
    await invoice_events.append(connection, invoice, "voided", command.by, command.reason, now)
    return after


async def _take_back(connection: Connection, stored: StoredInvoice, now: datetime) -> None:
    invoice = stored.invoice
    deferred = await ledger.deferred(connection, [line.id for line in invoice.lines])
    await ledger.post(connection, [invoice_voided(invoice, deferred, now)], stored.order)
    if invoice.settlement is None:
        return
    if invoice.settlement.to_balance:
        await balances.change(connection, invoice.customer, -invoice.settlement.to_balance)
    if invoice.settlement.prepaid_applied:
        wallet = await wallets.lock(connection, invoice.customer, invoice.currency)
        await wallets.save(connection, given_back(wallet, invoice.id))


async def _give_coupons_back(connection: Connection, invoice: Invoice) -> None:
    taken: dict[str, Money] = {}
    for discount in (each for line in invoice.lines for each in line.discounts):
        taken[discount.redemption] = taken.get(discount.redemption, Money.zero(invoice.currency)) + discount.amount
    evidence = await invoices.evidence(connection, invoice.id)
    if not taken or evidence is None:
        return
    known = await coupons.by_key(connection, taken.keys())
    settings = evidence.settings.discounts
    await coupons.save(connection, [discounts.given_back(each, taken[each.key], settings) for each in known])


async def write_off(connection: Connection, invoice: str, command: GiveUpCommand, now: datetime) -> Invoice:
    """Give up what is due of an invoice. Again changes nothing. Raises NotFound, and Conflict where nothing is due."""
    stored = await invoices.get(connection, invoice, lock=True)
    await collections.open_of(connection, invoice, refuse=True)
    if stored.invoice.state is InvoiceState.uncollectible:
        return stored.invoice
    after = written_off(stored.invoice)
    await invoices.save(connection, stored.invoice, after)
    await ledger.post(connection, [invoice_written_off(after, now)], stored.order)
    await invoice_events.append(connection, invoice, "written_off", command.by, command.reason, now)
    return after


async def reschedule(connection: Connection, invoice: str, command: RescheduleCommand, now: datetime) -> Invoice:
    """Issue a draft on another date. Again changes nothing. Raises NotFound, and Conflict for a date that is past and an
    invoice that is no draft."""
    stored = await invoices.get(connection, invoice, lock=True)
    before = stored.invoice
    if before.state is not InvoiceState.draft:
        raise Conflict(f"invoice {before.number or invoice} is {before.state}, so its issue date stays {before.issue_date}")
    if before.issue_date == command.issue_date:
        return before
    seller = await legal_entities.get(connection, before.legal_entity)
    moved = gathering.reschedule(stored.gathered(), command.issue_date, now, seller.gathering)
    due_date = moved.issue_date + timedelta(days=seller.terms.net_days)
    await invoices.reschedule(connection, moved, due_date, gathering.finalizable_at(moved, seller.gathering))
    text = f"issue date {moved.issue_date} instead of {before.issue_date}"
    await invoice_events.append(connection, invoice, "rescheduled", command.by, text, now)
    return before.model_copy(update={"issue_date": moved.issue_date, "due_date": due_date})


async def credit(connection: Connection, invoice: str, command: CreditCommand, now: datetime) -> CreditNote:
    """Issue a credit note; what the customer has paid of it becomes credit. The same key again is the same note, and a Conflict
    where something else was asked for under it. Raises NotFound, BadInput, Conflict."""
    stored = await invoices.get(connection, invoice, lock=True)
    await collections.open_of(connection, invoice, refuse=True)
    asked = Asked(request=command, key=command.key)
    known = await credit_notes.made_for(connection, invoice, asked.key, asked.digest)
    if known is not None:
        return known
    made = await crediting.issue(connection, stored.invoice, asked, now)
    await _refuse_given_back(connection, stored.invoice, made.note)
    await ledger.post(connection, [made.booked], stored.order)
    if made.note.to_credit:
        await balances.change(connection, stored.invoice.customer, made.note.to_credit)
    text = f"credit note {made.note.number} over {made.note.taxed.gross}: {made.note.memo or made.note.reason}"
    await invoice_events.append(connection, invoice, "credited", command.by, text, now)
    return made.note


async def _refuse_given_back(connection: Connection, invoice: Invoice, note: CreditNote) -> None:
    """Conflict where a change has given back, on its own invoice, some of what the note takes."""
    given = await subscription_lines.given_back(connection, [line.id for line in note.taxed.lines])
    left = left_of(invoice, await credit_notes.of_invoice(connection, invoice.id)) if given else {}
    for each in given:
        line = each.line.gives_back.line if each.line.gives_back else ""
        if left.get(line, -each.line.amount) < -each.line.amount:
            raise Conflict(f"{-each.line.amount} of line {line} was given back by a change, on invoice {each.invoice}")
