"""The shape of the tax data files: one file a region, from which the table is put together."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated

from pydantic import Field

from domain.billing.tax.jurisdictions import Jurisdiction, RegionCode, Territory
from domain.billing.tax.rates import Dated, Percent, RateCategory, Taxability, TaxRate, TaxTable
from domain.values import CountryCode, StrictValue


class RegionRate(Dated):
    """A rate as a file writes it: under its jurisdiction, whose `tax` it is unless it names another."""

    category: RateCategory = "standard"
    percent: Percent
    tax: str | None = None
    applies_to: str = ""


class RegionJurisdiction(StrictValue):
    country: CountryCode
    region: RegionCode | None = None
    name: Annotated[str, Field(min_length=1)]
    tax: str
    rates: list[RegionRate]

    def tax_rates(self) -> list[TaxRate]:
        here = Jurisdiction(country=self.country, region=self.region)
        return [TaxRate(**rate.model_dump(exclude={"tax"}), jurisdiction=here, tax=rate.tax or self.tax) for rate in self.rates]


class TaxRegion(StrictValue):
    """One file. `reviewed` is the day it was last compared with its sources; `sources` are texts that its rates repeat."""

    name: Annotated[str, Field(min_length=1)]
    reviewed: date
    sources: dict[str, str] = {}
    jurisdictions: list[RegionJurisdiction] = []
    territories: list[Territory] = []
    taxabilities: list[Taxability] = []


def table_of(regions: Iterable[TaxRegion]) -> TaxTable:
    """All regions in one table; ValueError where two of them say different things for one day."""
    known = list(regions)
    return TaxTable(
        rates=tuple(rate for region in known for place in region.jurisdictions for rate in place.tax_rates()),
        taxabilities=tuple(rule for region in known for rule in region.taxabilities),
        territories=tuple(territory for region in known for territory in region.territories),
    )
