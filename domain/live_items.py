"""Items of an order that change or end what is live: what they must say, and what is frozen of them. BadInput names the
field."""

from collections.abc import Sequence

from domain.catalogue import Plan, Price, Product
from domain.errors import BadInput, Conflict
from domain.money import Money
from domain.orders import Action, ItemRequest, Order, OrderItem
from domain.pricing import due
from domain.subscriptions.changes import Change, ChangeCommand, Target, a_period, is_dearer
from domain.subscriptions.commands import Ordered
from domain.subscriptions.ending import CancelCommand, Cancellation, When
from domain.subscriptions.facts import Subscription
from domain.subscriptions.ordered import OrderedChange
from domain.values import Instant, Value

CHANGES = frozenset({Action.modify, Action.delete})


class Seen(Value):
    """A subscription as an item found it: with the product it is of, what it is to be, and what that comes to."""

    subscription: Subscription
    version: int
    product: Product
    plan: Plan
    price: Price
    change: Change | None = None
    end: Cancellation | None = None


class Instruction(Value):
    """What a subscription's process is asked, in the name of an order's item; one of the two is there."""

    subscription: str
    reference: str
    change: ChangeCommand | None = None
    cancel: CancelCommand | None = None


def refuse_foreign(field: str, request: ItemRequest) -> None:
    """What only makes sense where something live is changed, on an item that is added or stays; and the other way round."""
    if request.action not in CHANGES:
        for name in ("subscription", "version", "when"):
            if getattr(request, name) is not None:
                raise BadInput(f"{field}.{name}", f"is of items that are 'modify' or 'delete'; this one is '{request.action}'")
        return
    if request.subscription is None:
        raise BadInput(
            f"{field}.subscription", f"is missing: name what '{request.action}' is for; GET /v1/subscriptions lists them"
        )
    if request.characteristics:
        raise BadInput(f"{field}.characteristics", "are of what is added; a change takes none")


def refuse_twice(requests: Sequence[ItemRequest]) -> None:
    """A subscription is changed once by an order."""
    seen: set[str] = set()
    for index, request in enumerate(requests):
        if request.subscription is None:
            continue
        if request.subscription in seen:
            raise BadInput(f"items[{index}].subscription", f"{request.subscription} is changed by another item of this order")
        seen.add(request.subscription)


def refuse_other(field: str, request: ItemRequest, subscription: Subscription, version: int, customer: str) -> None:
    """One that is not the customer's does not exist for it. Conflict where it is not what it was seen as."""
    if subscription.customer != customer:
        raise unknown(field, request, customer)
    if subscription.ended_at is not None:
        raise BadInput(f"{field}.subscription", f"{subscription.id} ended on {subscription.ended_at:%Y-%m-%d}")
    if request.version is not None and request.version != version:
        raise Conflict(
            f"{field}.version: subscription {subscription.id} is at version {version}, and this was made against"
            f" {request.version}; look at it again"
        )
    if request.product not in {None, subscription.product}:
        raise BadInput(f"{field}.product", f"{subscription.id} is of {subscription.product}; say that, or leave it out")
    if request.action is Action.delete:
        for name in ("plan", "quantity"):
            if getattr(request, name) not in {None, getattr(subscription, name)}:
                had = getattr(subscription, name)
                raise BadInput(f"{field}.{name}", f"of {subscription.id}, which is ended, is {had}; say that, or leave it out")


def unknown(field: str, request: ItemRequest, customer: str) -> BadInput:
    return BadInput(
        f"{field}.subscription",
        f"{customer} has no live subscription {request.subscription}; GET /v1/subscriptions?customer={customer} lists them",
    )


def frozen(request: ItemRequest, seen: Seen) -> OrderItem:
    """The item as it is accepted. It is charged by the subscription, and so nothing is due of it here."""
    was, becomes = seen.subscription, seen.change
    return OrderItem(
        id=request.id,
        action=request.action,
        product=seen.product,
        plan=seen.plan,
        price=seen.price,
        quantity=becomes.quantity if becomes else was.quantity,
        due=due([], was.currency),
        change=OrderedChange(
            subscription=was.id,
            version=seen.version,
            plan=was.plan,
            plan_name=was.plan_name,
            quantity=was.quantity,
            when=request.when,
            change=seen.change,
            end=seen.end,
            cost=_cost(seen),
        ),
    )


def _cost(seen: Seen) -> Money:
    nothing = Money.zero(seen.subscription.currency)
    if seen.end is not None:
        return seen.end.fee
    if seen.change is None:
        return nothing
    if seen.change.lines:
        return max(seen.change.total, nothing)
    becomes = Target(plan=seen.plan, price=seen.price, quantity=seen.change.quantity)
    return a_period(becomes, seen.subscription.currency) if is_dearer(seen.subscription, becomes) else nothing


def is_as_before(request: ItemRequest, known: OrderItem) -> bool:
    """Whether an item that is said again asks for what it did."""
    was = known.change
    if was is None or (request.action, request.subscription, request.when) != (known.action, was.subscription, was.when):
        return False
    wanted = request.plan or was.plan, request.quantity or was.quantity
    return request.action is Action.delete or wanted == (known.plan.id, known.quantity)


def instruction(order: Order, item: OrderItem, as_of: Instant | None) -> Instruction:
    """What is asked once it is the item's turn; computed for `as_of`, where that is given. ValueError for one that changes
    nothing live."""
    was = item.change
    if was is None:
        raise ValueError(f"item {item.id} of order {order.id} changes no subscription")
    reference, words = order.reference(item.id), f"order {order.id}"
    ordered = Ordered(reference=reference, plan=was.plan, quantity=was.quantity, price=item.price)
    by = order.placed_by[:120] or "order"
    if item.action is Action.delete:
        when = was.when or When.period_end
        cancel = CancelCommand(when=when, by=by, words=words, as_of=as_of, ordered=ordered)
        return Instruction(subscription=was.subscription, reference=reference, cancel=cancel)
    change = ChangeCommand(
        by=by,
        plan=item.plan.id,
        quantity=item.quantity,
        when=was.when,
        words=words,
        as_of=as_of,
        ordered=ordered,
    )
    return Instruction(subscription=was.subscription, reference=reference, change=change)
