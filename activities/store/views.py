"""What people and callers look at: every read of orders, their history and what they left behind."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import ScalarSelect, Select, Table, func, literal_column, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from activities.store import invoices as invoices_store
from activities.store.database import Connection
from activities.store.entitlements import Entitlement
from activities.store.ledger import LedgerLine
from activities.store.services import Service
from activities.store.tables.invoices import credit_notes, invoices
from activities.store.tables.ledger import ledger_entries
from activities.store.tables.orders import approvals, events, fallout, inbox, order_items, order_steps, orders, payments
from activities.store.tables.services import entitlements, services, subscriptions
from domain import keys
from domain.billing.invoice_states import InvoiceState
from domain.billing.lines import InvoiceLine
from domain.errors import NotFound
from domain.facts import ApprovalStatus, Event, ItemStatus, PaymentStatus, StepStatus
from domain.fallout import OF_FACTS, Fallout
from domain.fraud import SCREENED, Band
from domain.jeopardy import Jeopardy
from domain.money import Money, total
from domain.orders import Order, OrderRequest
from domain.provisioning import PartnerCallback
from domain.states import ORDER, OrderState, StepState, SubscriptionState, is_terminal
from domain.values import Instant, Value


class OrderFilter(Value):
    """Conditions that all hold; None is any. `waiting_on` is how the text begins."""

    state: OrderState | None = None
    customer: str | None = None
    waiting_on: str | None = None
    jeopardy: Jeopardy | None = None
    is_open: bool | None = None


class OrderLine(Value):
    """An order as a list shows it. `number` is what lists are sorted and paged by; `version` counts its amendments. `changes`
    is what its items come to that change or end what is live, as it was accepted: their subscriptions charge it, and `total`
    has nothing of it."""

    id: str
    number: int
    customer: str
    state: OrderState
    version: int
    total: Money
    changes: Money
    waiting_on: str | None = None
    owner: str | None = None
    deadline: Instant | None = None
    blockers: list[str] = []
    jeopardy: Jeopardy = Jeopardy.normal
    jeopardy_step: str | None = None
    expected_completion: Instant | None = None
    reason: str = ""
    placed_by: str
    placed_at: Instant
    updated_at: Instant


class InvoicedLine(Value):
    """`amount` is after discounts and without tax."""

    item: str
    name: str
    quantity: Decimal
    amount: Money
    explanation: str = ""


class CreditNote(Value):
    id: str
    number: str
    amount: Money
    reason: str
    issued_at: Instant


class Invoice(Value):
    """`total` is with `tax`; `credited` is the sum of its credit notes."""

    id: str
    number: str | None
    state: InvoiceState
    total: Money
    tax: Money
    paid: Money
    credited: Money
    issued_at: Instant | None
    lines: list[InvoicedLine] = []
    credit_notes: list[CreditNote] = []


class Subscription(Value):
    """`payment_method` is its own; None where the customer's default is charged."""

    id: str
    item: str
    state: SubscriptionState
    version: int
    payment_method: str | None = None


class OrderDetail(OrderLine):
    """Everything about one order. `order` is the frozen document once accepted, `request` what a draft asks for so far; a step
    that has not begun is listed as waiting. Items that change what is live have none: its subscription makes them."""

    order: Order | None = None
    request: OrderRequest | None = None
    items: list[ItemStatus] = []
    steps: list[StepStatus] = []
    payments: list[PaymentStatus] = []
    approvals: list[ApprovalStatus] = []
    fallout: list[Fallout] = []
    invoice: Invoice | None = None
    ledger: list[LedgerLine] = []
    services: list[Service] = []
    subscriptions: list[Subscription] = []


class OrderScreening(Value):
    """What the fraud check last said of an order that some rule held for; `rules` are `id@version`."""

    band: Band
    score: int
    rules: list[str]
    reasons: list[str]


class StoredEvent(Event):
    """`seq` counts an order's events from 1 without a gap."""

    seq: int


class EventPage(Value):
    """`last` is the number of events there are, whatever the page holds; `state` is the order's present one."""

    state: OrderState
    last: int
    items: list[StoredEvent]


class FalloutRecord(Fallout):
    """`order` is None for a dispute of a payment that was not made here."""

    order: str | None


