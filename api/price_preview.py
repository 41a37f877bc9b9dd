"""What a plan costs, to a customer or in a country, computed by the functions that price an order."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from activities.store import catalogue, legal_entities, tax_rates
from activities.store.database import Connection
from activities.store.entry import Circumstances
from activities.store.issuing import Answers
from api import order_taxes
from api.acceptance import Wish, circumstances, placing_of, redemptions_of
from api.auth import demand
from api.context import Context
from api.preview import charged
from api.preview_tokens import Token, token_of
from domain.billing.order_lines import explained_lines, with_dues
from domain.customers import Customer
from domain.entry import quote
from domain.errors import BadInput
from domain.money import CurrencyCode, Money, total
from domain.orders import MOST_COUPONS, ItemRequest, Order, OrderRequest
from domain.plans import Identifier
from domain.pricing import PricedLine
from domain.roles import Principal, Right
from domain.values import CountryCode, Instant, Quantity, StrictValue, Value


class PricePreviewRequest(StrictValue):
    """The body of `POST /v1/prices/preview`: for a `customer`, with its tax and the coupons it may redeem, or for anybody in a
    `country`, as a consumer there. `start` is when the service begins, now where it is left out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"plan": "crm-team", "currency": "EUR", "quantity": 5, "country": "DE"}]}
    )

    plan: Identifier
    currency: CurrencyCode
    quantity: Quantity = 1
    customer: Identifier | None = None
    country: CountryCode | None = None
    coupons: Annotated[list[Identifier], Field(max_length=MOST_COUPONS)] = []
    start: Instant | None = None

    @model_validator(mode="after")
    def _for_somebody(self) -> Self:
        if (self.customer is None) == (self.country is None):
            raise ValueError("customer: is needed, or country where it is for anybody, and not both")
        if self.coupons and self.customer is None:
            raise ValueError("coupons: are redeemed by a customer; name the customer")
        return self


class PricePreview(Value):
    """`total` is due at the start and `tax` the tax in it. `token` holds an order of this customer over just this to it; there
    is none for anybody in a country."""

    plan: str
    quantity: int
    price_version: int
    at: Instant
    lines: list[PricedLine]
    total: Money
    tax: Money
    token: Token | None


async def preview_price(context: Context, principal: Principal, asked: PricePreviewRequest) -> PricePreview:
    """Raises BadInput for a plan, currency or coupon that does not hold."""
    demand(principal, Right.place_orders)

    async def attempt(answers: Answers) -> PricePreview:
        async with context.database.transaction() as connection:
            return _shown(await _quoted(context, connection, principal, asked, answers), asked)

    return await order_taxes.asking(context, attempt)


async def _quoted(
    context: Context, connection: Connection, principal: Principal, asked: PricePreviewRequest, answers: Answers
) -> Order:
    now = context.now()
    found = await _circumstances(connection, asked)
    placing = await placing_of(context, connection, found, "preview", principal.name, now)
    plan = placing.catalogue.plans.get(asked.plan)
    if plan is None:
        raise BadInput("plan", f"there is no plan {asked.plan!r}; GET /v1/plans lists them")
    item = ItemRequest(id="1", product=plan.product, plan=plan.id, quantity=asked.quantity)
    request = OrderRequest(
        customer=found.customer.id,
        currency=asked.currency,
        items=[item],
        coupons=asked.coupons,
        requested_start=asked.start,
    )
    redemptions = await redemptions_of(connection, Wish(request, principal, now, shown=found.shown), lock=False)
    order = quote(request, placing.model_copy(update={"coupons": redemptions}))
    decisions = await order_taxes.decide(context, connection, order, found, answers)
    return with_dues(order.model_copy(update={"taxes": dict(decisions)}))


async def _circumstances(connection: Connection, asked: PricePreviewRequest) -> Circumstances:
    if asked.customer is not None:
        return await circumstances(connection, asked.customer, "preview")
    return Circumstances(
        customer=Customer(id="anybody", name="Anybody", country=asked.country or ""),
        seller=await legal_entities.get(connection),
        tax_revision=await tax_rates.revision(connection),
        policies=[],
        active_products=set(),
        revision=await catalogue.revision(connection),
    )


def _shown(order: Order, asked: PricePreviewRequest) -> PricePreview:
    [item] = order.items
    return PricePreview(
        plan=item.plan.id,
        quantity=item.quantity,
        price_version=item.price.version,
        at=order.placed_at,
        lines=explained_lines(order, item),
        total=item.due,
        tax=total([line.tax for line in item.lines if line.tax is not None], order.currency),
        token=token_of(order.placed_at, charged(order)) if asked.customer else None,
    )
