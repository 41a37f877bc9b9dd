"""Payments asked for what invoices are due: one at a time for an invoice, written down before a gateway is asked."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import (
    attempts,
    balances,
    charge_stops,
    clocks,
    customers,
    dispatches,
    due_rows,
    dunning_cases,
    invoices,
    ledger,
    legal_entities,
    patrol,
    payment_methods,
    representments,
    subscriptions,
)
from activities.store.database import Connection
from activities.store.dispatches import Dispatch, Kind
from activities.store.due_rows import DueRow
from activities.store.due_rows import Kind as DueKind
from activities.store.invoices import StoredInvoice
from activities.store.tables.invoices import invoices as invoice_table
from activities.store.tables.payments import collections
from domain import keys
from domain.billing.cash_postings import Payment, PaymentPart, payment_received
from domain.billing.invoice_states import OPEN
from domain.billing.invoices import Invoice
from domain.collection import Answered, Claim, Collection, CollectionRequest, CollectionState
from domain.errors import Conflict
from domain.money import Money
from domain.payment_methods import is_stored
from domain.payments import Outcome, PaymentRequest, RemotePayment

_OF_INVOICE = collections.c.invoice == bindparam("invoice")
_OPEN = select(collections).where(_OF_INVOICE, collections.c.state == CollectionState.asked)
_COUNT = select(func.coalesce(func.max(collections.c.number), 0)).where(_OF_INVOICE)
_LAST = select(collections).where(_OF_INVOICE).order_by(collections.c.number.desc()).limit(1)
_INSERT = insert(collections)
_END = update(collections).where(collections.c.key == bindparam("of"), collections.c.state == CollectionState.asked)
_HAND_OVER = update(collections).where(collections.c.key == bindparam("of")).values(leased_until=None)


async def ask(connection: Connection, asked: Iterable[CollectionRequest], because: str, due_at: datetime | None = None) -> None:
    """Have these invoices collected at `due_at`, with what else is due now where it is left out; by its test clock where the
    customer has one. `because` makes it unique for an invoice until it has happened; asked again after that, it happens again,
    since nothing may have come of it."""
    requests = list(asked)
    frozen = await clocks.frozen(connection, {each.customer for each in requests})
    now = datetime.now(UTC)
    rows = [
        DueRow(
            key=_asking(each, because),
            kind=DueKind.collect,
            subject=each.invoice,
            customer=each.customer,
            due_at=due_at or frozen.get(each.customer, now),
            payload={"request": each.model_dump_json()},
        )
        for each in requests
    ]
    await due_rows.put(connection, rows)


async def _ask_now(connection: Connection, asked: CollectionRequest, because: str) -> None:
    """As `ask`, for somebody who waits for it."""
    if await clocks.frozen(connection, [asked.customer]):
        await ask(connection, [asked], because)
        return
    sent = Dispatch(
        key=_asking(asked, because),
        kind=Kind.collect,
        subject=asked.invoice,
        payload=asked.model_dump(mode="json"),
        due_at=datetime.now(UTC),
    )
    await dispatches.request_again(connection, sent)


def _asking(asked: CollectionRequest, because: str) -> str:
    return f"{asked.invoice}:collect:{because}"


async def ask_when_due(connection: Connection, issued: Iterable[Invoice]) -> None:
    """Of what was issued, what is for a subscription is collected at once, from whatever its customer has on file; anything
    else on its due day, where the method on file may be charged."""
    due = [invoice for invoice in issued if invoice.amount_due.minor > 0 and invoice.state in OPEN]
    named = {line.subscription for invoice in due for line in invoice.lines if line.subscription and line.period}
    running = await subscriptions.running(connection, named)
    renewing = {invoice.id for invoice in due if any(line.subscription in running for line in invoice.lines)}
    others = [invoice.customer for invoice in due if invoice.id not in renewing]
    chargeable = await payment_methods.chargeable_defaults(connection, others)
    for invoice in due:
        request = CollectionRequest(invoice=invoice.id, customer=invoice.customer, reason="issued")
        if invoice.id in renewing:
            await ask(connection, [request], "issued")
        elif invoice.customer in chargeable:
            await ask(connection, [request], "issued", datetime.combine(invoice.due_date, time(), UTC))


async def ask_by_hand(connection: Connection, invoice: str, by: str, now: datetime) -> None:
    """Raises NotFound, and Conflict where there is nothing to collect or nothing to collect it from. Asked again before
    anything came of it, it is asked once."""
    stored = await invoices.get(connection, invoice, lock=True)
    await open_of(connection, invoice, refuse=True)
    await _payable(connection, stored, now)
    after = await count(connection, invoice)
    request = CollectionRequest(invoice=invoice, customer=stored.invoice.customer, by=by, after=after)
    await _ask_now(connection, request, f"asked:{after}")


async def past_due(connection: Connection, customer: str) -> list[str]:
    """Ids of the customer's open invoices whose due day has come, the oldest first."""
    now = await clocks.business_now(connection, customer)
    query = select(invoice_table.c.id).where(
        invoice_table.c.customer == customer,
        invoice_table.c.state.in_(list(OPEN)),
        invoice_table.c.due_date <= now.date(),
        invoice_table.c.amount_due > 0,
    )
    return list((await connection.execute(query.order_by(invoice_table.c.due_date, invoice_table.c.id))).scalars())


