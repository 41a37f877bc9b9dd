"""Order entry: a request checked against the catalogue and frozen into an order. BadInput names the field."""

from collections.abc import Mapping, Sequence, Set

from domain import approvals, live_items, plans
from domain.approvals import ApprovalPolicy
from domain.billing.coupons import Redemption
from domain.billing.drafting import DraftingSettings
from domain.billing.order_lines import with_dues
from domain.billing.tax.decisions import TaxDecision
from domain.billing.zones import TimeZone
from domain.catalogue import Catalogue, Plan, Product
from domain.customers import Customer, snapshot
from domain.errors import BadInput
from domain.live_items import CHANGES
from domain.money import LARGEST_AMOUNT, Money
from domain.orders import MAIN, Action, AmendRequest, ItemRequest, Order, OrderItem, OrderRequest
from domain.plans import date_of
from domain.pricing import PricedLine, due, price_item
from domain.values import Instant, Value


class Placing(Value):
    """The circumstances of an order besides its text, which is placed or amended at `placed_at`.

    `active_products` are those the customer has a live service of; `coupons` what it redeems, in the order of the request.
    `start` is when its services were agreed to begin, at once where it is left out. `changes` are its items that change what is
    live, by their ids, frozen as the subscriptions were found.
    """

    order_id: str
    customer: Customer
    catalogue: Catalogue
    policies: list[ApprovalPolicy] = []
    active_products: set[str] = set()
    placed_by: str
    placed_at: Instant
    start: Instant | None = None
    legal_entity: str = MAIN
    timezone: TimeZone = "UTC"
    coupons: list[Redemption] = []
    drafting: DraftingSettings = DraftingSettings()
    changes: dict[str, OrderItem] = {}


def freeze(request: OrderRequest, placing: Placing) -> Order:
    """The order as accepted: every item with its product, plan, price and amount due pinned."""
    placing = placing.model_copy(update={"start": _start(placing.placed_at, request.requested_start)})
    return _checked(_priced(request, placing, _freeze_items(request.items, request.currency, placing)), placing.policies)


def quote(request: OrderRequest, placing: Placing) -> Order:
    """As `freeze`, of what need not make an order: what it costs, whatever else it requires and however it is paid."""
    placing = placing.model_copy(update={"start": _start(placing.placed_at, request.requested_start)})
    items = [_freeze_item(f"items[{index}]", item, request.currency, placing, None) for index, item in enumerate(request.items)]
    return _priced(request, placing, items)


def _priced(request: OrderRequest, placing: Placing, items: list[OrderItem]) -> Order:
    order = Order(
        id=placing.order_id,
        customer=snapshot(placing.customer),
        currency=request.currency,
        items=items,
        payment_method=request.payment_method or placing.customer.payment_method,
        catalogue_revision=placing.catalogue.revision,
        placed_by=placing.placed_by,
        placed_at=placing.placed_at,
        requested_start=request.requested_start,
        requested_completion=request.requested_completion,
        external_reference=request.external_reference,
        legal_entity=placing.legal_entity,
        timezone=placing.timezone,
        coupons=placing.coupons,
        drafting=placing.drafting,
    )
    priced = with_dues(order)
    _check_coupons(priced)
    return priced


def refreeze(order: Order, request: AmendRequest, placing: Placing) -> Order:
    """The order as amended. Items that stay keep the price they were accepted with; new ones get today's price. The start that
    was agreed holds for all."""
    items = order.items
    agreed = {"start": _start(order.placed_at, order.requested_start), "timezone": order.timezone}
    placing = placing.model_copy(update=agreed)
    if request.items is not None:
        items = _freeze_items(request.items, order.currency, placing, known={item.id: item for item in order.items})
    amended = order.model_copy(
        update={
            "items": items,
            "payment_method": request.payment_method or order.payment_method,
            "requested_completion": request.requested_completion or order.requested_completion,
            "revision": order.revision + 1,
            "catalogue_revision": placing.catalogue.revision,
        }
    )
    return _checked(with_dues(amended), placing.policies)


def taxed(order: Order, decisions: Mapping[str, TaxDecision], policies: Sequence[ApprovalPolicy]) -> Order:
    """The order with its tax, by product; what was decided for a product before stays, as its price does."""
    return _checked(with_dues(order.model_copy(update={"taxes": {**decisions, **order.taxes}})), policies)


