"""What an order would cost, do and meet, before it is placed: computed by the very functions that accept it."""

from datetime import timedelta

from api.preview_tokens import Token, token_of
from domain import checks, jeopardy
from domain.approvals import ApprovalRequirement
from domain.billing.order_lines import explained_lines
from domain.checks import Blocker, Surroundings
from domain.fraud import Screening
from domain.jeopardy import Jeopardy, StepForecast
from domain.money import Money, total
from domain.orders import Action, Order, OrderItem
from domain.plans import Stage, StepKind, order_graph
from domain.pricing import PricedLine
from domain.subscriptions.changes import Change
from domain.subscriptions.ending import Cancellation
from domain.values import Instant, Value


class PreviewedStep(Value):
    """`target` is in seconds."""

    step: str
    name: str
    kind: StepKind
    stage: Stage
    needs: list[str]
    target: int
    point_of_no_return: bool


class PreviewedItem(Value):
    """`change` or `end` is what an item comes to that changes or ends a subscription, whose own invoice charges it."""

    item: str
    action: Action
    product: str
    plan: str
    quantity: int
    after: list[str]
    due: Money
    lines: list[PricedLine]
    steps: list[PreviewedStep]
    change: Change | None = None
    end: Cancellation | None = None


class ChargedItem(Value):
    product: str
    plan: str
    price_version: int
    quantity: int
    lines: list[PricedLine]
    change: Change | None = None
    end: Cancellation | None = None


class Charged(Value):
    """What a customer is charged: what a preview and its commit have in common, whatever else they are about."""

    customer: str
    currency: str
    coupons: list[str]
    items: list[ChargedItem]


class OrderPreview(Value):
    """`total` is what placing the same order charges, of which `tax` is tax; `token` holds it to that. `changes` is what its
    changes of subscriptions charge at once besides, each with an invoice of its own. `points_of_no_return`
    reads `item 2: Order the line`; `blockers` would keep it pending now; `expected_completion` is by the target durations of
    its steps."""

    token: Token
    total: Money
    tax: Money
    changes: Money
    items: list[PreviewedItem]
    points_of_no_return: list[str]
    blockers: list[Blocker]
    approval: ApprovalRequirement | None
    screening: Screening
    expected_completion: Instant
    jeopardy: Jeopardy
    catalogue_revision: int


def describe(order: Order, around: Surroundings, screening: Screening) -> OrderPreview:
    """The preview of an order frozen at `order.placed_at`."""
    final = [f"item {item.id}: {step.name}" for item in order.items for step in item.to_run if step.point_of_no_return]
    forecast = jeopardy.forecast(
        [order_graph([item.steps for item in order.items], stage) for stage in Stage],
        _open_steps(order),
        max(order.placed_at, order.requested_start or order.placed_at),
        order.requested_completion,
    )
    return OrderPreview(
        token=token_of(order.placed_at, charged(order)),
        total=order.total,
        tax=total([line.tax for item in order.items for line in item.lines if line.tax is not None], order.currency),
        changes=total([item.change.change.due for item in order.items if item.change and item.change.change], order.currency),
        items=[_item(order, item) for item in order.items],
        points_of_no_return=final,
        blockers=checks.blockers(order, around),
        approval=order.approval,
        screening=screening,
        expected_completion=forecast.expected_completion,
        jeopardy=forecast.jeopardy,
        catalogue_revision=order.catalogue_revision,
    )


def charged(order: Order) -> Charged:
    items = [
        ChargedItem(
            product=item.product.id,
            plan=item.plan.id,
            price_version=item.price.version,
            quantity=item.quantity,
            lines=item.lines,
            change=item.change.change if item.change else None,
            end=item.change.end if item.change else None,
        )
        for item in order.items
    ]
    coupons = [redemption.key for redemption in order.coupons]
    return Charged(customer=order.customer.id, currency=order.currency, coupons=coupons, items=items)


def _open_steps(order: Order) -> dict[tuple[str, str], StepForecast]:
    return {
        (item.id, step.id): StepForecast(node=(item.id, step.id), name=step.name, target=timedelta(seconds=step.target))
        for item in order.items
        for step in item.to_run
    }


def _item(order: Order, item: OrderItem) -> PreviewedItem:
    steps = [
        PreviewedStep(
            step=step.id,
            name=step.name,
            kind=step.kind,
            stage=step.stage,
            needs=step.needs,
            target=step.target,
            point_of_no_return=step.point_of_no_return,
        )
        for step in item.to_run
    ]
    return PreviewedItem(
        item=item.id,
        action=item.action,
        product=item.product.id,
        plan=item.plan.id,
        quantity=item.quantity,
        after=item.after,
        due=item.due,
        lines=explained_lines(order, item),
        steps=steps,
        change=item.change.change if item.change else None,
        end=item.change.end if item.change else None,
    )
