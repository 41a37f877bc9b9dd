"""Coupons: what they take off, for how long, for whom, and how often they may be redeemed."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.errors import Conflict
from domain.money import Money
from domain.plans import Identifier
from domain.values import Instant, Name, StrictValue, Value


class PercentOff(StrictValue):
    kind: Literal["percent"] = "percent"
    percent: Annotated[Decimal, Field(gt=0, le=100, max_digits=9, decimal_places=6, examples=["25"])]

    def __str__(self) -> str:
        return f"{self.percent.normalize():f} %"


class AmountOff(StrictValue):
    """So much off each invoice in its period, in all and not per line; it applies to invoices in its currency only."""

    kind: Literal["amount"] = "amount"
    amount: Money

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.amount.minor <= 0:
            raise ValueError("amount: must be more than zero")
        return self

    def __str__(self) -> str:
        return str(self.amount)


Benefit = Annotated[PercentOff | AmountOff, Field(discriminator="kind")]


class Duration(StrEnum):
    once = "once"
    periods = "periods"
    forever = "forever"


class Coupon(StrictValue):
    """`plans` and `charges` limit what it applies to; empty is everything. It may be redeemed in `[valid_from, valid_until)`;
    once redeemed it lasts for its own duration, counted in invoiced periods of the customer."""

    id: Identifier
    name: Name
    off: Benefit
    duration: Duration = Duration.once
    periods: Annotated[int, Field(ge=1, le=1200)] | None = None
    plans: tuple[Identifier, ...] = ()
    charges: tuple[Identifier, ...] = ()
    redemption_limit: Annotated[int, Field(ge=1)] | None = None
    limit_per_customer: Annotated[int, Field(ge=1)] | None = 1
    valid_from: Instant | None = None
    valid_until: Instant | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.duration is Duration.periods) != (self.periods is not None):
            raise ValueError("periods: is given where the duration is 'periods', and only there")
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise ValueError("valid_until: must be after valid_from")
        return self

    @property
    def lasts(self) -> int | None:
        """For how many invoiced periods; None is for ever."""
        return None if self.duration is Duration.forever else self.periods or 1

    def applies_to(self, plan: str | None, charge: str) -> bool:
        return (not self.plans or plan in self.plans) and (not self.charges or charge in self.charges)


class Tally(Value):
    """How often a coupon was redeemed, in all and by the customer who asks. Counted with the coupon's row locked. `released`
    are the customer's redemptions that came to nothing: they count for no limit, and their keys stay used."""

    total: int = 0
    by_customer: int = 0
    released: int = 0


class Redemption(Value):
    """A coupon that a customer holds. `left` is what an amount coupon has left over where that is carried over."""

    key: str
    coupon: Coupon
    customer: str
    redeemed_at: Instant
    subscription: str | None = None
    periods_used: int = 0
    left: Money | None = None

    @property
    def open(self) -> bool:
        """Whether it still takes something off the next invoice."""
        return self.coupon.lasts is None or self.periods_used < self.coupon.lasts


def redemption_key(coupon: str, customer: str, number: int) -> str:
    """The `number`-th redemption of a coupon by a customer, counted from 1."""
    return f"{coupon}:{customer}:redemption:{number}"


def redeem(coupon: Coupon, customer: str, tally: Tally, now: datetime, subscription: str | None = None) -> Redemption:
    """The next redemption by this customer; Conflict where the coupon is not valid at `now` or its limit is reached."""
    if coupon.valid_from is not None and now < coupon.valid_from:
        raise Conflict(f"coupon {coupon.id} is valid from {coupon.valid_from.isoformat()}")
    if coupon.valid_until is not None and now >= coupon.valid_until:
        raise Conflict(f"coupon {coupon.id} was valid until {coupon.valid_until.isoformat()}")
    if coupon.redemption_limit is not None and tally.total >= coupon.redemption_limit:
        raise Conflict(f"coupon {coupon.id} has been redeemed {coupon.redemption_limit} times, which is all there is")
    if coupon.limit_per_customer is not None and tally.by_customer >= coupon.limit_per_customer:
        raise Conflict(f"customer {customer} has redeemed coupon {coupon.id} {tally.by_customer} times, which is the limit")
    key = redemption_key(coupon.id, customer, tally.by_customer + tally.released + 1)
    return Redemption(key=key, coupon=coupon, customer=customer, redeemed_at=now, subscription=subscription)
