"""An order: what is asked for, and what was frozen when it was accepted."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain import keys
from domain.approvals import ApprovalRequirement
from domain.billing.coupons import Redemption
from domain.billing.drafting import DraftingSettings
from domain.billing.tax.decisions import TaxDecision
from domain.billing.zones import TimeZone
from domain.catalogue import Plan, Price, Product
from domain.customers import CustomerSnapshot, PaymentMethod
from domain.money import CurrencyCode, Money, total
from domain.plans import Identifier, ItemSteps, Step
from domain.pricing import PricedLine
from domain.provisioning import Characteristics
from domain.subscriptions.ending import When
from domain.subscriptions.ordered import OrderedChange
from domain.values import Instant, Quantity, StrictValue, Value

MOST_ITEMS = 100
MOST_COUPONS = 10
MAIN = "main"
"""The legal entity that sells where nothing else is said."""


class Action(StrEnum):
    add = "add"
    modify = "modify"
    delete = "delete"
    no_change = "no_change"


class ItemRequest(StrictValue):
    """One thing asked for. `depends_on` names items of the same order that must be fulfilled first.

    `add` needs product and plan, of which one unit is ordered where nothing else is said. `modify` makes of a `subscription`
    what `plan` and `quantity` say, and `delete` ends it, `when` being `now`, `period_end`, or an instant; left out, a change is
    made when the policies say, and an end at the period's. `version` is the subscription's that it was seen at; a stale one is
    refused.
    """

    id: Identifier
    action: Action = Action.add
    product: Identifier | None = None
    plan: Identifier | None = None
    quantity: Quantity | None = None
    subscription: Identifier | None = None
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    when: When | Instant | None = None
    characteristics: Characteristics = {}
    depends_on: Annotated[list[Identifier], Field(max_length=MOST_ITEMS)] = []


class OrderRequest(StrictValue):
    """The body of `POST /v1/orders`. `submit: false` keeps it a draft. `payment_method` defaults to the customer's own."""

    customer: Identifier
    currency: CurrencyCode
    items: Annotated[list[ItemRequest], Field(min_length=1, max_length=MOST_ITEMS)]
    payment_method: PaymentMethod | None = None
    requested_start: Instant | None = None
    requested_completion: Instant | None = None
    external_reference: Annotated[str, Field(max_length=100)] | None = None
    coupons: Annotated[list[Identifier], Field(max_length=MOST_COUPONS)] = []
    submit: bool = True


class AmendRequest(StrictValue):
    """The body of `PATCH /v1/orders/{id}`: what should be otherwise. `items`, where given, is the whole list as it should be.

    `version` is the order's version that the change was made against; a stale one is refused.
    """

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    items: Annotated[list[ItemRequest], Field(min_length=1, max_length=MOST_ITEMS)] | None = None
    payment_method: PaymentMethod | None = None
    requested_completion: Instant | None = None
    reason: Annotated[str, Field(max_length=500)] = ""


class OrderItem(Value):
    """An item with everything frozen: product, plan (with its steps) and price as they were at acceptance."""

    id: str
    action: Action = Action.add
    product: Product
    plan: Plan
    price: Price
    quantity: int
    characteristics: Characteristics = {}
    after: list[str] = []
    lines: list[PricedLine] = []
    due: Money
    change: OrderedChange | None = None
    """What it does to a subscription that is live, whose own invoice charges it: nothing of it is `due` here."""

    def step(self, step_id: str) -> Step | None:
        return next((step for step in self.plan.steps if step.id == step_id), None)

    @property
    def steps(self) -> ItemSteps:
        return ItemSteps(item=self.id, steps=self.to_run, after=self.after)

    @property
    def to_run(self) -> list[Step]:
        """Nothing is run for what stays as it is, nor for what a subscription's own process changes."""
        return self.plan.steps if self.action is Action.add else []


class Patience(Value):
    """How long an order waits, in seconds, before it decides by itself: for a blocker to clear, for a person to resolve
    fallout, for a new payment method; how often a soft decline is tried again; and when blockers are first looked at again."""

    blocker: int = 3 * 86400
    fallout: int = 3 * 86400
    payment: int = 3 * 86400
    soft_declines: int = 3
    soft_decline_wait: int = 5
    recheck: int = 300


class Order(Value):
    """An accepted order. `revision` counts its amendments from 1 and is what clients see as its version.

    Frozen for its invoice: the legal entity that sells, the coupons redeemed, the tax decided for each product, and the
    settings it is drafted with; what is left out stands for no coupon, no tax, and the defaults.
    """

    id: str
    customer: CustomerSnapshot
    currency: str
    items: list[OrderItem]
    payment_method: str | None = None
    revision: int = 1
    catalogue_revision: int
    placed_by: str
    placed_at: Instant
    requested_start: Instant | None = None
    requested_completion: Instant | None = None
    external_reference: str | None = None
    approval: ApprovalRequirement | None = None
    patience: Patience = Patience()
    legal_entity: str = MAIN
    timezone: TimeZone = "UTC"
    coupons: list[Redemption] = []
    taxes: dict[str, TaxDecision] = {}
    drafting: DraftingSettings = DraftingSettings()

    def item(self, item_id: str) -> OrderItem | None:
        return next((item for item in self.items if item.id == item_id), None)

    @property
    def total(self) -> Money:
        return total([item.due for item in self.items], self.currency)

    @property
    def worth(self) -> Money:
        """What it comes to with what its changes of subscriptions cost: what it is approved and judged by."""
        return total([self.total, *(item.change.cost for item in self.items if item.change)], self.currency)

    def reference(self, item_id: str) -> str:
        return keys.reference(self.id, item_id)