def _start(placed_at: Instant, requested: Instant | None) -> Instant:
    return max(placed_at, requested or placed_at)


def _checked(order: Order, policies: Sequence[ApprovalPolicy]) -> Order:
    """With the approval that it needs."""
    _check_money(order)
    _check_dates(order)
    products = [item.product.id for item in order.items]
    needed = approvals.required(policies, order.worth, products, order.customer.risk)
    return order.model_copy(update={"approval": needed})


def _freeze_items(
    requests: Sequence[ItemRequest], currency: str, placing: Placing, known: dict[str, OrderItem] | None = None
) -> list[OrderItem]:
    live_items.refuse_twice(requests)
    seen: set[str] = set()
    for index, request in enumerate(requests):
        if request.id in seen:
            raise BadInput(f"items[{index}].id", f"{request.id!r} is used twice; item ids are unique within an order")
        seen.add(request.id)
    items = [
        _freeze_item(f"items[{index}]", request, currency, placing, (known or {}).get(request.id))
        for index, request in enumerate(requests)
    ]
    _check_together(items, placing)
    return _place(requests, items)


def _freeze_item(field: str, request: ItemRequest, currency: str, placing: Placing, known: OrderItem | None) -> OrderItem:
    live_items.refuse_foreign(field, request)
    if request.action in CHANGES or (known is not None and known.change is not None):
        return _changing(field, request, placing, known)
    if request.product is None or request.plan is None:
        missing = "product" if request.product is None else "plan"
        raise BadInput(f"{field}.{missing}", f"is missing; GET /v1/{missing}s lists them")
    if known is not None and known.plan.id == request.plan and known.product.id == request.product:
        return _item(field, request, placing, known)
    product = placing.catalogue.products.get(request.product)
    if product is None:
        raise BadInput(f"{field}.product", f"there is no product {request.product!r}; GET /v1/products lists them")
    if not product.orderable:
        raise BadInput(f"{field}.product", f"{product.id} is no longer sold")
    plan = placing.catalogue.plans.get(request.plan)
    if plan is None or plan.product != product.id:
        raise BadInput(f"{field}.plan", f"{product.id} has no plan {request.plan!r}; GET /v1/plans lists them")
    if known is not None:
        raise BadInput(f"{field}.plan", f"item {request.id} is for {known.plan.id}; give another plan another item id")
    price = placing.catalogue.price_of(plan.id, currency, placing.placed_at)
    if price is None:
        raise BadInput("currency", f"{plan.id} has no price in {currency}; GET /v1/prices?plan={plan.id} lists them")
    if product.countries and placing.customer.country not in product.countries:
        raise BadInput(f"{field}.product", f"{product.id} is not sold in {placing.customer.country}")
    blank = OrderItem.model_construct(id="-", product=product, plan=plan, price=price, quantity=1, due=due([], currency))
    return _item(field, request, placing, blank)


def _changing(field: str, request: ItemRequest, placing: Placing, known: OrderItem | None) -> OrderItem:
    if known is None:
        return placing.changes[request.id]
    if not live_items.is_as_before(request, known):
        raise BadInput(field, f"item {request.id} was something else; give what is to be otherwise another item id")
    return known


def _item(field: str, request: ItemRequest, placing: Placing, template: OrderItem) -> OrderItem:
    _check_dates_waited_for(field, request, template.plan)
    lines, amount = _price(field, request, placing, template)
    return template.model_copy(
        update={
            "id": request.id,
            "action": request.action,
            "quantity": request.quantity or 1,
            "characteristics": dict(request.characteristics),
            "lines": lines,
            "due": amount,
        }
    )


def _check_dates_waited_for(field: str, request: ItemRequest, plan: Plan) -> None:
    for step in plan.steps:
        if step.date_from is not None and request.action is Action.add:
            try:
                date_of(step, request.characteristics)
            except ValueError as error:
                raise BadInput(f"{field}.characteristics.{step.date_from}", str(error)) from None


