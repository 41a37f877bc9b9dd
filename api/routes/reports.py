"""Reports: what the console's charts show, as numbers."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from activities.store import clocks, dunning_openings, recurring_revenue, subscriptions
from activities.store.database import Connection
from activities.store.dunning_openings import CurrencyDunning
from activities.store.recurring_revenue import REAL_TIME, CurrencyRevenue
from api.context import Context
from api.dependencies import BillingReader, Ctx, Db
from api.openapi import declares
from domain.months import Months, last_months
from domain.plans import Identifier
from domain.states import SubscriptionState
from domain.values import StrictValue, Value

router = APIRouter(prefix="/v1/reports", tags=["reports"])
MOST_MONTHS = 60


class ReportQuery(StrictValue):
    """The last `months`, with the one that is under way. Customers on test clocks are in no report but that of their `clock`,
    whose months end with what it shows."""

    months: Annotated[int, Field(ge=1, le=MOST_MONTHS)] = 12
    clock: Identifier | None = None


class RecurringRevenue(Value):
    """Monthly recurring revenue (MRR), by currency.

    It is what a month of every subscription comes to by its prices, not by invoices: each recurring charge at the price and
    quantity of its running period, before discounts, and with tax only where the price includes it; a year's charge counts a
    12th, a quarter's a third, a week's 52 12ths, a day's 365 12ths; rounded once for each subscription. One-off and usage
    charges are not in it, nor is what is on trial, paused, suspended without being charged, or ended.
    """

    currencies: list[CurrencyRevenue]


class DunningReport(Value):
    currencies: list[CurrencyDunning]


class SubscriptionCount(Value):
    state: SubscriptionState
    count: int


class SubscriptionCounts(Value):
    states: list[SubscriptionCount]


@router.get("/recurring-revenue", summary="Recurring revenue by month", responses=declares(404))
async def get_recurring_revenue(
    query: Annotated[ReportQuery, Query()], principal: BillingReader, context: Ctx
) -> RecurringRevenue:
    """With what was new, expanded, contracted, came back and was lost in each month. Subscriptions from before this was kept
    are in it from when they are billed next, as new when they began."""
    async with context.database.transaction() as connection:
        months = await _months(connection, query, context)
        found = await recurring_revenue.by_month(connection, months, query.clock or REAL_TIME)
    return RecurringRevenue(currencies=found)


@router.get("/dunning", summary="Dunning by month", responses=declares(404))
async def get_dunning(query: Annotated[ReportQuery, Query()], principal: BillingReader, context: Ctx) -> DunningReport:
    """How many cases were opened, recovered and lost, with what amounts, and after how many charges."""
    async with context.database.transaction() as connection:
        months = await _months(connection, query, context)
        found = await dunning_openings.by_month(connection, months, query.clock or REAL_TIME)
    return DunningReport(currencies=found)


@router.get("/subscriptions", summary="Subscriptions by state")
async def get_subscriptions(principal: BillingReader, database: Db) -> SubscriptionCounts:
    """As they are now, those of customers on test clocks too."""
    async with database.transaction() as connection:
        found = await subscriptions.counts(connection)
    return SubscriptionCounts(states=[SubscriptionCount(state=state, count=found.get(state, 0)) for state in SubscriptionState])


async def _months(connection: Connection, query: ReportQuery, context: Context) -> Months:
    """NotFound where there is no such test clock."""
    return last_months(query.months, context.now() if query.clock is None else (await clocks.get(connection, query.clock)).now)
