"""No statement on the way of an order, or of whoever looks at orders, reads more the more orders there are."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.runtime.facts import StoredChecks
from activities.store import (
    billables,
    capacity,
    changes,
    collections,
    credit_notes,
    dispatches,
    due_rows,
    dunning_openings,
    inbox,
    invoices,
    orders,
    recurring_revenue,
    renewals,
    services,
    subscriptions,
    surroundings,
    views,
)
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.recurring_revenue import REAL_TIME
from activities.store.views import FalloutFilter, FalloutPosition, OrderFilter
from api.invoices import detail
from domain import keys
from domain.billing.invoice_states import InvoiceState
from domain.checks import capacity_subject, service_subject
from domain.collection import CollectionRequest
from domain.facts import Event
from domain.jeopardy import Jeopardy
from domain.months import last_months
from domain.provisioning import CallbackStatus, PartnerCallback
from domain.states import OrderState
from domain.subscriptions.facts import Opening
from tests.bench.crowd import CUSTOMERS, FINISHED, FIRST, NOW, Crowded, change_of, fulfil
from tests.bench.plans import watched

PAGE = 20
MOST = FINISHED // 4
"""Rows of a growing table that one statement may look at. It is a share of all, and more than any page asked for here."""

BEFORE = FIRST + FINISHED // 2
OLD = f"O-{FIRST + 50}"
"""A seeded order that still waits."""

Act = Callable[[Crowded, Connection], Awaitable[Any]]


def callback(order: str) -> PartnerCallback:
    return PartnerCallback(reference=keys.reference(order, "1"), status=CallbackStatus.completed)


def late(at: str) -> Event:
    return Event(key=at, type="callback.late", at=NOW, actor="fibreworks", summary="late")


async def claim_and_settle(crowded: Crowded, connection: Connection) -> None:
    now = datetime.now(UTC) + timedelta(minutes=1)
    taken = await dispatches.claim(connection, now, now + timedelta(seconds=20), PAGE)
    assert len(taken) == PAGE
    await orders.get_many(connection, [row.subject for row in taken])
    await dispatches.mark_sent(connection, [row.key for row in taken[1:]], now)
    await dispatches.mark_failed(connection, taken[0].key, "no answer", now)


async def receive_and_settle(crowded: Crowded, connection: Connection) -> None:
    order = crowded.order.id
    assert await inbox.receive(connection, "fibreworks", "new", order, "1", callback(order), NOW)
    assert not await inbox.receive(connection, "fibreworks", f"message-{OLD}", OLD, "1", callback(OLD), NOW)
    await inbox.settle(connection, "fibreworks", "new", "delivered")


ACTS: dict[str, Act] = {
    "record a change": lambda it, to: changes.record(to, change_of(it.order)),
    "record all of an order": lambda it, to: fulfil(to, it.order),
    "note a late event": lambda _, to: orders.append(to, OLD, [late("late:1")]),
    "claim dispatches": claim_and_settle,
    "wake the orders that wait for what few wait for": lambda it, to: dispatches.wake_blocked(
        to, [service_subject(it.order.customer.id, "crm")], NOW, "because"
    ),
    "wake the orders that wait for capacity": lambda _, to: dispatches.wake_blocked(
        to, [capacity_subject("fibre")], NOW, "because"
    ),
    "give capacity back": lambda _, to: capacity.release(to, OLD, ["1"], NOW),
    "what an order depends on": lambda it, to: surroundings.look(to, it.order, NOW),
    "take a subscription over": lambda _, to: renewals.activate(to, Opening(subscription=keys.subscription(OLD, "1"))),
    "receive a callback": receive_and_settle,
    "callbacks of an order": lambda _, to: views.inbox_of(to, OLD),
    "look at an order": lambda _, to: views.order_detail(to, OLD),
    "what an order grants": lambda _, to: views.entitlements_of(to, OLD),
    "who placed it": lambda _, to: views.placed_by(to, OLD),
    "its events": lambda _, to: views.event_page(to, OLD, 3, PAGE),
    "its services": lambda _, to: services.page(to, None, PAGE, order=OLD),
    "services": lambda _, to: services.page(to, f"{OLD}:1", PAGE),
    "services of a customer": lambda _, to: services.page(to, None, PAGE, customer=CUSTOMERS[1]),
    "list orders": lambda _, to: views.order_lines(to, OrderFilter(), None, PAGE),
    "list older orders": lambda _, to: views.order_lines(to, OrderFilter(), BEFORE, PAGE),
    "fallout": lambda _, to: views.fallout_records(to, FalloutFilter(), None, PAGE),
    "open fallout": lambda _, to: views.fallout_records(to, FalloutFilter(open=True), None, PAGE),
    "open fallout of an owner": lambda _, to: views.fallout_records(to, FalloutFilter(open=True, owner="network"), None, PAGE),
    "open fallout of nobody": lambda _, to: views.fallout_records(to, FalloutFilter(open=True, owner="nobody"), None, PAGE),
    "fallout of an order": lambda _, to: views.fallout_records(to, FalloutFilter(order=OLD), None, PAGE),
    "one fallout": lambda _, to: views.fallout_record(to, f"{OLD}:1:order:fallout:1"),
    "how much fallout is open": lambda _, to: views.open_fallout(to),
    "further open fallout": lambda _, to: views.fallout_records(
        to, FalloutFilter(), FalloutPosition(open=True, opened_at=NOW, id=f"{OLD}:1:order:fallout:1"), PAGE
    ),
    "closed fallout": lambda _, to: views.fallout_records(
        to, FalloutFilter(), FalloutPosition(open=False, opened_at=NOW, id=f"{OLD}:1:order:fallout:1"), PAGE
    ),
}

INVOICES: dict[str, dict[str, Any]] = {
    "all": {},
    "a customer": {"customer": CUSTOMERS[1]},
    "a state": {"state": InvoiceState.paid},
    "a state that none is in": {"state": InvoiceState.overdue},
    "an order": {"order": OLD},
    "a number": {"number": "INV-1999-000001"},
    "a legal entity": {"legal_entity": "main"},
    "a legal entity without any": {"legal_entity": "other"},
}
BILLING: dict[str, Act] = {
    "look at an invoice": lambda _, to: detail(to, keys.invoice(OLD)),
    "what waits to be invoiced": lambda _, to: billables.waiting(to, CUSTOMERS[1], None, PAGE),
    "credit notes": lambda _, to: credit_notes.page(to, None, PAGE),
    "credit notes of a customer": lambda _, to: credit_notes.page(to, None, PAGE, customer=CUSTOMERS[1]),
    "credit notes of an invoice": lambda _, to: credit_notes.page(to, None, PAGE, invoice=keys.invoice(OLD)),
}

SUBSCRIPTION = keys.subscription(OLD, "1")
DUE = DueRow(key=f"{SUBSCRIPTION}:renewal", kind=Kind.renewal, subject=SUBSCRIPTION, customer=CUSTOMERS[1], due_at=NOW)
LIFE: dict[str, Act] = {
    "claim what is due": lambda _, to: due_rows.claim(to, NOW, NOW + timedelta(minutes=2), PAGE),
    "when something is due next": lambda _, to: due_rows.next_at(to, NOW, NOW + timedelta(days=1)),
    "what a test clock has due": lambda _, to: due_rows.due_at(to, "frozen", NOW),
    "what lies ahead of a subscription": lambda _, to: due_rows.of_subject(to, SUBSCRIPTION),
    "its events": lambda _, to: subscriptions.events(to, SUBSCRIPTION, 0, PAGE),
    "renew": lambda _, to: renewals.carry_out(to, DUE),
    "ask for the payment of an invoice": lambda _, to: collections.claim(
        to, CollectionRequest(invoice=keys.invoice(OLD), customer=CUSTOMERS[1]), NOW
    ),
    "payments of an invoice": lambda _, to: collections.of_invoice(to, keys.invoice(OLD)),
}

MONTHS = last_months(2, datetime.now(UTC))
REPORTS: dict[str, Act] = {
    "subscriptions by state": lambda _, to: subscriptions.counts(to),
    "dunning": lambda _, to: dunning_openings.by_month(to, MONTHS, REAL_TIME),
}

FILTERS = {
    "a state": OrderFilter(state=OrderState.pending),
    "a state that none is in": OrderFilter(state=OrderState.held),
    "a customer": OrderFilter(customer=CUSTOMERS[1]),
    "a customer and a state": OrderFilter(customer=CUSTOMERS[1], state=OrderState.held),
    "what they wait for": OrderFilter(waiting_on="approval"),
    "what none waits for": OrderFilter(waiting_on="fallout"),
    "a jeopardy": OrderFilter(jeopardy=Jeopardy.critical),
    "a jeopardy that none is in": OrderFilter(jeopardy=Jeopardy.hazard),
}


async def found(crowded: Crowded, act: Act) -> tuple[list[str], list[str]]:
    with watched("crowded") as watch:
        async with crowded.database.transaction() as connection:
            await act(crowded, connection)
            await connection.rollback()
    assert watch.readings
    return watch.scans, watch.beyond(MOST)


@pytest.mark.parametrize("act", ACTS)
async def test_an_order_and_who_looks_at_it_read_what_they_ask_for(crowded: Crowded, act: str) -> None:
    assert await found(crowded, ACTS[act]) == ([], [])


@pytest.mark.parametrize("by", FILTERS)
@pytest.mark.parametrize("before", [None, BEFORE], ids=["first page", "later page"])
async def test_a_list_of_orders_reads_its_page(crowded: Crowded, by: str, before: int | None) -> None:
    assert await found(crowded, lambda _, to: views.order_lines(to, FILTERS[by], before, PAGE)) == ([], [])


@pytest.mark.parametrize("by", INVOICES)
@pytest.mark.parametrize("after", [None, (NOW - timedelta(seconds=BEFORE), "")], ids=["first page", "later page"])
async def test_a_list_of_invoices_reads_its_page(crowded: Crowded, by: str, after: tuple[datetime, str] | None) -> None:
    assert await found(crowded, lambda _, to: invoices.page(to, after, PAGE, **INVOICES[by])) == ([], [])


@pytest.mark.parametrize("act", BILLING)
async def test_who_looks_at_what_was_billed_reads_what_is_asked_for(crowded: Crowded, act: str) -> None:
    assert await found(crowded, BILLING[act]) == ([], [])


@pytest.mark.parametrize("act", LIFE)
async def test_the_life_of_a_subscription_reads_what_is_its_own(crowded: Crowded, act: str) -> None:
    assert await found(crowded, LIFE[act]) == ([], [])


@pytest.mark.parametrize("act", REPORTS)
async def test_a_report_is_read_from_an_index_alone(crowded: Crowded, act: str) -> None:
    """What stands now is added up from all there is, without the rows themselves."""
    with watched("crowded") as watch:
        async with crowded.database.transaction() as connection:
            await REPORTS[act](crowded, connection)
    assert {reading.node for reading in watch.readings} == {"Index Only Scan"}


async def test_recurring_revenue_is_added_up_from_its_movements_and_nothing_else(crowded: Crowded) -> None:
    """All of them, since what stands now is the sum of all that ever moved it."""
    with watched("crowded") as watch:
        async with crowded.database.transaction() as connection:
            await recurring_revenue.by_month(connection, MONTHS, REAL_TIME)
    assert [(reading.table, reading.rows >= FINISHED) for reading in watch.readings][:1] == [("recurring_revenue", True)]
    assert {reading.table for reading in watch.readings} == {"recurring_revenue"}


async def test_a_report_of_what_happened_reads_its_months(crowded: Crowded) -> None:
    assert await found(crowded, REPORTS["dunning"]) == ([], [])


async def test_taking_an_order_reads_what_it_asks_for(crowded: Crowded) -> None:
    with watched("crowded") as watch:
        await crowded.placed()
    assert watch.readings
    assert (watch.scans, watch.beyond(MOST)) == ([], [])


async def test_checking_an_order_reads_what_it_asks_for(crowded: Crowded) -> None:
    with watched("crowded") as watch:
        assessed = await StoredChecks(crowded.database).assess(crowded.order)
    assert assessed.blockers == []
    assert (watch.scans, watch.beyond(MOST)) == ([], [])


async def test_a_scan_over_a_growing_table_is_noticed(crowded: Crowded) -> None:
    scans, beyond = await found(crowded, lambda _, to: views.counts_by_state(to))
    assert scans
    assert beyond
