"""Invoices. A draft is a row and the billable lines on it; from its issue on the document is frozen, and the amounts go on."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Select, and_, bindparam, case, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import billables, due_rows, ledger
from activities.store.billables import Debtor
from activities.store.database import Connection, among
from activities.store.tables.customers import ON_A_CLOCK
from activities.store.tables.invoices import invoices
from domain.billing.balance import OpenItem
from domain.billing.evidence import Evidence
from domain.billing.gathering import Billable, Gathered, Group, in_order
from domain.billing.invoice_states import OPEN, InvoiceState
from domain.billing.invoices import Invoice, Received, changed, receive
from domain.billing.ledger import Transaction
from domain.billing.lines import InvoiceLine
from domain.errors import Conflict, NotFound
from domain.money import Money
from domain.values import Instant, Value

_MOVING = {"number", "state", "paid", "credited", "written_off", "write_offs"}
"""What has columns of its own, since it is given or goes on after the document is frozen."""
_ISSUE = text(f"""
    WITH issued AS (
        INSERT INTO invoices SELECT * FROM jsonb_populate_record(NULL::invoices, CAST(:row AS jsonb))
    ),
    lines AS ({billables.ADDING}),
    planned AS (
        INSERT INTO revenue_schedules
        SELECT * FROM jsonb_populate_recordset(NULL::revenue_schedules, CAST(:planned AS jsonb)) ON CONFLICT DO NOTHING
    ),
    {ledger.POSTING}
    SELECT id FROM made
""")  # noqa: S608 - of constants alone
_AT_ISSUE = ("number", "state", "issue_date", "due_date", "total", "amount_due")
_ISSUED: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*_AT_ISSUE, "document", "evidence", "issued_at")} | {
    "finalizable_at": None,
    "waiting_for": None,
}
_GET = select(invoices).where(invoices.c.id == bindparam("id"))
_LOCKED = _GET.with_for_update()
_DRAFT = insert(invoices)
_NEVER_ISSUED = and_(invoices.c.state == InvoiceState.voided, invoices.c.number.is_(None))
_PUT_DRAFTS = _DRAFT.on_conflict_do_update(
    index_elements=["id"],
    set_={"total": _DRAFT.excluded.total}
    | {
        name: case((_NEVER_ISSUED, _DRAFT.excluded[name]), else_=invoices.c[name])
        for name in ("state", "issue_date", "due_date", "gathered_at", "finalizable_at")
    },
)
_SAVE = update(invoices).where(invoices.c.id == bindparam("of"))


class StoredInvoice(Value):
    """An invoice with what surrounds it. A draft's `invoice` has its lines as they were gathered, not yet drafted."""

    invoice: Invoice
    order: str | None = None
    subscription: str | None = None
    finalizable_at: Instant | None = None
    waiting_for: str | None = None
    gathered_at: Instant
    issued_at: Instant | None = None

    def gathered(self) -> Gathered:
        """A draft as what it was gathered from."""
        group = Group(
            customer=self.invoice.customer,
            legal_entity=self.invoice.legal_entity,
            currency=self.invoice.currency,
            subscription=self.subscription,
        )
        return Gathered(
            id=self.invoice.id,
            group=group,
            issue_date=self.invoice.issue_date,
            gathered_at=self.gathered_at,
            lines=self.invoice.lines,
        )


class OpenDraft(Value):
    """What is kept of a draft. It is issued by itself from `finalizable_at` on."""

    gathered: Gathered
    due_date: date
    finalizable_at: Instant


class InvoiceSummary(Value):
    """A line of the list of invoices."""

    id: str
    number: str | None
    state: InvoiceState
    customer: str
    legal_entity: str
    order: str | None = None
    issue_date: date
    due_date: date
    total: Money
    amount_due: Money
    waiting_for: str | None = None
    gathered_at: Instant


