"""Tax rates as dated data: the table that every tax decision is looked up in."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from domain.billing.tax.jurisdictions import Jurisdiction, Place, Territory, ordinary
from domain.billing.tax.supplies import SupplyCategory
from domain.errors import NotFound
from domain.values import StrictValue


def _exact(percent: Any) -> Any:
    if isinstance(percent, float):
        raise ValueError("must be written as a string such as '25.5', since a float is not exact")
    return percent


Percent = Annotated[
    Decimal, BeforeValidator(_exact), Field(ge=0, le=100, max_digits=9, decimal_places=6, examples=["19", "9.975"])
]
"""A decimal percentage: 19 is nineteen hundredths."""

RateCategory = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["standard", "reduced"])]


class Dated(StrictValue):
    """What holds for supplies in `[valid_from, valid_to)`, both days local to the jurisdiction; no end is until further notice.

    `source` is the law or the publication it comes from; `verified` is false where neither its text nor a transcription of it
    could be checked.
    """

    valid_from: date
    valid_to: date | None = None
    source: Annotated[str, Field(min_length=1)]
    verified: bool = True

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to: must be after valid_from, and is the first day on which it no longer holds")
        return self

    def holds(self, at: date) -> bool:
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)

    def overlaps(self, other: "Dated") -> bool:
        starts_before = other.valid_to is None or self.valid_from < other.valid_to
        return starts_before and (self.valid_to is None or other.valid_from < self.valid_to)


Entry = TypeVar("Entry", bound=Dated)
K = TypeVar("K")
V = TypeVar("V")


class TaxRate(Dated):
    """One rate of one tax. `tax` is its name on the invoice: VAT, GST, PST, sales tax."""

    jurisdiction: Jurisdiction
    tax: Annotated[str, Field(min_length=1, max_length=40)]
    category: RateCategory = "standard"
    percent: Percent
    applies_to: str = ""


class Buyers(StrEnum):
    any = "any"
    business = "business"
    consumer = "consumer"


class Taxability(Dated):
    """Whether a jurisdiction taxes a kind of supply, where that is not a matter of course: on which part of the amount
    (`base_percent`: Texas taxes 80 % of a data processing charge) and at which category of rate."""

    jurisdiction: Jurisdiction
    tax: str
    supply: SupplyCategory
    buyers: Buyers = Buyers.any
    taxable: bool
    base_percent: Percent = Decimal(100)
    category: RateCategory | None = None
    note: str = ""


class TaxTable(StrictValue):
    """All rates, taxabilities and territories. No two rates of one tax and category may hold on the same day."""

    rates: tuple[TaxRate, ...] = ()
    taxabilities: tuple[Taxability, ...] = ()
    territories: tuple[Territory, ...] = ()

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        _refuse_overlaps("rates", self.rates, lambda rate: (rate.jurisdiction, rate.tax, rate.category))
        _refuse_overlaps(
            "taxabilities", self.taxabilities, lambda entry: (entry.jurisdiction, entry.tax, entry.supply, entry.buyers)
        )
        return self

    def rate(self, jurisdiction: Jurisdiction, category: str, at: date, tax: str | None = None) -> TaxRate:
        """The rate that holds on the day `at`; `tax` where the jurisdiction has several. NotFound where the table has none."""
        found = self.find(jurisdiction, category, at, tax)
        if found is None:
            raise NotFound("tax rate", f"{jurisdiction} {category} on {at}")
        return found

    def find(self, jurisdiction: Jurisdiction, category: str, at: date, tax: str | None = None) -> TaxRate | None:
        """As `rate`, None where the table has none."""
        rates = self._by_jurisdiction.get((jurisdiction, category), [])
        return next((rate for rate in rates if rate.holds(at) and tax in (None, rate.tax)), None)

    def taxability(
        self, jurisdiction: Jurisdiction, tax: str, supply: SupplyCategory, buyers: Buyers, at: date
    ) -> Taxability | None:
        """The rule for these buyers, before the rule for any buyer; of the region, before that of its country."""
        nation = Jurisdiction(country=jurisdiction.country)
        for place in (jurisdiction, nation):
            for kind in (buyers, Buyers.any):
                rules = self._rules.get((place, tax, supply, kind), [])
                if found := next((rule for rule in rules if rule.holds(at)), None):
                    return found
        return None

    def place(self, country: str, region: str | None = None, postcode: str | None = None) -> Place:
        """Where an address is for tax. An address without postcode is taken to be in the main part of its country."""
        for territory in self._territories.get(country, []):
            if territory.holds(region, postcode):
                return territory.place
        return ordinary(country, region)

    @cached_property
    def _by_jurisdiction(self) -> dict[tuple[Jurisdiction, str], list[TaxRate]]:
        return _grouped(((rate.jurisdiction, rate.category), rate) for rate in self.rates)

    @cached_property
    def _rules(self) -> dict[tuple[Jurisdiction, str, SupplyCategory, Buyers], list[Taxability]]:
        return _grouped(((rule.jurisdiction, rule.tax, rule.supply, rule.buyers), rule) for rule in self.taxabilities)

    @cached_property
    def _territories(self) -> dict[str, list[Territory]]:
        return _grouped((territory.country, territory) for territory in self.territories)


def _refuse_overlaps(field: str, entries: Sequence[Entry], key: Callable[[Entry], object]) -> None:
    """ValueError that names both entries where two of one key hold on the same day."""
    seen: dict[object, list[int]] = {}
    for index, entry in enumerate(entries):
        earlier = seen.setdefault(key(entry), [])
        for other in earlier:
            if entry.overlaps(entries[other]):
                raise ValueError(
                    f"{field}[{index}].valid_from: {entry.valid_from} overlaps {field}[{other}] ({entry.source}); "
                    f"end the earlier one with valid_to {entry.valid_from}"
                )
        earlier.append(index)


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)
