"""The end of a subscription: decided, taken back, and carried out at its instant, all in one transaction each."""

from datetime import datetime, timedelta
from functools import partial

from activities.store import (
    access_blocks,
    billables,
    catalogue,
    clocks,
    corrections,
    deprovisioning,
    due_rows,
    invoices,
    life_policies,
    messages,
    ordered_changes,
    subscription_lines,
    subscriptions,
)
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.subscription_lines import BilledLine
from activities.store.subscriptions import StoredSubscription
from activities.store.unused import of_line
from domain.billing.corrections import CreditCommand
from domain.billing.credit_notes import CreditReason, LineCredit
from domain.billing.debits import PeriodCredit
from domain.billing.gathering import Billable
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice
from domain.billing.lines import InvoiceLine
from domain.billing.tax.reversal import Basis
from domain.billing.zones import local_date, zone_of
from domain.errors import Conflict
from domain.facts import Event
from domain.messages import MessageFacts, MessageKind
from domain.money import total
from domain.states import SubscriptionState
from domain.subscriptions.changes import credit_line
from domain.subscriptions.ending import (
    EARLY_END,
    CancelCommand,
    Cancellation,
    early_fee,
    ends_at,
    fee_line,
    given_back,
    scheduled,
    unused,
    used_until,
)
from domain.subscriptions.facts import Ending, EndReason, Subscription
from domain.subscriptions.policies import EndingPolicy, MissedCycles, Unused
from domain.subscriptions.renewal import DuePeriod, charge_of, left_from, line_of, renewed
from domain.values import digest_of

ENDED = "ended"
"""The reason why what has ended is not to be used."""
WORKFLOW = "subscription"
UNTIL_ISSUED = timedelta(hours=1)
"""How long what is to be given back rests where its invoice is not issued yet."""


async def preview(connection: Connection, subscription: str, command: CancelCommand) -> Cancellation:
    """What cancelling comes to. Raises NotFound and Conflict as cancelling does."""
    stored = await subscriptions.get(connection, subscription)
    return await _cancellation(connection, stored, command, await _as_of(connection, stored.subscription.customer, command))


async def cancel(connection: Connection, subscription: str, command: CancelCommand) -> Cancellation:
    """Decide its end, and carry it out where it is due at once. The same again changes nothing; another date moves the end.
    Raises NotFound; Conflict where it has ended, at a stale version, or where it comes to other than the preview showed."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    ordered = command.ordered
    if ordered and (known := await ordered_changes.made(connection, ordered.reference)):
        return Cancellation.model_validate(known)
    now = await clocks.business_now(connection, stored.subscription.customer)
    made = await _cancellation(connection, stored, command, await _as_of(connection, stored.subscription.customer, command))
    if command.shown is not None and digest_of(made) != command.shown:
        raise Conflict("what the cancellation comes to is other than the preview showed; preview again")
    if ordered is not None:
        await ordered_changes.keep(connection, ordered.reference, subscription, made)
    if stored.subscription.ending is not None and stored.subscription.ending.at == made.at:
        return made
    changed = scheduled(stored.subscription, command, made.at)
    await _take_fee_back(connection, subscription)
    if made.fee:
        charge = fee_line(changed, made.fee)
        billed = Billable(line=charge, customer=changed.customer, legal_entity=changed.legal_entity, due_at=max(made.at, now))
        await billables.add(connection, [billed])
    words = f" ({command.words})" if command.words else ""
    event = Event(
        key=f"cancelled:{stored.version}",
        type="subscription.cancelled",
        at=now,
        actor=command.by,
        summary=f"is to end on {made.at:%Y-%m-%d %H:%M} UTC{words}",
        data=ordered.as_facts if ordered else {},
    )
    changed = await without_what_follows(connection, changed, made.at)
    await subscriptions.save(connection, changed, [event], now)
    if made.at <= now:
        await end(connection, changed, now)
    else:
        await due_rows.put(connection, [_row(changed, Kind.end, f"{changed.id}:end", made.at)])
    return made


async def end_with(connection: Connection, subscription: str, at: datetime, by: str, words: str, now: datetime) -> None:
    """Have it end at `at`, since what it goes with does; it is ended by its own process. One that ends before does so."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    known = stored.subscription
    if known.ended_at is not None or (known.ending is not None and known.ending.at <= at):
        return
    ending = Ending(at=at, reason=EndReason.requested, by=by, words=words)
    changed = await without_what_follows(connection, known.model_copy(update={"ending": ending}), at)
    summary = f"is to end on {at:%Y-%m-%d %H:%M} UTC ({words})"
    event = Event(key=f"cancelled:{stored.version}", type="subscription.cancelled", at=now, actor=by, summary=summary)
    await subscriptions.save(connection, changed, [event], now)
    await due_rows.put(connection, [_row(changed, Kind.end, f"{changed.id}:end", max(at, now))])


