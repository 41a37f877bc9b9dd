"""Subscriptions as their process would have kept them, without a process."""

from datetime import UTC, datetime

from sqlalchemy import insert

from activities.store import billables, due_rows, dunning_cases, entitlements, invoices, legal_entities, subscriptions
from activities.store.database import Database
from activities.store.tables.services import services
from activities.store.tables.services import subscriptions as table
from domain.billing.entities import DEFAULT
from domain.billing.gathering import Billable
from domain.billing.invoices import Invoice
from domain.billing.lines import InvoiceLine
from domain.catalogue import Price
from domain.facts import Event
from domain.orders import Order
from domain.subscriptions.facts import Progress, Subscription
from domain.subscriptions.renewal import line_of, renewed
from tests.console.orders import Orders, now
from tests.domain.billing.invoice_samples import EVIDENCE, invoice_of, issue

BEGAN = datetime(2026, 2, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
MONTHLY = {"kind": "recurring", "name": "Seat", "unit_amount": "10.00", "per": "unit", "interval": "month"}


def subscription(order: Order, plan_name: str = "CRM Team") -> Subscription:
    """Two seats at 10.00 EUR a month since 1 February 2026, billed and paid for February."""
    price = Price.model_validate({"id": "crm-eur", "plan": "crm-team", "currency": "EUR", "charges": [MONTHLY]})
    return Subscription(
        id=f"S-{order.id.removeprefix('O-')}-1",
        customer=order.customer.id,
        legal_entity="default",
        order=order.id,
        item="1",
        product="crm",
        plan="crm-team",
        plan_name=plan_name,
        quantity=2,
        currency="EUR",
        price=price,
        started_at=BEGAN,
        progress=(Progress(charge=price.charge_id(0), anchor=BEGAN, number=1, until=MARCH),),
        paid_until=MARCH,
    )


def _invoice(line: InvoiceLine, customer: str, number: int) -> Invoice:
    return issue(invoice_of([line], number).model_copy(update={"customer": customer}), number=number)


async def live(database: Database, orders: Orders, customer: str, number: int, plan_name: str = "CRM Team") -> Subscription:
    """One whose second period is billed, on the invoice `number` which is open, and which could not be renewed since."""
    order = await orders.place(customer)
    begun = subscription(order, plan_name)
    made = renewed(begun, MARCH)
    line = line_of(begun, made.charged[0])
    own = {"id": begun.service, "order_id": order.id, "item": "1", "customer": customer, "product": "crm", "plan": "crm-team"}
    async with database.transaction() as connection:
        await connection.execute(insert(services).values(**own, quantity=2, state="active", activated_at=BEGAN))
        row = {"id": begun.id, "customer": customer, "order_id": order.id, "item": "1", "state": "active", "document": {}}
        await connection.execute(insert(table).values(**row, version=0, created_at=now()))
        event = Event(key="started", type="subscription.started", at=BEGAN, actor="subscription", summary=f"{plan_name} began")
        await subscriptions.save(connection, made.subscription, [event], MARCH)
        issued = _invoice(line, customer, number)
        await invoices.issue(connection, issued, EVIDENCE, MARCH)
        billed = Billable(line=line, customer=customer, legal_entity="default", due_at=MARCH)
        await billables.add(connection, [billed], issued.id)
        await due_rows.failed(connection, f"{begun.id}:renewal", "the ledger does not answer")
        await entitlements.grant(connection, begun.service, customer, {"seats": "2"}, BEGAN)
    return made.subscription


async def unpaid(database: Database, number: int, why: str = "") -> None:
    """The invoice `number`, due on 16 March 2026, is dunned from the 17th on; its next step waits for `why`."""
    async with database.transaction() as connection:
        await legal_entities.put(connection, DEFAULT.model_copy(update={"id": "acme-de"}))
        invoice = (await invoices.get(connection, f"I-{number}", lock=True)).invoice
        case = await dunning_cases.open_for(connection, invoice, datetime(2026, 3, 17, 9, tzinfo=UTC))
        assert case is not None
        zone = await dunning_cases.zone(connection, invoice)
        await dunning_cases.save(connection, case.model_copy(update={"waits_for": why}), zone)
