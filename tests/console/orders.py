"""Orders as their workflow would have written them, without a workflow."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.store import catalogue, changes, customers, orders
from activities.store.database import Database
from domain.approvals import ApprovalRequirement, Ballot
from domain.catalogue import Catalogue, Plan, Price, Product
from domain.customers import Customer
from domain.entry import Placing, freeze
from domain.facts import ApprovalStatus, Event, ItemStatus, OrderChange, OrderStatus, StepStatus
from domain.fallout import Fallout, Subject
from domain.money import Money
from domain.orders import Order, OrderRequest
from domain.states import ItemState, OrderState, StepState

HOSTILE = """<script>window.hacked=1</script><img src=x onerror="window.hacked=1">"]:::x --> end;click n0 call alert()"""


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def product(name: str = "CRM", steps: list[dict[str, Any]] | None = None) -> tuple[Product, Plan, Price]:
    """A product with one plan of two steps, one before and one after the capture, at 19.00 EUR a unit."""
    planned = steps or [
        {"id": "account", "name": "Create account", "adapter": "mailhub", "verb": "create", "undo": "terminate"},
        {"id": "grant", "name": "Grant access", "adapter": "mailhub", "verb": "activate", "stage": "activate"},
    ]
    charge = {"kind": "one_time", "name": "Seat", "unit_amount": "19.00", "per": "unit"}
    return (
        Product.model_validate({"id": "crm", "name": name[:120]}),
        Plan.model_validate({"id": "crm-team", "product": "crm", "name": f"{name} Team"[:120], "steps": planned}),
        Price.model_validate({"id": "crm-eur", "plan": "crm-team", "currency": "EUR", "charges": [charge]}),
    )


@dataclass
class Orders:
    """Places and changes orders in `database`."""

    database: Database
    keys: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def place(
        self,
        customer: str = "C-1",
        quantities: Sequence[int] = (2,),
        name: str = "CRM",
        steps: list[dict[str, Any]] | None = None,
        placed_by: str = "shop",
        **changes: Any,
    ) -> Order:
        """An accepted order of items in these quantities, from item 1. `changes` are fields of the request."""
        buyer = Customer.model_validate({"id": customer, "name": f"Customer {customer}", "country": "DE", "verified": True})
        sold, plan, price = product(name, steps)
        request = {"customer": customer, "currency": "EUR", "payment_method": "tok_visa"} | changes
        ordered = {"product": "crm", "plan": "crm-team"}
        request["items"] = [ordered | {"id": str(index), "quantity": each} for index, each in enumerate(quantities, start=1)]
        async with self.database.transaction() as connection:
            await customers.put(connection, buyer, now())
            order_id = await orders.next_id(connection)
            offered = Catalogue(revision=1, products={"crm": sold}, plans={"crm-team": plan}, prices={"crm-eur": price})
            placing = Placing(order_id=order_id, customer=buyer, catalogue=offered, placed_by=placed_by, placed_at=now())
            order = freeze(OrderRequest.model_validate(request), placing)
            await orders.accept(connection, order, now())
        return order

    async def change(self, order: Order, summary: str = "Something happened", **parts: Any) -> None:
        """Record a change with one event; `parts` are those of OrderChange."""
        event = Event(key=f"test-{next(self.keys)}", type="order.in_progress", at=now(), actor="turnup", summary=summary)
        change = OrderChange(order=order.id, customer=order.customer.id, **{"events": [event], **parts})
        async with self.database.transaction() as connection:
            await changes.record(connection, change)

    async def set_state(self, order: Order, state: OrderState, **status: Any) -> None:
        await self.change(order, f"Order is {state}", status=OrderStatus(state=state, **status))

    async def ask_approval(self, order: Order, quorum: int = 2) -> None:
        """Wait for somebody's approval of the whole order."""
        requirement = ApprovalRequirement(reason="Order above 200 EUR", quorum=quorum, deadline=7 * 86400)
        deadline = now() + timedelta(days=7)
        approval = ApprovalStatus(
            subject="order",
            ballot=Ballot(requirement=requirement, placed_by=order.placed_by),
            asked_at=now(),
            deadline=deadline,
        )
        waiting = OrderStatus(
            state=OrderState.pending, waiting_on="approval: Order above 200 EUR", owner="approvals", deadline=deadline
        )
        await self.change(order, "Approval asked", approvals=[approval], status=waiting)

    async def get_stuck(self, order: Order, error: str = "mailhub: 422 name is taken", subject: Subject = Subject.step) -> str:
        """The first step cannot go on; the id of the fallout record."""
        record = Fallout(
            id=f"{order.id}:1:account:fallout:1",
            subject=subject,
            item="1",
            step="account",
            title="Create account",
            owner="operations",
            error=error,
            attempts=6,
            money_at_stake=order.total,
            opened_at=now() - timedelta(minutes=4),
            deadline=now() + timedelta(days=3),
        )
        held = OrderStatus(
            state=OrderState.held, waiting_on="fallout: Create account", owner="operations", deadline=record.deadline
        )
        items = [ItemStatus(item="1", state=ItemState.held)]
        await self.change(order, "Stuck", fallout=[record], status=held, items=items, steps=[step(order, StepState.held)])
        return record.id


def step(order: Order, state: StepState, step_id: str = "account") -> StepStatus:
    """One step of the first item in `state`."""
    planned = order.items[0].step(step_id)
    assert planned is not None
    return StepStatus(
        item="1",
        step=planned.id,
        name=planned.name,
        state=state,
        owner=planned.owner,
        stage=planned.stage,
        needs=planned.needs,
        point_of_no_return=planned.point_of_no_return,
    )


def now() -> datetime:
    return datetime.now(UTC)


async def publish(database: Database) -> None:
    """What the API itself checks orders against."""
    async with database.transaction() as connection:
        for record in product():
            await catalogue.publish(connection, record, now())