async def issue(
    connection: Connection,
    invoice: Invoice,
    evidence: Evidence,
    now: datetime,
    order: str | None = None,
    booked: Sequence[Transaction | None] = (),
    planned: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write an invoice that was finalized without having been a draft, with its lines, what is `booked` of it in the ledger and
    how it is `planned` to be earned, in one statement: whoever else is given a number waits for it. One of this id that is
    there already is an error of the database: its number would be given twice."""
    proof = {"evidence": evidence.model_dump(mode="json"), "document": _frozen(invoice)}
    row = {**_columns(invoice), **proof, "order_id": order, "gathered_at": now, "issued_at": now}
    lines = [
        Billable(line=line, customer=invoice.customer, legal_entity=invoice.legal_entity, due_at=now) for line in invoice.lines
    ]
    values = {"row": row, "planned": planned}
    written = {name: orjson.dumps(value).decode() for name, value in values.items()}
    parts = {"billables": billables.as_json(lines), "transactions": ledger.as_json(booked)}
    await connection.execute(_ISSUE, {**written, **parts, "invoice": invoice.id, "order": order})


async def put_drafts(connection: Connection, drafts: Sequence[OpenDraft]) -> None:
    """Write drafts that are new or have grown; one that was never issued, since its lines were all taken back, is one again.
    Their lines are put on them apart, by `billables.put_on`."""
    await connection.execute(_PUT_DRAFTS, [_draft_row(each) for each in drafts])


def _draft_row(draft: OpenDraft) -> dict[str, Any]:
    gathered = draft.gathered
    head = {"id": gathered.id, "state": InvoiceState.draft, **gathered.group.model_dump()}
    dates = {"issue_date": gathered.issue_date, "due_date": draft.due_date, "gathered_at": gathered.gathered_at}
    amounts = dict.fromkeys(("amount_due", "paid", "credited", "written_off", "write_offs"), 0)
    total = sum(line.amount.minor for line in gathered.lines)
    kept = {"finalizable_at": draft.finalizable_at, "total": total, "document": {}, "evidence": {}}
    return {**head, **dates, **amounts, **kept}


async def finalized(connection: Connection, issued: Sequence[tuple[Invoice, Evidence]], now: datetime) -> None:
    """Issue drafts that the transaction has locked."""
    written = (
        update(invoices).where(invoices.c.id == bindparam("draft"), invoices.c.state == InvoiceState.draft).values(_ISSUED)
    )
    await connection.execute(written, [_issued_row(invoice, evidence, now) for invoice, evidence in issued])
    if paid := [invoice.id for invoice, _ in issued if invoice.state is InvoiceState.paid]:
        await due_rows.tell_of_invoices(connection, paid)


def _issued_row(invoice: Invoice, evidence: Evidence, now: datetime) -> dict[str, Any]:
    written = {"document": _frozen(invoice), "evidence": evidence.model_dump(mode="json"), "issued_at": now}
    columns = {name: value for name, value in _columns(invoice).items() if name in _AT_ISSUE}
    return {"draft": invoice.id, **{f"new_{name}": value for name, value in {**columns, **written}.items()}}


async def put_off(connection: Connection, invoice: str, until: datetime, waiting_for: str | None = None) -> None:
    """A draft that cannot be issued yet, or is not to be."""
    values = {"finalizable_at": until, "waiting_for": waiting_for}
    await connection.execute(update(invoices).where(invoices.c.id == invoice).values(**values))


async def reschedule(connection: Connection, draft: Gathered, due_date: date, finalizable_at: datetime) -> None:
    values = {"issue_date": draft.issue_date, "due_date": due_date, "finalizable_at": finalizable_at}
    await connection.execute(update(invoices).where(invoices.c.id == draft.id).values(**values))


async def save(connection: Connection, before: Invoice, after: Invoice) -> None:
    """The invoice as it goes on: state and amounts. No draft any more, it waits for nothing. Conflict where the issued document
    would change."""
    if differing := list(changed(before, after)):
        raise Conflict(f"invoice {before.number} is issued, and its {differing[0]} stays as it is")
    columns = {"state", "amount_due", "paid", "credited", "written_off", "write_offs"}
    values = {name: value for name, value in _columns(after).items() if name in columns}
    values |= {"finalizable_at": None, "waiting_for": None}
    await connection.execute(_SAVE, {"of": after.id, **values})
    if (after.state, after.amount_due) != (before.state, before.amount_due) and after.state is not InvoiceState.draft:
        await due_rows.tell_of_invoices(connection, [after.id])


async def get(connection: Connection, invoice: str, *, lock: bool = False) -> StoredInvoice:
    """Raises NotFound. `lock` holds the row until the transaction ends."""
    found = await _all_stored(connection, _LOCKED if lock else _GET, id=invoice)
    if not found:
        raise NotFound("invoice", invoice)
    return found[0]


async def of_order(connection: Connection, order: str) -> list[StoredInvoice]:
    query = select(invoices).where(invoices.c.order_id == order).order_by(invoices.c.gathered_at, invoices.c.id)
    return await _all_stored(connection, query)


async def lock(connection: Connection, ids: Collection[str]) -> None:
    """Hold invoices until the transaction ends."""
    await connection.execute(select(invoices.c.id).where(among(invoices.c.id, ids)).order_by(invoices.c.id).with_for_update())


async def several(connection: Connection, ids: Collection[str]) -> dict[str, StoredInvoice]:
    """Those of `ids` that there are, by id, locked until the transaction ends."""
    query = select(invoices).where(among(invoices.c.id, ids)).order_by(invoices.c.id).with_for_update()
    return {each.invoice.id: each for each in await _all_stored(connection, query)}


async def drafts_of(connection: Connection, debtors: Sequence[Debtor]) -> list[StoredInvoice]:
    """The open drafts of these debtors, locked until the transaction ends."""
    place = (invoices.c.customer, invoices.c.legal_entity, invoices.c.currency)
    own = tuple_(*place).in_([(each.customer, each.legal_entity, each.currency) for each in debtors])
    query = select(invoices).where(own, invoices.c.state == InvoiceState.draft).order_by(invoices.c.id).with_for_update()
    return await _all_stored(connection, query)


async def finalizable(connection: Connection, now: datetime, after: tuple[datetime, str] | None, limit: int) -> list[Any]:
    """(finalizable_at, id) of drafts that may be issued at `now`, in that order."""
    place = (invoices.c.finalizable_at, invoices.c.id)
    query = select(*place).where(invoices.c.state == InvoiceState.draft, invoices.c.finalizable_at <= now)
    query = query.where(invoices.c.customer.not_in(ON_A_CLOCK))
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    return list((await connection.execute(query.order_by(*place).limit(limit))).all())


async def falling_due(connection: Connection, legal_entity: str, today: date, limit: int) -> list[str]:
    """Open invoices of a legal entity that are past their due date and not yet called overdue."""
    open_states = (InvoiceState.finalized, InvoiceState.partially_paid)
    query = select(invoices.c.id).where(
        invoices.c.state.in_(open_states),
        invoices.c.legal_entity == legal_entity,
        invoices.c.due_date < today,
        invoices.c.customer.not_in(ON_A_CLOCK),
    )
    return list((await connection.execute(query.order_by(invoices.c.due_date, invoices.c.id).limit(limit))).scalars())


async def unpaid_of(connection: Connection, customers: Sequence[str]) -> list[str]:
    """Open invoices of these customers that are not yet called overdue."""
    open_states = (InvoiceState.finalized, InvoiceState.partially_paid)
    query = select(invoices.c.id).where(among(invoices.c.customer, customers), invoices.c.state.in_(open_states))
    return list((await connection.execute(query.order_by(invoices.c.id))).scalars())


async def finalizable_of(connection: Connection, customers: Sequence[str], now: datetime) -> list[str]:
    """Drafts of these customers that may be issued at `now`, the first first."""
    query = select(invoices.c.id).where(
        among(invoices.c.customer, customers), invoices.c.state == InvoiceState.draft, invoices.c.finalizable_at <= now
    )
    return list((await connection.execute(query.order_by(invoices.c.finalizable_at, invoices.c.id))).scalars())


async def open_items(connection: Connection, customer: str, currency: str, *, lock: bool = False) -> list[OpenItem]:
    """What a customer has to pay, the oldest first."""
    query = (
        select(invoices.c.id, invoices.c.number, invoices.c.due_date, invoices.c.amount_due)
        .where(invoices.c.customer == customer, invoices.c.currency == currency, invoices.c.state.in_(list(OPEN)))
        .order_by(invoices.c.due_date, invoices.c.id)
    )
    rows = (await connection.execute(query.with_for_update() if lock else query)).all()
    return [
        OpenItem(
            invoice=row.id,
            number=row.number,
            due_date=row.due_date,
            amount_due=Money(minor=row.amount_due, currency=currency),
        )
        for row in rows
    ]


async def waiting(connection: Connection) -> int:
    """How many drafts are due and wait for something."""
    held = (invoices.c.state == InvoiceState.draft, invoices.c.waiting_for.is_not(None))
    return int((await connection.execute(select(func.count()).select_from(invoices).where(*held))).scalar_one())


async def receive_payment(connection: Connection, before: Invoice, amount: Money, today: date) -> Received:
    """Settle as much of a locked invoice as `amount` does; what is over is left to the caller, and so is the ledger.

    Raises Conflict for a draft or a voided invoice. Taking the same payment twice would count it twice: the caller asks the
    ledger for its key first, once the invoice is locked.
    """
    received = receive(before, amount, today)
    await save(connection, before, received.invoice)
    return received


async def page(
    connection: Connection,
    after: tuple[datetime, str] | None,
    limit: int,
    *,
    customer: str | None = None,
    state: InvoiceState | None = None,
    order: str | None = None,
    number: str | None = None,
    legal_entity: str | None = None,
    ids: Collection[str] | None = None,
) -> list[InvoiceSummary]:
    """The newest first, those before `after` (gathered_at, id); of `ids`, where there are any given."""
    query = select(invoices) if ids is None else select(invoices).where(among(invoices.c.id, ids))
    wanted = {"customer": customer, "state": state, "order_id": order, "number": number, "legal_entity": legal_entity}
    for column, value in wanted.items():
        query = query if value is None else query.where(invoices.c[column] == value)
    if after is not None:
        query = query.where(tuple_(invoices.c.gathered_at, invoices.c.id) < tuple_(*after))
    rows = await connection.execute(query.order_by(invoices.c.gathered_at.desc(), invoices.c.id.desc()).limit(limit))
    return [_summary(row) for row in rows.mappings()]


async def evidence(connection: Connection, invoice: str) -> Evidence | None:
    """What an issued invoice was issued by; None of one of the first release, which kept none."""
    kept = (await connection.execute(select(invoices.c.evidence).where(invoices.c.id == invoice))).scalar_one()
    return Evidence.model_validate(kept) if kept else None


def _columns(invoice: Invoice) -> dict[str, Any]:
    return {
        "id": invoice.id,
        "number": invoice.number,
        "state": invoice.state,
        "customer": invoice.customer,
        "legal_entity": invoice.legal_entity,
        "currency": invoice.currency,
        "issue_date": invoice.issue_date,
        "due_date": invoice.due_date,
        "total": invoice.gross.minor,
        "amount_due": invoice.amount_due.minor,
        "paid": invoice.paid.minor,
        "credited": invoice.credited.minor,
        "written_off": invoice.written_off.minor,
        "write_offs": invoice.write_offs,
    }


def _frozen(invoice: Invoice) -> dict[str, Any]:
    return invoice.model_dump(mode="json", exclude=_MOVING)


async def _all_stored(connection: Connection, query: Select[Any], **given: str) -> list[StoredInvoice]:
    rows = (await connection.execute(query, given)).mappings().all()
    drafts = [row["id"] for row in rows if not row["document"]]
    lines = await billables.lines_of(connection, drafts) if drafts else {}
    return [_stored(row, lines.get(row["id"], [])) for row in rows]


def _stored(row: Mapping[Any, Any], lines: Sequence[InvoiceLine]) -> StoredInvoice:
    return StoredInvoice(
        invoice=_issued(row) if row["document"] else _draft(row, lines),
        order=row["order_id"],
        subscription=row["subscription"],
        finalizable_at=row["finalizable_at"],
        waiting_for=row["waiting_for"],
        gathered_at=row["gathered_at"],
        issued_at=row["issued_at"],
    )


def _issued(row: Mapping[Any, Any]) -> Invoice:
    moving = {name: row[name] for name in ("number", "state", "write_offs")}
    return Invoice.model_validate({**row["document"], **_amounts(row), **moving})


def _draft(row: Mapping[Any, Any], lines: Sequence[InvoiceLine]) -> Invoice:
    head = ("id", "state", "customer", "legal_entity", "currency", "issue_date", "due_date")
    return Invoice(**{name: row[name] for name in head}, **_amounts(row), lines=in_order(lines))


def _amounts(row: Mapping[Any, Any]) -> dict[str, Money]:
    return {name: Money(minor=row[name], currency=row["currency"]) for name in ("paid", "credited", "written_off")}


def _summary(row: Mapping[Any, Any]) -> InvoiceSummary:
    same = ("id", "number", "state", "customer", "legal_entity", "issue_date", "due_date", "waiting_for", "gathered_at")
    amounts = {name: Money(minor=row[name], currency=row["currency"]) for name in ("total", "amount_due")}
    return InvoiceSummary(**{name: row[name] for name in same}, **amounts, order=row["order_id"])
