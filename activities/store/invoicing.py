"""From what is due to what is issued: drafts are gathered and issued a page at a time, each line and document once."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from activities.adapters.tax.engine import TaxQuestion
from activities.adapters.tax.engines import TaxEngines
from activities.store import (
    balances,
    billables,
    collections,
    coupons,
    invoices,
    ledger,
    legal_entities,
    numbers,
    revenue,
    wallets,
)
from activities.store.billables import Debtor
from activities.store.database import Connection, Database
from activities.store.invoices import OpenDraft, StoredInvoice
from activities.store.issuing import Answers, Issuing, Ready, Unasked, asking
from domain.billing.entities import DEFAULT, LegalEntity
from domain.billing.gathering import Billable, Gathered, finalizable_at, gather, tried_again_at
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice, aged, charge_of
from domain.billing.numbers import DocumentKind
from domain.billing.postings import invoice_finalized
from domain.errors import Conflict, NotFound, TurnupError, Unavailable
from domain.values import digest_of

TAX = "tax"
"""What a draft waits for while its tax engine does not answer."""


@dataclass
class Outcome:
    """What became of each draft, by its id."""

    issued: dict[str, StoredInvoice] = field(default_factory=dict)
    failed: dict[str, TurnupError] = field(default_factory=dict)


async def gather_debtor(connection: Connection, debtor: Debtor, now: datetime) -> list[str]:
    """Put what a debtor is due at `now` on its open drafts, or on new ones; returns their ids. Again changes nothing. Raises
    NotFound for an unknown legal entity."""
    return await gather_debtors(connection, [debtor], now)


async def gather_debtors(connection: Connection, debtors: Sequence[Debtor], now: datetime) -> list[str]:
    """As `gather_debtor`, for a page of them together."""
    sellers = {seller.id: seller for seller in await legal_entities.every(connection)}
    due = await billables.due(connection, debtors, now)
    known = [each.gathered() for each in await invoices.drafts_of(connection, debtors)]
    drafts = _gathered(due, known, sellers, now)
    if drafts:
        await invoices.put_drafts(connection, [_open(each, sellers[each.group.legal_entity]) for each in drafts])
        new = {each.line.id for each in due}
        await billables.put_on(connection, {line.id: each.id for each in drafts for line in each.lines if line.id in new})
    return [each.id for each in drafts]


def _gathered(
    due: Sequence[Billable], known: Sequence[Gathered], sellers: Mapping[str, LegalEntity], now: datetime
) -> list[Gathered]:
    """The drafts that are new or grow."""
    drafts: list[Gathered] = []
    for entity in sorted({each.legal_entity for each in due}):
        if entity not in sellers:
            raise NotFound("legal entity", entity)
        lines = [each for each in due if each.legal_entity == entity]
        own = [each for each in known if each.group.legal_entity == entity]
        drafts += gather(lines, own, (), sellers[entity].gathering, now)
    return drafts


def _open(gathered: Gathered, seller: LegalEntity) -> OpenDraft:
    due_date = gathered.issue_date + timedelta(days=seller.terms.net_days)
    return OpenDraft(gathered=gathered, due_date=due_date, finalizable_at=finalizable_at(gathered, seller.gathering))


async def finalize_draft(
    database: Database, engines: TaxEngines, invoice: str, now: datetime, shown: str | None = None
) -> StoredInvoice:
    """Issue a draft, also before it is due to be issued by itself; one that is issued already is returned as it is. `shown` is
    the digest of the charge that it has to come to, else Conflict, and it stays as it was.

    Raises NotFound; Unavailable while its tax engine does not answer, and Conflict where something else has to be put right
    first: the draft then waits, and says for what."""
    outcome = await finalize_drafts(database, engines, [invoice], now, {invoice: shown} if shown else {})
    if error := outcome.failed.get(invoice):
        raise _by_hand(invoice, error)
    if invoice not in outcome.issued:
        raise NotFound("invoice", invoice)
    return outcome.issued[invoice]


def _by_hand(invoice: str, error: TurnupError) -> TurnupError:
    return error if isinstance(error, Unavailable | Conflict) else Conflict(f"invoice {invoice} cannot be issued: {error}")


async def finalize_drafts(
    database: Database, engines: TaxEngines, ids: Sequence[str], now: datetime, shown: Mapping[str, str] | None = None
) -> Outcome:
    """Issue drafts in the order of `ids`, together; one that cannot be issued does not keep the others from it, and waits.
    `shown` as for `finalize_draft`, by id."""
    outcome = Outcome()

    async def work(answers: Answers) -> list[TaxQuestion]:
        pending = [key for key in ids if key not in outcome.issued and key not in outcome.failed]
        async with database.transaction() as connection:
            done, unasked = await _finalize(connection, engines, pending, answers, now, shown or {})
        outcome.issued |= done.issued
        outcome.failed |= done.failed
        return unasked

    await asking(engines, work)
    return outcome


async def _finalize(
    connection: Connection,
    engines: TaxEngines,
    ids: Sequence[str],
    answers: Answers,
    now: datetime,
    shown: Mapping[str, str],
) -> tuple[Outcome, list[TaxQuestion]]:
    found = await invoices.several(connection, ids)
    drafts = {key: found[key].gathered() for key in ids if key in found and found[key].invoice.state is InvoiceState.draft}
    outcome = _ended(found, drafts)
    issuing = await Issuing.of(connection, engines, list(drafts.values()), answers, now)
    ready: list[Ready] = []
    unasked: list[TaxQuestion] = []
    for key, gathered in drafts.items():
        await asyncio.sleep(0)  # what else this process has to do goes on meanwhile
        try:
            made = await issuing.ready(gathered, issuing.today(gathered))
            _refuse_stale(made.invoice, shown.get(key))
            ready.append(made)
        except Unasked as error:
            unasked.append(error.question)
        except Stale as error:
            outcome.failed[key] = error
        except TurnupError as error:
            outcome.failed[key] = error
            await _put_off(connection, issuing, gathered, error)
    for each in await _issue(connection, ready, issuing):
        outcome.issued[each.id] = found[each.id].model_copy(update=_as_issued(each, now))
    return outcome, unasked


async def issue_at_once(
    connection: Connection, engines: TaxEngines, gathered: Gathered, answers: Answers, now: datetime
) -> Invoice:
    """Issue an invoice over lines that are on no other, whose money the caller has; nobody is asked for it. Raises Unasked, and
    what keeps it from being issued."""
    group = gathered.group
    seller = await legal_entities.get(connection, group.legal_entity)
    lines = [
        Billable(line=line, customer=group.customer, legal_entity=group.legal_entity, due_at=now) for line in gathered.lines
    ]
    await invoices.put_drafts(connection, [_open(gathered, seller)])
    await billables.add(connection, lines, gathered.id)
    issuing = await Issuing.of(connection, engines, [gathered], answers, now)
    made = await issuing.ready(gathered, issuing.today(gathered))
    return (await _issue(connection, [made], issuing, collected=True))[0]


async def today_of(connection: Connection, legal_entity: str, now: datetime) -> date:
    """The legal entity's local date."""
    return (await legal_entities.get(connection, legal_entity)).today(now)


