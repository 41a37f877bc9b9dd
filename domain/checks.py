"""Dependency checks: what keeps an order from going on, each with what would clear it."""

from collections.abc import Sequence
from enum import StrEnum

from domain.customers import Customer
from domain.entry import excluded_by
from domain.orders import Action, Order, OrderItem
from domain.values import Value


class BlockerKind(StrEnum):
    verification = "verification"
    prerequisite = "prerequisite"
    capacity = "capacity"
    exclusion = "exclusion"
    eligibility = "eligibility"
    upstream = "upstream"


class Blocker(Value):
    """`subject` is what an event has to be about to clear it: `customer:C-1`, `service:C-1:crm`, `capacity:fibre`."""

    kind: BlockerKind
    subject: str
    message: str


class Surroundings(Value):
    """What the checks look at besides the order. `free` is the units left per limited product, not counting what this order
    has already reserved; `down` names the adapters whose systems do not serve, `excluders` the live product that excludes each
    product that one does."""

    customer: Customer
    active_products: set[str] = set()
    free: dict[str, int] = {}
    down: set[str] = set()
    excluders: dict[str, str] = {}


def customer_subject(customer: str) -> str:
    return f"customer:{customer}"


def service_subject(customer: str, product: str) -> str:
    return f"service:{customer}:{product}"


def capacity_subject(product: str) -> str:
    return f"capacity:{product}"


def upstream_subject(adapter: str) -> str:
    return f"upstream:{adapter}"


def blockers(order: Order, around: Surroundings) -> list[Blocker]:
    """Everything in the way now, in a stable order; empty means go."""
    found: list[Blocker] = []
    for item in order.items:
        if item.action is Action.add:
            found += _of_item(item, order, around)
    found += _of_capacity(order.items, around) + _of_upstreams(order.items, around)
    return sorted({blocker.subject: blocker for blocker in found}.values(), key=lambda blocker: blocker.subject)


def _of_item(item: OrderItem, order: Order, around: Surroundings) -> list[Blocker]:
    found = []
    if item.product.verified_customers_only and not around.customer.verified:
        found.append(
            Blocker(
                kind=BlockerKind.verification,
                subject=customer_subject(order.customer.id),
                message=f"customer {order.customer.id} has to be verified for {item.product.id}",
            )
        )
    if item.product.countries and around.customer.country not in item.product.countries:
        found.append(
            Blocker(
                kind=BlockerKind.eligibility,
                subject=customer_subject(order.customer.id),
                message=f"{item.product.id} is not sold in {around.customer.country}",
            )
        )
    ordered = {other.product.id for other in order.items}
    required = [need for need in item.product.requires if need not in ordered]
    for need in [*item.product.prerequisites, *required]:
        if need not in around.active_products:
            found.append(
                Blocker(
                    kind=BlockerKind.prerequisite,
                    subject=service_subject(order.customer.id, need),
                    message=f"{item.product.id} needs a live service of {need}",
                )
            )
    clash = excluded_by(item.product, around.active_products) or around.excluders.get(item.product.id)
    if clash:
        found.append(
            Blocker(
                kind=BlockerKind.exclusion,
                subject=service_subject(order.customer.id, clash),
                message=f"{item.product.id} cannot be had together with {clash}, which is live",
            )
        )
    return found


def _of_upstreams(items: Sequence[OrderItem], around: Surroundings) -> list[Blocker]:
    return [
        Blocker(kind=BlockerKind.upstream, subject=upstream_subject(name), message=f"{name} does not serve at present")
        for name in sorted(adapters(items) & around.down)
    ]


def adapters(items: Sequence[OrderItem]) -> set[str]:
    """The provisioned systems that items are fulfilled in."""
    added = [item for item in items if item.action is Action.add]
    return {step.adapter for item in added for step in item.plan.steps if step.adapter is not None}


def _of_capacity(items: Sequence[OrderItem], around: Surroundings) -> list[Blocker]:
    asked = wanted(items)
    return [
        Blocker(
            kind=BlockerKind.capacity,
            subject=capacity_subject(product),
            message=f"{product} has {around.free[product]} free of the {units} asked for",
        )
        for product, units in sorted(asked.items())
        if product in around.free and around.free[product] < units
    ]


def wanted(items: Sequence[OrderItem]) -> dict[str, int]:
    """Units asked for per product."""
    units: dict[str, int] = {}
    for item in items:
        if item.action is Action.add:
            units[item.product.id] = units.get(item.product.id, 0) + item.quantity
    return units
