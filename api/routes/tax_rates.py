"""Tax rates: the shipped ones, each with its dates and source, and those that operators add."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Body, Query

from activities.store import tax_rates
from api.dependencies import Ctx, RecordReader, TaxKeeper
from api.paging import ById, Page, slice_by_id
from api.samples import TAX_RATE
from domain.billing.tax.jurisdictions import RegionCode
from domain.billing.tax.rates import RateCategory, TaxRate
from domain.values import CountryCode

router = APIRouter(prefix="/v1/tax-rates", tags=["tax"])


class TaxRateQuery(ById):
    """`on` is the day that a rate has to hold on."""

    country: CountryCode | None = None
    region: RegionCode | None = None
    category: RateCategory | None = None
    on: date | None = None

    def wants(self, rate: TaxRate) -> bool:
        place = rate.jurisdiction
        return (
            self.country in (None, place.country)
            and self.region in (None, place.region)
            and self.category in (None, rate.category)
            and (self.on is None or rate.holds(self.on))
        )


@router.get("", summary="List tax rates")
async def list_tax_rates(query: Annotated[TaxRateQuery, Query()], principal: RecordReader, context: Ctx) -> Page[TaxRate]:
    """Of all days unless `on` names one. `verified` is false where the source could not be checked."""
    async with context.database.transaction() as connection:
        table = await context.taxes.tables.current(connection)
    return slice_by_id({_place(rate): rate for rate in table.rates if query.wants(rate)}, query)


def _place(rate: TaxRate) -> str:
    """By jurisdiction, category and date; in the letters that a cursor has."""
    return f"{rate.jurisdiction}:{rate.category}:{rate.valid_from}:{rate.tax.encode().hex()}"


@router.post("", status_code=201, summary="Add a tax rate")
async def add_tax_rate(rate: Annotated[TaxRate, Body(examples=[TAX_RATE])], principal: TaxKeeper, context: Ctx) -> TaxRate:
    """Holds instead of the shipped rate of the same jurisdiction, tax and category, on its days. It stays for good: what was
    invoiced refers to it. A rate without end holds until the next one that is added begins. Adding it again changes nothing."""
    async with context.database.transaction() as connection:
        await tax_rates.add(connection, rate, principal.name, context.now())
    return rate