class Stale(Conflict):
    """What is to be issued is not what was shown: whoever asked looks again, and the draft does not wait for anything."""


def _refuse_stale(invoice: Invoice, shown: str | None) -> None:
    if shown is not None and digest_of(charge_of(invoice)) != shown:
        raise Stale(f"invoice {invoice.id} comes to {invoice.gross}, which is other than the preview showed; preview again")


def _ended(found: Mapping[str, StoredInvoice], drafts: Mapping[str, Gathered]) -> Outcome:
    """What is no draft any more."""
    issued = {key: each for key, each in found.items() if each.issued_at is not None}
    others = found.keys() - issued.keys() - drafts.keys()
    return Outcome(issued, {key: Conflict(f"invoice {key} was voided, and is issued no more") for key in others})


def _as_issued(invoice: Invoice, now: datetime) -> dict[str, object]:
    return {"invoice": invoice, "issued_at": now, "finalizable_at": None, "waiting_for": None}


async def _put_off(connection: Connection, issuing: Issuing, gathered: Gathered, error: TurnupError) -> None:
    """One that is not to be issued yet keeps its date."""
    if gathered.issue_date <= issuing.today(gathered):
        until = tried_again_at(gathered, issuing.seller(gathered).gathering, issuing.now)
        await invoices.put_off(connection, gathered.id, until, TAX if isinstance(error, Unavailable) else str(error))