async def uncancel(connection: Connection, subscription: str, by: str) -> SubscriptionState:
    """Go on after all; one that is to go on already is left as it is. Raises NotFound, and Conflict where it has ended."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    now = await clocks.business_now(connection, stored.subscription.customer)
    _refuse_ended(stored)
    if stored.subscription.ending is None:
        return stored.state
    await due_rows.remove(connection, [f"{subscription}:end"])
    changed = stored.subscription.model_copy(update={"ending": None})
    await _take_fee_back(connection, subscription)
    event = Event(
        key=f"uncancelled:{stored.version}", type="subscription.uncancelled", at=now, actor=by, summary="is to go on after all"
    )
    return await subscriptions.save(connection, changed, [event], now)


async def _take_fee_back(connection: Connection, subscription: str) -> None:
    """An end that was decided before is not to be: its fee, which another end has its own of, is not charged."""
    fee = [each for each in await subscription_lines.waiting(connection, subscription) if each.line.charge == EARLY_END]
    await subscription_lines.take_back(connection, fee)


async def end(connection: Connection, subscription: Subscription, now: datetime) -> SubscriptionState:
    """Carry out the end that is decided: billing and access end at the same instant. The caller has locked its row."""
    ending = subscription.ending or Ending(at=now, reason=EndReason.supplier, by=WORKFLOW)
    later = await catalogue.moving(connection, subscription)
    made = renewed(subscription.model_copy(update={"ending": ending}), ending.at, MissedCycles.each, later)
    last = [line_of(made.subscription, due) for due in made.charged]
    charged = [
        Billable(line=line, customer=subscription.customer, legal_entity=subscription.legal_entity, due_at=now)
        for line in last
        if line.amount
    ]
    await billables.add(connection, charged)
    ended = await without_what_follows(connection, made.subscription, ending.at, shortened=True)
    ended = ended.model_copy(update={"ended_at": ending.at, "owed": (), "paused_since": None, "billing_stop": None})
    await give_back_later(connection, ended, used_until(subscription, ending.at), now)
    await access_blocks.block(connection, [ended.service], ENDED, ended.id, now)
    await due_rows.remove(connection, [f"{ended.id}:end"])
    await deprovisioning.begin(connection, ended, now)
    event = Event(
        key=f"{ENDED}{ended.once_more}",
        type="subscription.ended",
        at=ending.at,
        actor=ending.by,
        summary=f"ended ({ending.reason.replace('_', ' ')}{': ' + ending.words if ending.words else ''})",
    )
    kind = MessageKind.ended_unpaid if ending.reason is EndReason.unpaid else MessageKind.ended
    facts = MessageFacts(plan=ended.plan_name, on=local_date(ending.at, zone_of(ended.timezone)))
    await messages.tell(connection, f"{ended.id}:ended{ended.once_more}", ended.customer, kind, facts, now)
    return await subscriptions.save(connection, ended, [event], now)


async def give_back(connection: Connection, subscription: Subscription, row: DueRow, now: datetime) -> str:
    """Credit what of an invoice lies beyond the end, or in a suspension. Raises Conflict while a payment of it is under way: it
    is tried again. One that is not issued yet is waited for."""
    at, until = (datetime.fromisoformat(row.payload[name]) if name in row.payload else None for name in ("at", "until"))
    wanted = row.payload["lines"].split()
    found = row.payload.get("invoice") or await subscription_lines.issued_on(connection, wanted[0])
    if at is None or found is None:
        await due_rows.put(connection, [row.model_copy(update={"due_at": now + UNTIL_ISSUED})])
        return f"subscription {subscription.id}: what is to be given back is on no invoice yet"
    invoice = (await invoices.get(connection, found, lock=True)).invoice
    rule = partial(unused, until=until)
    found_back = [await of_line(connection, subscription, invoice, line, at, rule) for line in wanted]
    given = [each for each in found_back if each]
    lines = tuple(LineCredit(line=each.debit, amount=each.gross + each.unpaid) for each in given)
    if lines and _is_more_than_left(invoice, given):
        await _give_back_on_next(connection, subscription, invoice, given, now)
    elif lines:
        days = f"from {at:%Y-%m-%d} on" if until is None else f"from {at:%Y-%m-%d} to {until:%Y-%m-%d}"
        memo = f"{subscription.plan_name}: not used {days}"
        command = CreditCommand(
            reason=CreditReason.cancellation, memo=memo, lines=lines, basis=Basis.gross, by=WORKFLOW, key=row.key
        )
        await corrections.credit(connection, invoice.id, command, now)
    await due_rows.remove(connection, [row.key])
    return f"invoice {invoice.number}: what was not used of it is credited"


def _is_more_than_left(invoice: Invoice, given: list[PeriodCredit]) -> bool:
    """Whether it is more than a credit note can take: an invoice that gives back what an earlier one had charged comes to less
    than its charges."""
    left = invoice.gross - invoice.credited
    return left < total([each.gross + each.unpaid for each in given], invoice.currency)


async def _give_back_on_next(
    connection: Connection, subscription: Subscription, invoice: Invoice, given: list[PeriodCredit], now: datetime
) -> None:
    """By lines of an invoice of its own, which becomes the customer's credit."""
    billed = {line.id: line for line in invoice.lines}
    lines = [credit_line(billed[each.debit], invoice.id, each) for each in given]
    entity = subscription.legal_entity
    back = [Billable(line=line, customer=subscription.customer, legal_entity=entity, due_at=now) for line in lines if line]
    await billables.add(connection, back)


