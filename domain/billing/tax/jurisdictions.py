"""Where tax is due: countries and regions, and the territories that their country's tax does not treat as the rest of it."""

import re
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.values import CountryCode, StrictValue, Value

RegionCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,12}$", examples=["CA", "ON", "27"])]

UNION = frozenset(
    [
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    ]
)
"""The member states of the European Union since 2021-01-01 (ISO 3166; Greece is GR, its VAT numbers begin with EL)."""


class Jurisdiction(Value):
    """A country, or one of its regions by the last part of its ISO 3166-2 code: US-CA is country US, region CA."""

    country: CountryCode
    region: RegionCode | None = None

    def __str__(self) -> str:
        return f"{self.country}-{self.region}" if self.region else self.country

    def covers(self, other: "Jurisdiction") -> bool:
        """Whether `other` is this jurisdiction or a region of it."""
        return self.country == other.country and self.region in (None, other.region)


class Place(Value):
    """Where an address is, for tax: whose rates hold, whether it is in the VAT area of the Union (Directive 2006/112/EC,
    art. 5 to 7), and where a seller must be registered to charge its tax. `untaxed` places know no such tax at all;
    the rates of those with `local_sellers_only` are for sellers established there, and others use those of the country."""

    jurisdiction: Jurisdiction
    in_union: bool
    registration: Jurisdiction
    untaxed: bool = False
    local_sellers_only: bool = False


class Territory(StrictValue):
    """A part of a country that is a tax area of its own, found by postcode (a pattern for the whole code) or by region.

    With neither, the whole `country` is meant: Monaco counts as France, the Isle of Man as the United Kingdom.
    """

    name: Annotated[str, Field(min_length=1)]
    country: CountryCode
    postcodes: str | None = None
    regions: list[RegionCode] = []
    place: Place
    source: Annotated[str, Field(min_length=1)]
    verified: bool = True

    @model_validator(mode="after")
    def _pattern(self) -> Self:
        if self.postcodes is not None:
            try:
                re.compile(self.postcodes)
            except re.error as error:
                raise ValueError(f"postcodes: must be a regular expression such as '35[0-9]{{3}}' ({error})") from None
        return self

    @cached_property
    def _code(self) -> re.Pattern[str] | None:
        return re.compile(self.postcodes) if self.postcodes else None

    def holds(self, region: str | None, postcode: str | None) -> bool:
        """Whether an address of `country` is in the territory."""
        if self._code is None and not self.regions:
            return True
        if region is not None and region in self.regions:
            return True
        return self._code is not None and postcode is not None and self._code.fullmatch(_plain(postcode)) is not None


def _plain(postcode: str) -> str:
    return re.sub(r"[\s-]", "", postcode).upper()


def ordinary(country: str, region: str | None) -> Place:
    """The place of an address that is in no special territory. Sales tax is registered state by state in the United States;
    everywhere else the country registers, also where its regions have rates of their own."""
    here = Jurisdiction(country=country, region=region)
    if country == "US":
        return Place(jurisdiction=here, in_union=False, registration=here)
    nation = Jurisdiction(country=country)
    local = here if country in ("CA", "IN") else nation
    return Place(jurisdiction=local, in_union=country in UNION, registration=nation)