def _price(field: str, request: ItemRequest, placing: Placing, template: OrderItem) -> tuple[list[PricedLine], Money]:
    if request.action is not Action.add:
        return [], due([], template.price.currency)
    try:
        lines = price_item(template.price, request.quantity or 1, placing.start or placing.placed_at, placing.timezone)
        return lines, due(lines, template.price.currency)
    except ValueError:
        raise BadInput(f"{field}.quantity", "makes the item dearer than any amount this product counts; order less") from None


def _check_together(items: Sequence[OrderItem], placing: Placing) -> None:
    ordered = {item.product.id for item in items if item.change is None}
    for index, item in enumerate(items):
        if item.change is not None:
            continue
        missing = [need for need in item.product.requires if need not in ordered | placing.active_products]
        if missing:
            raise BadInput(f"items[{index}].product", f"{item.product.id} requires {missing[0]}: order it too")
        others = (ordered | placing.active_products) - {item.product.id}
        clash = excluded_by(item.product, others) or excluder_of(item.product, placing.catalogue, placing.active_products)
        if clash:
            raise BadInput(f"items[{index}].product", f"{item.product.id} cannot be had together with {clash}")
        if item.action is Action.no_change and item.product.id not in placing.active_products:
            raise BadInput(f"items[{index}].action", f"'no_change' needs a live service of {item.product.id}")


def excluded_by(product: Product, others: Set[str]) -> str | None:
    """The first of `others` that `product` excludes, or None."""
    return next((other for other in sorted(others) if other in product.excludes), None)


def excluder_of(product: Product, catalogue: Catalogue, others: Set[str]) -> str | None:
    """The first of `others` that excludes `product`, or None: an exclusion works both ways."""
    return next((other for other in sorted(others) if product.id in _exclusions(catalogue, other)), None)


def _exclusions(catalogue: Catalogue, product: str) -> list[str]:
    known = catalogue.products.get(product)
    return known.excludes if known is not None else []


def _place(requests: Sequence[ItemRequest], items: Sequence[OrderItem]) -> list[OrderItem]:
    """Each item with the items it comes after: those it names, and those of products it requires."""
    placed = [_after(f"items[{index}]", request, items) for index, request in enumerate(requests)]
    try:
        plans.refuse_cycle({item.id: set(after) for item, after in zip(items, placed, strict=True)}, "items")
    except ValueError as error:
        raise BadInput("items", f"depends_on: {error}") from None
    return [item.model_copy(update={"after": after}) for item, after in zip(items, placed, strict=True)]


def _after(field: str, request: ItemRequest, items: Sequence[OrderItem]) -> list[str]:
    """What is live is changed last, after all that is added: nothing that is added comes after a change."""
    by_id = {item.id: item for item in items}
    own = by_id[request.id]
    for position, need in enumerate(request.depends_on):
        if need not in by_id:
            raise BadInput(f"{field}.depends_on[{position}]", f"{need!r} is not an item of this order")
        if by_id[need].change is not None and own.change is None:
            raise BadInput(
                f"{field}.depends_on[{position}]", f"{need!r} changes what is live, which is done last; leave it out"
            )
    if own.change is not None:
        return sorted(set(request.depends_on))
    added = [item for item in items if item.change is None and item.id != own.id]
    return sorted({*request.depends_on, *(item.id for item in added if item.product.id in own.product.requires)})


def _check_money(order: Order) -> None:
    costs = [item.change.cost.minor for item in order.items if item.change is not None]
    if sum(item.due.minor for item in order.items) + sum(costs) > LARGEST_AMOUNT:
        raise BadInput("items", "come to more than any amount this product counts; make several orders of it")
    if order.total and not order.payment_method:
        raise BadInput("payment_method", f"an order of {order.total} needs one, for example 'tok_visa'")


def _check_coupons(order: Order) -> None:
    used = {discount.redemption for item in order.items for line in item.lines for discount in line.discounts}
    for index, redemption in enumerate(order.coupons):
        if redemption.key not in used:
            raise BadInput(f"coupons[{index}]", f"{redemption.coupon.id} takes nothing off this order; leave it out")


def _check_dates(order: Order) -> None:
    start, end = order.requested_start, order.requested_completion
    if start and end and end <= start:
        raise BadInput("requested_completion", "has to be later than requested_start")