async def _as_of(connection: Connection, customer: str, command: CancelCommand) -> datetime:
    """The instant of the preview, where there was one; what its test clock shows, where the customer has one."""
    frozen = (await clocks.frozen(connection, [customer])).get(customer)
    return frozen or command.as_of or await clocks.business_now(connection, customer)


async def _cancellation(
    connection: Connection, stored: StoredSubscription, command: CancelCommand, now: datetime
) -> Cancellation:
    _refuse_ended(stored)
    if command.version is not None and command.version != stored.version:
        raise Conflict(f"subscription {stored.subscription.id} is at version {stored.version}; look at it again")
    if command.ordered is not None:
        command.ordered.refuse_another(stored.subscription)
    subscription, policy = stored.subscription, await life_policies.get(connection, EndingPolicy)
    not_begun = [each for each in await subscription_lines.beyond(connection, subscription.id, now) if _begins_from(each, now)]
    at = ends_at(_rewound(subscription, not_begun), command, now, policy)
    credited: list[PeriodCredit] = []
    used = used_until(subscription, at)
    if policy.unused is Unused.credit:
        for each in await subscription_lines.beyond(connection, subscription.id, used):
            if each.invoice is not None and each.is_issued and each.line.id not in subscription.given_back:
                invoice = (await invoices.get(connection, each.invoice)).invoice
                credit = await of_line(connection, subscription, invoice, each.line.id, used, unused)
                credited += [credit] if credit else []
    return Cancellation(
        subscription=subscription.id,
        at=at,
        given_back=given_back(credited, subscription.currency),
        fee=early_fee(subscription, at, policy),
        access_until=at,
        data_until=max(at, now) + policy.retention,
    )


