"""Payment gateways: how well each is, and what it costs."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Query

from activities.store import attempts, routing
from activities.store.attempts import Tally
from api.dependencies import BillingReader, Config, Ctx, Db, PaymentRouter, RecordId
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from api.samples import GATEWAY_COST
from domain.errors import BadInput, NotFound
from domain.gateway_health import Health
from domain.money import CurrencyCode
from domain.routing import GatewayCost
from domain.values import Value

router = APIRouter(prefix="/v1/gateways", tags=["payments"])


HOUR = timedelta(hours=1)
STRETCH = timedelta(minutes=5)


class GatewayView(Value):
    """`default` takes what no rule is for. `health` is null where no worker has counted yet, and `down` says whether payments
    are kept from it now. `last_hour` has what it answered in stretches of five minutes, those without any left out."""

    name: str
    default: bool
    health: Health | None
    down: bool
    costs: list[GatewayCost]
    last_hour: list[Tally]


@router.get("", summary="List gateways")
async def list_gateways(
    query: Annotated[ById, Query()], principal: BillingReader, context: Ctx, settings: Config
) -> Page[GatewayView]:
    """A gateway that is not well is asked last. Its health is counted from its answers of the last five minutes."""
    now = context.now()
    async with context.database.transaction() as connection:
        health, costs = await routing.health(connection), await routing.costs(connection)
        tallies = await attempts.tallies(connection, now - HOUR, now, STRETCH)
    views = {
        name: GatewayView(
            name=name,
            default=name == settings.gateway,
            health=health.get(name),
            down=name in health and health[name].is_down(now),
            costs=[cost for cost in costs if cost.gateway == name],
            last_hour=[tally for tally in tallies if tally.gateway == name],
        )
        for name in settings.all_gateways()
    }
    return slice_by_id(views, query)


@router.put("/{name}/costs/{currency}", summary="Say what a gateway costs in a currency", responses=declares(404))
async def put_cost(
    name: RecordId,
    currency: CurrencyCode,
    cost: Annotated[GatewayCost, Body(examples=[GATEWAY_COST])],
    principal: PaymentRouter,
    settings: Config,
    context: Ctx,
) -> GatewayCost:
    """Rules with `cheapest` go by it from then on."""
    if name not in settings.all_gateways():
        raise NotFound("gateway", name)
    if (cost.gateway, cost.currency) != (name, currency):
        raise BadInput("gateway", f"gateway and currency should be {name!r} and {currency!r}, as in the address")
    async with context.database.transaction() as connection:
        await routing.put_cost(connection, cost)
    return cost


@router.delete("/{name}/costs/{currency}", status_code=204, summary="Forget what a gateway costs", responses=declares(404))
async def remove_cost(name: RecordId, currency: CurrencyCode, principal: PaymentRouter, database: Db) -> None:
    async with database.transaction() as connection:
        await routing.remove_cost(connection, name, currency)