async def ask_for_past_due(
    connection: Connection, customer: str, because: str, by: str, reason: str = "new_method"
) -> list[str]:
    """Have what is past due collected at once, `because` the customer has given a method, or may be charged again. Told again
    before anything came of it, it is asked once. Returns the invoices."""
    owed = await past_due(connection, customer)
    for invoice in owed:
        after = await count(connection, invoice)
        request = CollectionRequest(invoice=invoice, customer=customer, reason=reason, by=by, after=after)
        await _ask_now(connection, request, f"{because}:{after}")
    return owed


async def claim(connection: Connection, asked: CollectionRequest, now: datetime, lease: datetime | None = None) -> Claim:
    """The payment to ask for; the one that is open, where one is open, unless somebody else is asking for it. One that is
    written down with a `lease`, in real time, is asked for by nobody else until then; none that is open is then had."""
    stored = await invoices.get(connection, asked.invoice, lock=True)
    before = await _last(connection, asked.invoice)
    if before is not None and before.state is CollectionState.asked:
        return await _open_claim(connection, before, mine=lease is None)
    number = before.number if before is not None else 0
    if number > asked.after:
        return Claim(number=number, words=f"payment {keys.collection(asked.invoice, number)} has answered it")
    try:
        method = await _payable(connection, stored, now)
    except Conflict as reason:
        return Claim(words=str(reason))
    row = _row(stored, number + 1, method, asked.reason, now)
    await connection.execute(_INSERT, {**row, "leased_until": lease})
    return Claim(request=await _request(connection, _collection(row), ()), number=number + 1)


async def _open_claim(connection: Connection, before: Collection, *, mine: bool) -> Claim:
    """An open payment is the invoice's process's, once nobody has it leased."""
    free_at, now = before.leased_until, datetime.now(UTC)
    if not mine or (free_at is not None and free_at > now):
        return Claim(number=before.number, words=f"payment {before.key} is being asked for", wait_until=free_at or now)
    return Claim(request=await _request(connection, before, ()), number=before.number)


async def hand_over(connection: Connection, key: str) -> None:
    """Whoever comes next goes on with a payment."""
    await connection.execute(_HAND_OVER, {"of": key})


async def _payable(connection: Connection, stored: StoredInvoice, now: datetime) -> str:
    """The method that the invoice can be charged to. Raises Conflict where it cannot be collected, with the reason."""
    invoice = stored.invoice
    number = invoice.number or invoice.id
    if invoice.state not in OPEN or not invoice.amount_due.minor > 0:
        raise Conflict(f"invoice {number} is {invoice.state.replace('_', ' ')} and due nothing that could be collected")
    if stop := await charge_stops.stopped(connection, invoice.customer):
        raise Conflict(f"customer {invoice.customer} is not charged now: {stop}")
    method = await charged_with(connection, stored)
    if method is None:
        raise Conflict(f"customer {invoice.customer} has nothing on file that can be charged for invoice {number}")
    kept = await payment_methods.find(connection, method) if is_stored(method) else None
    if kept is not None and not kept.is_charged:
        raise Conflict(f"customer {invoice.customer} pays invoice {number} by {kept.facts.kind}, and nothing else is charged")
    if why := await too_soon(connection, invoice.id, method, now):
        raise Conflict(why)
    return method


def _sole_subscription(invoice: Invoice) -> str | None:
    """Whose method of its own is charged: that of the one subscription that all of the invoice is for. What is for several is
    charged to the customer's default."""
    named = {line.subscription for line in invoice.lines}
    return named.pop() if len(named) == 1 else None