class FalloutFilter(Value):
    """Conditions that all hold; None is any. `open` None is the open ones first, then the closed."""

    owner: str | None = None
    order: str | None = None
    open: bool | None = None


class FalloutPosition(Value):
    """Where a page begins: after this record. Open ones run by when they opened, closed ones by id."""

    open: bool
    opened_at: Instant
    id: str


class InboxMessage(Value):
    """`outcome` is None until the order's workflow has the message."""

    partner: str
    message_id: str
    item: str
    body: PartnerCallback
    received_at: Instant
    outcome: str | None = None


async def order_lines(connection: Connection, wanted: OrderFilter, before: int | None, limit: int) -> list[OrderLine]:
    """The newest first, those with a number below `before`."""
    query = select(orders).order_by(orders.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(orders.c.number < before)
    rows = (await connection.execute(_narrowed(query, wanted))).mappings()
    return [OrderLine.model_validate(_line(row)) for row in rows]


def _narrowed(query: Select[Any], wanted: OrderFilter) -> Select[Any]:
    if wanted.state is not None:
        query = query.where(orders.c.state == wanted.state)
    if wanted.customer is not None:
        query = query.where(orders.c.customer == wanted.customer)
    if wanted.waiting_on is not None:
        query = query.where(orders.c.waiting_on.startswith(wanted.waiting_on, autoescape=True))
    if wanted.jeopardy is not None:
        query = query.where(orders.c.jeopardy == wanted.jeopardy)
    if wanted.is_open is not None:
        over = [state for state in OrderState if is_terminal(ORDER, state)]
        query = query.where(orders.c.state.in_(over) if not wanted.is_open else orders.c.state.not_in(over))
    return query


def _line(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {**row, "version": row["revision"], "total": _money(row, "total"), "changes": _of_changes(row)}


def _of_changes(row: Mapping[Any, Any]) -> Money:
    """Nothing for a draft, whose items are not computed yet."""
    changes = [item.get("change") for item in row["document"].get("items") or ()]
    return total([Money.model_validate(change["cost"]) for change in changes if change], row["currency"])


async def order_detail(connection: Connection, order: str) -> OrderDetail:
    """Everything about an order, in one query. Raises NotFound."""
    query = select(
        orders,
        _documents(order_items, order_items.c.item).label("items"),
        _documents(order_steps, order_steps.c.item).label("steps"),
        _documents(approvals, approvals.c.subject).label("approvals"),
        _documents(fallout, fallout.c.opened_at).label("fallout"),
        _rows(payments, payments.c.number).label("payments"),
        _rows(invoices, invoices.c.gathered_at).label("invoices"),
        _rows(ledger_entries, ledger_entries.c.id).label("ledger"),
        _rows(services, services.c.item).label("services"),
        _rows(subscriptions, subscriptions.c.item).label("subscriptions"),
    ).where(orders.c.id == order)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("order", order)
    invoice = await _invoice(connection, row["invoices"][0]["id"]) if row["invoices"] else None
    return OrderDetail.model_validate({**_line(row), **_document(row), **_parts(row), "invoice": invoice})


async def screening_of(connection: Connection, order: str) -> OrderScreening | None:
    query = select(events.c.data).where(events.c.order_id == order, events.c.type == SCREENED).order_by(events.c.seq.desc())
    data = (await connection.execute(query.limit(1))).scalar()
    if data is None:
        return None
    lines = {name: data[name].split("\n") if data[name] else [] for name in ("rules", "reasons")}
    return OrderScreening(band=data["band"], score=data["score"], **lines)


def _documents(table: Table, by: Any) -> ScalarSelect[Any]:
    return _gathered(table, table.c.document, by)


def _rows(table: Table, by: Any) -> ScalarSelect[Any]:
    return _gathered(table, func.to_jsonb(literal_column(table.name)), by)


def _gathered(table: Table, value: Any, by: Any) -> ScalarSelect[Any]:
    """Of one order's rows in a table, `value` as a JSON array; null where there are none."""
    gathered = func.jsonb_agg(aggregate_order_by(value, by), type_=JSONB)
    return select(gathered).select_from(table).where(table.c.order_id == orders.c.id).correlate(orders).scalar_subquery()


def _document(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A draft's document is its request, in which the customer is a bare id."""
    document = row["document"]
    name = "request" if isinstance(document.get("customer"), str) else "order"
    return {name: document}


def _parts(row: Mapping[Any, Any]) -> dict[str, Any]:
    document = Order.model_validate(row["document"]) if "order" in _document(row) else None
    return {
        "items": _in_order([ItemStatus.model_validate(item) for item in row["items"] or ()], document),
        "steps": _with_waiting([StepStatus.model_validate(step) for step in row["steps"] or ()], document),
        "approvals": row["approvals"] or [],
        "fallout": row["fallout"] or [],
        "payments": [_payment(payment) for payment in row["payments"] or ()],
        "ledger": [{**entry, "amount": _money(entry, "amount")} for entry in row["ledger"] or ()],
        "services": row["services"] or [],
        "subscriptions": row["subscriptions"] or [],
    }


def _in_order(items: list[ItemStatus], order: Order | None) -> list[ItemStatus]:
    """As the order lists them; those an amendment removed come last."""
    place = {item.id: index for index, item in enumerate(order.items if order else [])}
    return sorted(items, key=lambda item: place.get(item.item, len(place)))


def _with_waiting(steps: list[StepStatus], order: Order | None) -> list[StepStatus]:
    """In the order of the plans; those an amendment removed come last."""
    known = {(step.item, step.step): step for step in steps}
    planned = [
        StepStatus(
            item=item.id,
            step=step.id,
            name=step.name,
            state=StepState.waiting,
            owner=step.owner,
            stage=step.stage,
            needs=step.needs,
            point_of_no_return=step.point_of_no_return,
        )
        for item in (order.items if order else [])
        if item.change is None
        for step in item.plan.steps
    ]
    return [known.pop((step.item, step.step), step) for step in planned] + list(known.values())


def _money(row: Mapping[Any, Any], column: str) -> Money:
    return Money(minor=row[column], currency=row["currency"])


def _payment(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {**row, **{name: _money(row, name) for name in ("amount", "authorized", "captured", "refunded")}}


async def _invoice(connection: Connection, invoice: str) -> Invoice:
    stored = await invoices_store.get(connection, invoice)
    issued = stored.invoice
    query = select(credit_notes).where(credit_notes.c.invoice == invoice).order_by(credit_notes.c.issued_at)
    notes = [_credit_note(row) for row in (await connection.execute(query)).mappings()]
    return Invoice(
        id=issued.id,
        number=issued.number,
        state=issued.state,
        total=issued.gross,
        tax=issued.taxed.tax if issued.taxed else Money.zero(issued.currency),
        paid=issued.paid,
        credited=total([note.amount for note in notes], issued.currency),
        issued_at=stored.issued_at,
        lines=[_invoiced(line, taxed.net) for line, taxed in zip(issued.lines, issued.taxed.lines, strict=True)]
        if issued.taxed
        else [],
        credit_notes=notes,
    )


def _invoiced(line: InvoiceLine, net: Money) -> InvoicedLine:
    return InvoicedLine(
        item=line.item,
        name=line.description,
        quantity=line.quantity,
        amount=net,
        explanation=line.explanation,
    )


def _credit_note(row: Mapping[Any, Any]) -> CreditNote:
    reason = row["document"]["memo"] or row["reason"]
    amount = _money(row, "total")
    return CreditNote(id=row["id"], number=row["number"], amount=amount, reason=reason, issued_at=row["issued_at"])


async def event_page(connection: Connection, order: str, after: int, limit: int) -> EventPage:
    """An order's events with a `seq` above `after`, the oldest first. Raises NotFound."""
    head = (await connection.execute(select(orders.c.state, orders.c.event_count).where(orders.c.id == order))).first()
    if head is None:
        raise NotFound("order", order)
    query = select(events).where(events.c.order_id == order, events.c.seq > after).order_by(events.c.seq).limit(limit)
    found = [StoredEvent.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]
    return EventPage(state=OrderState(head.state), last=head.event_count, items=found)


async def placed_by(connection: Connection, order: str) -> str:
    """Who placed an order. Raises NotFound."""
    name = (await connection.execute(select(orders.c.placed_by).where(orders.c.id == order))).scalar()
    if name is None:
        raise NotFound("order", order)
    return str(name)


async def fallout_records(
    connection: Connection, wanted: FalloutFilter, after: FalloutPosition | None, limit: int
) -> list[FalloutRecord]:
    """Open ones, the oldest first, and then the closed, in order of id; those after `after`."""
    found: list[FalloutRecord] = []
    if wanted.open is not False and (after is None or after.open):
        query = select(fallout).where(fallout.c.open).order_by(fallout.c.opened_at, fallout.c.id)
        if after is not None:
            query = query.where(tuple_(fallout.c.opened_at, fallout.c.id) > tuple_(after.opened_at, after.id))
        found = await _fallout(connection, query, wanted, limit)
    if wanted.open is not True and len(found) < limit:
        query = select(fallout).where(~fallout.c.open).order_by(fallout.c.id)
        if after is not None and not after.open:
            query = query.where(fallout.c.id > after.id)
        found += await _fallout(connection, query, wanted, limit - len(found))
    return found


async def _fallout(connection: Connection, query: Select[Any], wanted: FalloutFilter, limit: int) -> list[FalloutRecord]:
    if wanted.owner is not None:
        query = query.where(fallout.c.owner == wanted.owner)
    if wanted.order is not None:
        query = query.where(fallout.c.order_id == wanted.order)
    rows = (await connection.execute(query.limit(limit))).all()
    return [FalloutRecord.model_validate({**row.document, "order": row.order_id}) for row in rows]


async def fallout_record(connection: Connection, record: str) -> FalloutRecord:
    """Raises NotFound."""
    row = (await connection.execute(select(fallout).where(fallout.c.id == record))).first()
    if row is None:
        raise NotFound("fallout", record)
    return FalloutRecord.model_validate({**row.document, "order": row.order_id})


async def fallout_of_subscription(connection: Connection, subscription: str, service: str) -> list[FalloutRecord]:
    """What waits for a decision about it or its service, and not about the order it came from, the oldest first."""
    own = (fallout.c.id.startswith(f"{each}:", autoescape=True) for each in (subscription, service))
    after_order = fallout.c.document["subject"].astext.in_(sorted(OF_FACTS))
    query = select(fallout).where(fallout.c.open, or_(*own), after_order).order_by(fallout.c.opened_at, fallout.c.id)
    rows = await connection.execute(query)
    return [FalloutRecord.model_validate({**row.document, "order": row.order_id}) for row in rows]


_HALTING = text("""
    SELECT fallout.document, fallout.order_id FROM test_clocks
      JOIN due_rows ON due_rows.clock = test_clocks.id AND due_rows.due_at <= test_clocks.now
      JOIN fallout ON fallout.open AND starts_with(fallout.id, due_rows.key || ':fallout:')
     WHERE test_clocks.id = :clock ORDER BY fallout.opened_at, fallout.id LIMIT :limit
""")


async def halting(connection: Connection, clock: str, limit: int) -> list[FalloutRecord]:
    """What keeps a test clock from going on: open fallout of what is due by it now, the oldest first."""
    rows = await connection.execute(_HALTING, {"clock": clock, "limit": limit})
    return [FalloutRecord.model_validate({**row.document, "order": row.order_id}) for row in rows]


async def counts_by_state(connection: Connection) -> dict[OrderState, int]:
    """How many orders there are in each state that has any."""
    query = select(orders.c.state, func.count()).group_by(orders.c.state)
    return {OrderState(state): int(count) for state, count in (await connection.execute(query)).all()}


async def open_fallout(connection: Connection) -> int:
    return int((await connection.execute(select(func.count()).where(fallout.c.open))).scalar_one())


async def inbox_of(connection: Connection, order: str) -> list[InboxMessage]:
    """What partners told about an order, as it came in."""
    query = select(inbox).where(inbox.c.order_id == order).order_by(inbox.c.received_at, inbox.c.message_id)
    return [InboxMessage.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def entitlements_of(connection: Connection, order: str) -> list[Entitlement]:
    """What an order's services grant or granted."""
    mine = entitlements.c.source.startswith(keys.reference(order, ""), autoescape=True)
    query = select(entitlements).where(mine).order_by(entitlements.c.source, entitlements.c.feature)
    return [Entitlement.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]