async def without_what_follows(
    connection: Connection, subscription: Subscription, at: datetime, *, shortened: bool = False
) -> Subscription:
    """Take back what is on the list for periods that begin at the end or after it, as if it had not been billed; `shortened`
    charges a period that lasts longer than the subscription for its part."""
    beyond = await subscription_lines.beyond(connection, subscription.id, at)
    open_ = [each for each in beyond if not each.is_issued and each.line.gives_back is None]
    after = [each for each in open_ if _begins_from(each, at)]
    await subscription_lines.take_back(connection, after)
    for each in [each for each in open_ if shortened and each not in after]:
        await subscription_lines.replace(connection, each, _shortened(subscription, each, at))
    return _rewound(subscription, after)


def _begins_from(billed: BilledLine, at: datetime) -> bool:
    """Whether it charges a period that begins at `at` or later and that no invoice has issued."""
    charges = not billed.is_issued and billed.line.gives_back is None
    return charges and billed.line.period is not None and billed.line.period.start >= at


def _rewound(subscription: Subscription, lines: list[BilledLine]) -> Subscription:
    """As it was before these lines were billed."""
    progress = []
    for each in subscription.progress:
        begins = [one.line.period.start for one in lines if one.line.period and one.line.charge == each.charge]
        moved = {"number": each.number - len(begins), "until": min(begins)} if begins else {}
        progress.append(each.model_copy(update=moved))
    return subscription.model_copy(update={"progress": tuple(progress)})


def _shortened(subscription: Subscription, billed: BilledLine, at: datetime) -> InvoiceLine:
    progress = subscription.progress_of(billed.line.charge)
    if progress is None or billed.line.period is None:
        return billed.line
    schedule = charge_of(subscription, progress.charge).schedule(progress.anchor, subscription.timezone)
    number = int(billed.line.id.rpartition(":")[2])
    service = left_from(schedule.final(at), billed.line.period.start)
    return line_of(subscription, DuePeriod(charge=progress.charge, number=number, service=service))


async def give_back_later(connection: Connection, subscription: Subscription, at: datetime, now: datetime) -> None:
    """Have what was billed beyond an end or a pause credited, invoice by invoice."""
    policy = await life_policies.get(connection, EndingPolicy)
    if policy.unused is Unused.nothing:
        return
    by_invoice: dict[str, list[str]] = {}
    for each in await subscription_lines.beyond(connection, subscription.id, at):
        given = each.line.id in subscription.given_back or each.state is InvoiceState.voided
        if each.invoice is not None and each.is_issued and not given:
            by_invoice.setdefault(each.invoice, []).append(each.line.id)
    rows = []
    for invoice, lines in by_invoice.items():
        row = _row(subscription, Kind.unused, f"{subscription.id}:unused:{invoice}:{at:%Y%m%d%H%M%S}", now)
        rows.append(row.model_copy(update={"payload": {"invoice": invoice, "at": at.isoformat(), "lines": " ".join(lines)}}))
    await due_rows.put(connection, rows)


def _refuse_ended(stored: StoredSubscription) -> None:
    if stored.subscription.ended_at is not None:
        raise Conflict(f"subscription {stored.subscription.id} ended on {stored.subscription.ended_at:%Y-%m-%d}")


def _row(subscription: Subscription, kind: Kind, key: str, at: datetime) -> DueRow:
    return DueRow(key=key, kind=kind, subject=subscription.id, customer=subscription.customer, due_at=at)


async def hold(connection: Connection, subscription: str, reason: str, by: str) -> None:
    """Keep its data for a legal reason, or no longer where the reason is empty. Again changes nothing. Raises NotFound."""
    stored = await subscriptions.get(connection, subscription, lock=True)
    if stored.subscription.legal_hold == reason:
        return
    now = await clocks.business_now(connection, stored.subscription.customer)
    words = f"its data is kept: {reason}" if reason else "its data need not be kept any more"
    event = Event(key=f"hold:{stored.version}", type="subscription.hold", at=now, actor=by, summary=words)
    changed = stored.subscription.model_copy(update={"legal_hold": reason})
    await subscriptions.save(connection, changed, [event], now)
