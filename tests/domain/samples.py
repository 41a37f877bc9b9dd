"""A catalogue whose amounts are easy to add up by hand, and the values that the domain's tests are made from."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from domain.approvals import ApprovalPolicy
from domain.catalogue import Catalogue, Plan, Price, Product
from domain.customers import Customer
from domain.entry import Placing, freeze
from domain.money import Money
from domain.orders import Order, OrderRequest
from domain.plans import Step

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def step(step_id: str, **changes: Any) -> Step:
    return Step.model_validate({"id": step_id, "name": step_id, "adapter": "entitlements", "verb": "create"} | changes)


def product(product_id: str, **changes: Any) -> Product:
    return Product.model_validate({"id": product_id, "name": product_id} | changes)


def plan(plan_id: str, product_id: str, steps: Sequence[Step] = ()) -> Plan:
    return Plan(id=plan_id, product=product_id, name=plan_id, steps=list(steps) or [step("account")])


def price(plan_id: str, currency: str, *charges: dict[str, Any]) -> Price:
    return Price.model_validate(
        {"id": f"{plan_id}-{currency}".lower(), "plan": plan_id, "currency": currency, "charges": list(charges)}
    )


def catalogue(products: Sequence[Product], plans: Sequence[Plan], prices: Sequence[Price], revision: int = 7) -> Catalogue:
    return Catalogue(
        revision=revision,
        products={each.id: each for each in products},
        plans={each.id: each for each in plans},
        prices={each.id: each for each in prices},
    )


SEAT = {"kind": "recurring", "name": "Seat", "unit_amount": "19.00"}
SET_UP = {"kind": "one_time", "name": "Set-up", "unit_amount": "50.00"}
REPORTS = {"kind": "recurring", "name": "Reports", "unit_amount": "7.50", "per": "item"}

PRODUCTS = [
    product("crm"),
    product("reports", requires=["crm"]),
    product("legacy", excludes=["crm"]),
    product("fibre", countries=["DE", "FR"]),
    product("retired", orderable=False),
    product("free"),
]
PLANS = [
    plan("crm-team", "crm"),
    plan("crm-solo", "crm"),
    plan("reports-basic", "reports"),
    plan("legacy-basic", "legacy"),
    plan("fibre-100", "fibre"),
    plan("retired-basic", "retired"),
    plan("free-basic", "free"),
]
PRICES = [
    price("crm-team", "EUR", SEAT, SET_UP),
    price("crm-team", "JPY", {"kind": "recurring", "name": "Seat", "unit_amount": "2900"}),
    price("crm-solo", "EUR", SEAT),
    price("reports-basic", "EUR", REPORTS),
    price("legacy-basic", "EUR", SEAT),
    price("fibre-100", "EUR", SEAT),
    price("retired-basic", "EUR", SEAT),
    price("free-basic", "EUR"),
]
CATALOGUE = catalogue(PRODUCTS, PLANS, PRICES)


def customer(**changes: Any) -> Customer:
    return Customer.model_validate({"id": "C-1", "name": "Ada", "email": "ada@example.com", "country": "DE"} | changes)


def item(item_id: str = "1", product_id: str = "crm", plan_id: str = "crm-team", **changes: Any) -> dict[str, Any]:
    return {"id": item_id, "product": product_id, "plan": plan_id} | changes


def reports(item_id: str = "2", **changes: Any) -> dict[str, Any]:
    return item(item_id, "reports", "reports-basic", **changes)


def request(*items: dict[str, Any], **changes: Any) -> OrderRequest:
    asked = {"customer": "C-1", "currency": "EUR", "items": list(items), "payment_method": "tok_visa"}
    return OrderRequest.model_validate(asked | changes)


def placing(
    *,
    buyer: Customer | None = None,
    sold: Catalogue = CATALOGUE,
    active: Sequence[str] = (),
    policies: Sequence[ApprovalPolicy] = (),
) -> Placing:
    return Placing(
        order_id="O-1001",
        customer=buyer or customer(),
        catalogue=sold,
        policies=list(policies),
        active_products=set(active),
        placed_by="shop",
        placed_at=NOW,
    )


def order(*items: dict[str, Any], active: Sequence[str] = (), sold: Catalogue = CATALOGUE) -> Order:
    return freeze(request(*(items or (item(),))), placing(active=active, sold=sold))