async def charged_with(connection: Connection, stored: StoredInvoice) -> str | None:
    """What an invoice is charged to; None where there is nothing on file that is good."""
    invoice = stored.invoice
    own = stored.subscription or _sole_subscription(invoice)
    return await payment_methods.charged_with(connection, invoice.customer, own)


async def too_soon(connection: Connection, invoice: str, method: str, now: datetime) -> str:
    """Why the method is not charged for the invoice now: a debit that was returned is presented again to the same account only
    as the networks allow. Empty where nothing is in the way."""
    returned = await representments.latest(connection, invoice)
    if returned is None or (returned.due_at is not None and returned.due_at <= now):
        return ""
    attempt = await attempts.find(connection, returned.payment)  # which an order's own payment has, too
    if attempt is None or attempt.method != method:
        return ""
    when = f"not before {returned.due_at:%Y-%m-%d %H:%M} UTC" if returned.due_at else "never"
    return f"the debit for the invoice was returned, and is presented again {when}: {returned.why}"


async def elsewhere(connection: Connection, answered: Answered) -> Claim:
    """Give up the payment that its gateway did not make, and write down the next. Again changes nothing."""
    await invoices.get(connection, answered.invoice, lock=True)
    row = (await connection.execute(select(collections).where(collections.c.key == answered.key))).mappings().one()
    before = _collection(row)
    following = {**row, "number": before.number + 1, "key": keys.collection(before.invoice, before.number + 1)}
    if before.state is CollectionState.asked:
        await _end(connection, answered, CollectionState.elsewhere)
        fresh = {"state": CollectionState.asked, "gateway": None, "code": None, "begun_at": answered.at, "ended_at": None}
        await connection.execute(insert(collections).values({**following, **fresh}).on_conflict_do_nothing())
    tried = select(collections.c.gateway).where(
        collections.c.invoice == before.invoice,
        collections.c.number <= before.number,
        collections.c.state == CollectionState.elsewhere,
        collections.c.begun_at >= before.begun_at,
    )
    names = tuple(name for name in (await connection.execute(tried)).scalars() if name)
    return Claim(request=await _request(connection, _collection(following), names), number=before.number + 1)


async def settle(connection: Connection, answered: Answered, default_gateway: str, *, in_real_time: bool = False) -> str:
    """Book what was paid on the invoice, or keep that it was declined. Again changes nothing. `in_real_time` says that its
    customer is on no test clock; else that is looked up.

    Money for an invoice that takes it no more is booked all the same, and becomes the customer's credit.
    """
    stored = await invoices.get(connection, answered.invoice, lock=True)
    number = stored.invoice.number or stored.invoice.id
    if not in_real_time and (
        shown := (await clocks.frozen(connection, [stored.invoice.customer])).get(stored.invoice.customer)
    ):
        answered = answered.model_copy(update={"at": shown})
    result = answered.result
    if result.outcome is not Outcome.succeeded or result.state is RemotePayment.voided:
        await _end(connection, answered, CollectionState.declined)
        asked = select(collections.c.method).where(collections.c.key == answered.key)
        method = str((await connection.execute(asked)).scalar_one())
        await dunning_cases.declined(connection, stored.invoice, method, result.outcome, answered.at)
        return f"the payment for invoice {number} came to nothing: {result.code or result.state}"
    await _end(connection, answered, CollectionState.paid)
    paid_now = stored.invoice
    if not await ledger.posted(connection, answered.key):
        paid_now = await _book(connection, stored, answered, default_gateway)
    return f"invoice {number} is {paid_now.state.replace('_', ' ')}"


async def _book(connection: Connection, stored: StoredInvoice, answered: Answered, default_gateway: str) -> Invoice:
    """The invoice as it is then."""
    invoice = stored.invoice
    taken = await _amount(connection, answered)
    seller = await legal_entities.get(connection, invoice.legal_entity)
    applied = min(taken, invoice.amount_due) if invoice.state in OPEN else Money.zero(invoice.currency)
    after = invoice
    if applied:
        after = (await invoices.receive_payment(connection, invoice, applied, seller.today(answered.at))).invoice
        if applied == invoice.amount_due:
            await representments.paid_again(connection, invoice.id, answered.at)
    over = taken - applied
    if over:
        await balances.change(connection, invoice.customer, over)
    parts = (PaymentPart(invoice=invoice.id, amount=applied),) if applied else ()
    payment = Payment(
        key=answered.key, at=answered.at, customer=invoice.customer, parts=parts, over=over, reference=invoice.number or ""
    )
    gateway = answered.result.gateway or await attempts.gateway_of(connection, answered.key, default_gateway)
    await ledger.post(connection, [payment_received(payment, gateway)], stored.order)
    await patrol.look_again(connection, stored.order)
    return after