async def _issue(connection: Connection, ready: Sequence[Ready], issuing: Issuing, *, collected: bool = False) -> list[Invoice]:
    """With their numbers, which come last: whoever else issues waits for them. Nobody is asked for what is `collected`."""
    if not ready:
        return []
    await _settle(connection, ready, issuing)
    given = await _numbers(connection, ready)
    issued = [(each.invoice.model_copy(update={"number": given[each.invoice.id]}), each.evidence) for each in ready]
    await invoices.finalized(connection, issued, issuing.now)
    await ledger.post(connection, [invoice_finalized(invoice, issuing.now) for invoice, _ in issued])
    await revenue.plan(connection, [(invoice, evidence.seller) for invoice, evidence in issued], issuing.now)
    if not collected:
        await collections.ask_when_due(connection, [invoice for invoice, _ in issued])
    return [invoice for invoice, _ in issued]


async def _settle(connection: Connection, ready: Sequence[Ready], issuing: Issuing) -> None:
    """What the invoices took from, or gave to, their customers' balances, prepaid credit and coupons."""
    for each in sorted(ready, key=lambda each: (each.invoice.customer, each.invoice.id)):
        settlement = each.invoice.settlement
        if settlement is not None and settlement.to_balance:
            await balances.change(connection, each.invoice.customer, settlement.to_balance)
        if settlement is not None and settlement.prepaid_applied:
            purse = issuing.facts.purses[each.invoice.customer, each.invoice.currency]
            await wallets.save(connection, purse.wallet)
        await coupons.save(connection, each.redemptions)


async def _numbers(connection: Connection, ready: Sequence[Ready]) -> dict[str, str]:
    """By invoice. A series is locked after the other in the order of the legal entities."""
    sellers = {each.evidence.seller.id: each.evidence.seller for each in ready}
    given: dict[str, str] = {}
    counts = Counter((each.invoice.legal_entity, each.invoice.issue_date) for each in ready)
    for (entity, today), count in sorted(counts.items()):
        format_ = sellers[entity].number_format(DocumentKind.invoice)
        own = [each.invoice.id for each in ready if (each.invoice.legal_entity, each.invoice.issue_date) == (entity, today)]
        given |= zip(own, await numbers.take_several(connection, format_, today, count), strict=True)
    return given


async def preview(database: Database, engines: TaxEngines, debtor: Debtor, at: datetime) -> list[Invoice]:
    """What gathering and issuing all that a debtor is due at `at` would charge: one document for each group of lines, none
    where nothing is due. They have no number, and the scheduled day of issue. Nothing is written. Raises what issuing them by
    hand would."""
    made: list[Invoice] = []

    async def work(answers: Answers) -> list[TaxQuestion]:
        async with database.transaction() as connection:
            found, unasked = await _preview(connection, engines, debtor, answers, at)
        made[:] = found
        return unasked

    await asking(engines, work)
    return made


async def _preview(
    connection: Connection, engines: TaxEngines, debtor: Debtor, answers: Answers, at: datetime
) -> tuple[list[Invoice], list[TaxQuestion]]:
    sellers = {seller.id: seller for seller in await legal_entities.every(connection)}
    due = await billables.due(connection, [debtor], at)
    known = [each.gathered() for each in await invoices.drafts_of(connection, [debtor])]
    drafts = {each.id: each for each in (*known, *_gathered(due, known, sellers, at))}
    issuing = await Issuing.of(connection, engines, list(drafts.values()), answers, at)
    made: list[Invoice] = []
    unasked: list[TaxQuestion] = []
    for key, gathered in drafts.items():
        try:
            made.append((await issuing.ready(gathered, max(gathered.issue_date, issuing.today(gathered)))).invoice)
        except Unasked as error:
            unasked.append(error.question)
        except TurnupError as error:
            raise _by_hand(key, error) from None
    return made, unasked


async def age_of(connection: Connection, customers: Sequence[str], now: datetime) -> int:
    """As `age`, of customers whose time a test clock tells."""
    sellers = {seller.id: seller for seller in await legal_entities.every(connection)}
    open_ = await invoices.several(connection, await invoices.unpaid_of(connection, customers))
    before = [stored.invoice for stored in open_.values()]
    after = [aged(each, sellers.get(each.legal_entity, DEFAULT).today(now)) for each in before]
    changed = [(old, new) for old, new in zip(before, after, strict=True) if new.state is not old.state]
    for old, new in changed:
        await invoices.save(connection, old, new)
    return len(changed)


async def age(connection: Connection, legal_entity: str, today: date, limit: int) -> int:
    """Call up to `limit` open invoices overdue that are past their due date on `today`, the legal entity's local date. Returns
    how many."""
    due = await invoices.falling_due(connection, legal_entity, today, limit)
    for stored in (await invoices.several(connection, due)).values():
        await invoices.save(connection, stored.invoice, aged(stored.invoice, today))
    return len(due)
