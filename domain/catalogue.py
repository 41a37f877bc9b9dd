"""What can be ordered: products, their plans, and the prices of a plan."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.money import CurrencyCode
from domain.plans import Identifier, Step, check_plan
from domain.values import StrictValue

Name = Annotated[str, Field(min_length=1, max_length=120)]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["DE"])]
UnitAmount = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=24, decimal_places=12, examples=["19.00"])]


class Product(StrictValue):
    """`requires` must be in the same order or already active, or the order is refused; `prerequisites` must be active before
    fulfilment starts, and an order waits for them. `capacity` is how many units may be live at once; None is no limit."""

    id: Identifier
    name: Name
    requires: list[Identifier] = []
    excludes: list[Identifier] = []
    prerequisites: list[Identifier] = []
    capacity: Annotated[int, Field(ge=0, le=10**9)] | None = None
    countries: list[CountryCode] = []
    verified_customers_only: bool = False
    orderable: bool = True


class Plan(StrictValue):
    """One way to have a product: what it entitles to, and the steps that fulfil it."""

    id: Identifier
    product: Identifier
    name: Name
    entitlements: dict[Identifier, Annotated[str, Field(max_length=200)]] = {}
    steps: Annotated[list[Step], Field(min_length=1, max_length=60)]

    @model_validator(mode="after")
    def _runnable(self) -> Self:
        check_plan(self.steps)
        return self


class Per(StrEnum):
    unit = "unit"
    """Times the quantity."""
    item = "item"
    """Once, whatever the quantity."""


class Interval(StrEnum):
    day = "day"
    week = "week"
    month = "month"
    quarter = "quarter"
    year = "year"


class OneTimeCharge(StrictValue):
    kind: Literal["one_time"] = "one_time"
    name: Name
    unit_amount: UnitAmount
    per: Per = Per.item


class RecurringCharge(StrictValue):
    """A flat amount for each `interval_count` intervals; the first period is due with the order."""

    kind: Literal["recurring"] = "recurring"
    name: Name
    unit_amount: UnitAmount
    per: Per = Per.unit
    interval: Interval = Interval.month
    interval_count: Annotated[int, Field(ge=1, le=120)] = 1


Charge = Annotated[OneTimeCharge | RecurringCharge, Field(discriminator="kind")]
"""Tiered, volume, package and usage charges join this union by their own `kind`."""


class Price(StrictValue):
    """What a plan costs in one currency. Unit amounts are exact decimals in major units, up to 12 decimals."""

    id: Identifier
    plan: Identifier
    currency: CurrencyCode
    charges: Annotated[list[Charge], Field(max_length=50)] = []


class Catalogue(StrictValue):
    """Everything orderable at one revision; an order keeps the revision it was accepted with."""

    revision: int = 0
    products: dict[str, Product] = {}
    plans: dict[str, Plan] = {}
    prices: dict[str, Price] = {}

    def price_of(self, plan: str, currency: str) -> Price | None:
        """The price of a plan in a currency, or None where it is not sold in it."""
        matching = (price for price in self.prices.values() if price.plan == plan and price.currency == currency)
        return next(matching, None)
