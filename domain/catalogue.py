"""What can be ordered: products, their plans, and the prices of a plan."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.billing.calendar import Alignment, Cadence, Schedule, Stub
from domain.billing.commitments import Commitment
from domain.billing.grid import Interval
from domain.billing.proration import ProrationPolicy
from domain.billing.rates import FlatRate, PerUnitRate, Rate
from domain.billing.tax.supplies import Supply
from domain.billing.zones import TimeZone
from domain.errors import BadInput
from domain.money import CurrencyCode, UnitAmount
from domain.plans import Identifier, Step, check_plan
from domain.values import CountryCode, Instant, Name, StrictValue


class Product(StrictValue):
    """`requires` must be in the same order or already active, or the order is refused; `prerequisites` must be active before
    fulfilment starts, and an order waits for them. `capacity` is how many units may be live at once; None is no limit.
    `supply` is what tax law takes it for."""

    id: Identifier
    name: Name
    requires: list[Identifier] = []
    excludes: list[Identifier] = []
    prerequisites: list[Identifier] = []
    capacity: Annotated[int, Field(ge=0, le=10**9)] | None = None
    countries: list[CountryCode] = []
    verified_customers_only: bool = False
    orderable: bool = True
    supply: Supply = Supply()


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


class _Charge(StrictValue):
    """`id` names the charge within its price; where it is left out, its place in the price does (`charge-2`). What it costs is
    said in one way: `unit_amount` `per` unit or item, or any other price model as `rate`."""

    id: Identifier | None = None
    name: Name
    unit_amount: UnitAmount | None = None
    per: Per
    rate: Rate | None = None

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.unit_amount is None and self.rate is None:
            raise ValueError("unit_amount: is missing; give it, or a rate such as {'model': 'flat', 'amount': '9.00'}")
        if self.unit_amount is not None and self.rate is not None:
            raise ValueError("rate: is a second price model beside unit_amount; give one of the two")
        return self

    @cached_property
    def model(self) -> Rate:
        if self.rate is not None:
            return self.rate
        amount = self.unit_amount or Decimal(0)
        return PerUnitRate(unit_amount=amount) if self.per is Per.unit else FlatRate(amount=amount)


class OneTimeCharge(_Charge):
    """Charged once, with the order: a setup fee, a device."""

    kind: Literal["one_time"] = "one_time"
    per: Per = Per.item


class Timing(StrEnum):
    advance = "advance"
    arrears = "arrears"


class _Periodic(_Charge):
    """Charged for every `interval_count` intervals. Periods begin on the day the service did, or with an `alignment` on that
    day of the calendar; `stub` is what becomes of the time before the first aligned one."""

    per: Per = Per.unit
    interval: Interval = Interval.month
    interval_count: Annotated[int, Field(ge=1, le=120)] = 1
    alignment: Alignment | None = None
    stub: Stub = Stub.short

    @model_validator(mode="after")
    def _alignable(self) -> Self:
        if self.alignment is not None:
            self.alignment.check(self.interval)
        return self

    @property
    def cadence(self) -> Cadence:
        return Cadence(interval=self.interval, count=self.interval_count)

    def schedule(self, anchor: datetime, timezone: TimeZone) -> Schedule:
        return Schedule(cadence=self.cadence, anchor=anchor, timezone=timezone, alignment=self.alignment, stub=self.stub)


class RecurringCharge(_Periodic):
    """In advance the first period is due with the order. `trial_days` come before it, for which nothing is charged."""

    kind: Literal["recurring"] = "recurring"
    timing: Timing = Timing.advance
    trial_days: Annotated[int, Field(ge=0, le=730)] = 0


class UsageCharge(_Periodic):
    """What was used of a meter, charged after each period, by `rate` or `unit_amount`."""

    kind: Literal["usage"] = "usage"
    meter: Identifier


Charge = Annotated[OneTimeCharge | RecurringCharge | UsageCharge, Field(discriminator="kind")]


class Price(StrictValue):
    """What a plan costs in one currency. Unit amounts are exact decimals in major units, up to 12 decimals.

    `version` is counted by the catalogue. A version holds for orders from `effective_from` on, at once where it is left out;
    subscriptions of earlier versions keep theirs, or are moved to it from `moves_existing_at` on. `commitment` is the least
    that a customer spends in each period, the rest of which is charged afterwards. `tax_inclusive`: amounts are with tax.
    """

    id: Identifier
    plan: Identifier
    currency: CurrencyCode
    charges: Annotated[list[Charge], Field(max_length=50)] = []
    commitment: Commitment | None = None
    tax_inclusive: bool = False
    proration: ProrationPolicy = ProrationPolicy()
    version: Annotated[int, Field(ge=1)] = 1
    effective_from: Instant | None = None
    moves_existing_at: Instant | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        ids = [self.charge_id(index) for index in range(len(self.charges))]
        for index, charge_id in enumerate(ids):
            if charge_id in ids[:index]:
                raise ValueError(f"charges[{index}].id: {charge_id!r} is used twice; ids are unique within a price")
        if self.effective_from and self.moves_existing_at and self.moves_existing_at < self.effective_from:
            raise ValueError("moves_existing_at: must not be before effective_from")
        return self

    def charge_id(self, index: int) -> str:
        return self.charges[index].id or f"charge-{index + 1}"

    def effective(self, at: datetime) -> bool:
        return self.effective_from is None or self.effective_from <= at


def check_charged(price: Price) -> None:
    """BadInput for what a price may say but nothing charges yet: nobody is to have what nobody will pay for."""
    for index, charge in enumerate(price.charges):
        if isinstance(charge, UsageCharge):
            raise BadInput(f"charges[{index}].kind", "'usage' is not charged by this release; use 'one_time' or 'recurring'")
    if price.commitment is not None:
        raise BadInput("commitment", "is not acted on by this release; leave it out")


def price_for(pinned: Price, later: Iterable[Price], at: datetime) -> Price:
    """The version that a subscription pinned to one is charged by at `at`: the highest that existing ones were moved to."""
    moved = [each for each in later if each.moves_existing_at is not None and each.moves_existing_at <= at]
    return max([pinned, *moved], key=lambda each: each.version)


class Catalogue(StrictValue):
    """Everything orderable at one revision; an order keeps the revision it was accepted with. `prices` has the latest version
    of each, `earlier` those that hold until it does."""

    revision: int = 0
    products: dict[str, Product] = {}
    plans: dict[str, Plan] = {}
    prices: dict[str, Price] = {}
    earlier: list[Price] = []

    def price_of(self, plan: str, currency: str, at: datetime) -> Price | None:
        """The price of a plan in a currency at `at`, or None where it is not sold in it."""
        known = [*self.prices.values(), *self.earlier]
        matching = [price for price in known if price.plan == plan and price.currency == currency and price.effective(at)]
        return max(matching, key=lambda price: price.version, default=None)