async def _amount(connection: Connection, answered: Answered) -> Money:
    """What the gateway says it has taken; what it was asked for, where it does not say."""
    if answered.result.captured is not None:
        return answered.result.captured
    query = select(collections.c.amount, collections.c.currency).where(collections.c.key == answered.key)
    row = (await connection.execute(query)).one()
    return Money(minor=row.amount, currency=row.currency)


async def _end(connection: Connection, answered: Answered, state: CollectionState) -> None:
    values = {"state": state, "gateway": answered.result.gateway, "code": answered.result.code, "ended_at": answered.at}
    await connection.execute(_END, {"of": answered.key, **values})


async def payment_for(connection: Connection, invoice: str, now: datetime) -> PaymentRequest:
    """The first payment for what an invoice is due. Raises Conflict where it cannot be collected, with the reason."""
    stored = await invoices.get(connection, invoice)
    method = await _payable(connection, stored, now)
    return await _request(connection, _collection(_row(stored, 1, method, "change", now)), ())


async def book_taken(connection: Connection, asked: PaymentRequest, answered: Answered, default_gateway: str) -> str:
    """Book a payment that was taken for an invoice before it was issued. Again changes nothing."""
    stored = await invoices.get(connection, answered.invoice, lock=True)
    number = int(asked.key.rpartition(":")[2])
    row = {**_row(stored, number, asked.method, "change", answered.at), "amount": asked.amount.minor}
    await connection.execute(insert(collections).values(**row).on_conflict_do_nothing())
    return await settle(connection, answered, default_gateway)


async def ask_for_rest(connection: Connection, invoice: str) -> None:
    """Have what an invoice is still due collected: what it came to may have changed since its payment was asked for."""
    found = (await invoices.get(connection, invoice)).invoice
    if found.amount_due.minor > 0:
        after = await count(connection, invoice)
        rest = CollectionRequest(invoice=invoice, customer=found.customer, reason="issued", after=after)
        await ask(connection, [rest], f"rest:{after}")


def _row(stored: StoredInvoice, number: int, method: str, reason: str, now: datetime) -> dict[str, Any]:
    return {
        "key": keys.collection(stored.invoice.id, number),
        "invoice": stored.invoice.id,
        "number": number,
        "customer": stored.invoice.customer,
        "method": method,
        "currency": stored.invoice.currency,
        "amount": stored.invoice.amount_due.minor,
        "state": CollectionState.asked,
        "reason": reason,
        "begun_at": now,
    }


async def open_of(connection: Connection, invoice: str, *, refuse: bool = False) -> Collection | None:
    """The payment of an invoice whose outcome is not known yet; with `refuse`, raises Conflict where there is one."""
    row = (await connection.execute(_OPEN, {"invoice": invoice})).mappings().first()
    if row is not None and refuse:
        raise Conflict(f"payment {row['key']} of the invoice is under way, and nothing can be done to it until it is decided")
    return None if row is None else _collection(row)


async def of_invoice(connection: Connection, invoice: str) -> list[Collection]:
    """In the order they were asked for."""
    query = select(collections).where(collections.c.invoice == invoice).order_by(collections.c.number)
    return [_collection(row) for row in (await connection.execute(query)).mappings()]


async def _last(connection: Connection, invoice: str) -> Collection | None:
    """The payment that was asked for last, which is the only one that can be open."""
    row = (await connection.execute(_LAST, {"invoice": invoice})).mappings().first()
    return None if row is None else _collection(row)


async def count(connection: Connection, invoice: str) -> int:
    return int((await connection.execute(_COUNT, {"invoice": invoice})).scalar_one())


async def _request(connection: Connection, asked: Collection, tried: tuple[str, ...]) -> PaymentRequest:
    customer = await customers.get(connection, asked.customer)
    return PaymentRequest(
        key=asked.key,
        amount=asked.amount,
        method=asked.method,
        description=asked.invoice,
        customer=asked.customer,
        country=customer.country,
        tried=tried,
        off_session=True,
    )


def _collection(row: Any) -> Collection:
    return Collection.model_validate({**row, "amount": Money(minor=row["amount"], currency=row["currency"])})
