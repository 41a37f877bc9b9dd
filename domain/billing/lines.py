"""The line of an invoice: what was charged, for when, how the amount came to be, and what was taken off."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.billing.bands import Band, explain, sum_of
from domain.billing.calendar import Period
from domain.billing.proration import Basis, Measured, PartOf
from domain.money import Money
from domain.values import Value


class Discount(Value):
    """What one coupon took off one line: a positive amount, `description` as people read it ('Welcome, 25 %')."""

    redemption: str
    coupon: str
    description: str
    amount: Money


class Portion(Value):
    """The part of a whole period that was charged, in the units of its proration: 17 of 31 days."""

    part: Annotated[int, Field(ge=0)]
    whole: Annotated[int, Field(gt=0)]
    by: Basis = Basis.day

    def in_units(self) -> tuple[int, int, str]:
        """Part, whole and unit, in the largest unit that both are whole numbers of."""
        size, unit = _unit(self.part, self.whole) if self.by is Basis.second else (1, "days")
        return self.part // size, self.whole // size, unit

    def __str__(self) -> str:
        """In words; months of 30 days say so."""
        part, whole, unit = self.in_units()
        return f"{part} of {whole} {unit}{' (months of 30)' if self.by is Basis.thirty else ''}"


def portions_of(measures: Sequence[Measured]) -> tuple[Portion, ...]:
    """What to say of measured parts; nothing where just one period is charged whole."""
    if len(measures) == 1 and measures[0].fraction == 1:
        return ()
    return tuple(Portion(part=each.part, whole=each.whole, by=each.by) for each in measures if each.by is not Basis.none)


def _unit(part: int, whole: int) -> tuple[int, str]:
    units = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))
    return next((size, unit) for size, unit in units if part % size == 0 and whole % size == 0)


class BilledOn(Value):
    """A line of an invoice."""

    invoice: str
    line: str


class InvoiceLine(Value):
    """One charge of one item for one period. `amount` is before discounts; without tax where the price is exclusive of tax and
    with it where it is inclusive (`tax_inclusive`). `id` is the charge's business key, which appears on one invoice only.

    `tiers` add up, in major units, to the amount of the whole period. `portions` are the parts of it that were charged: two for
    a stub that is billed with the period after it, none where all of it was; `shares` say which parts of which periods. A
    credit for a period that was paid for is a line of a negative amount; `gives_back` is what had charged it. `product` decides
    how it is taxed; where it is left out, that of the plan does.
    """

    id: Annotated[str, Field(min_length=1)]
    subscription: str | None = None
    item: str = ""
    plan: str | None = None
    product: str | None = None
    charge: str
    description: str
    period: Period | None = None
    price_version: int = 1
    quantity: Decimal = Decimal(1)
    tiers: tuple[Band, ...] = ()
    portions: tuple[Portion, ...] = ()
    shares: tuple[PartOf, ...] = ()
    amount: Money
    tax_inclusive: bool = False
    gives_back: BilledOn | None = None
    discounts: tuple[Discount, ...] = ()
    explanation: str = ""

    @model_validator(mode="after")
    def _discounted_at_most_to_zero(self) -> Self:
        for index, each in enumerate(self.discounts):
            if each.amount.currency != self.amount.currency:
                raise ValueError(f"discounts[{index}].amount: is in {each.amount.currency}, the line in {self.amount.currency}")
            if each.amount.minor < 0:
                raise ValueError(f"discounts[{index}].amount: must be zero or more")
        if self.discounts and self.discounted.minor < 0:
            raise ValueError(f"discounts: take off more than the line's {self.amount}")
        return self

    @property
    def discounted(self) -> Money:
        """The amount less discounts: what is taxed."""
        if not self.discounts:
            return self.amount
        taken = sum(each.amount.minor for each in self.discounts)
        return Money(minor=self.amount.minor - taken, currency=self.amount.currency)


def line_key(subscription: str, item: str, charge: str, price_version: int, period: int) -> str:
    """The business fact that is charged once: the `period`-th period of a charge at a version of its price."""
    return f"{subscription}:{item}:{charge}:v{price_version}:period:{period}"


def explained(line: InvoiceLine) -> InvoiceLine:
    """The line with its explanation, once its discounts are known."""
    return line.model_copy(update={"explanation": explanation(line)})


def explanation(line: InvoiceLine) -> str:
    """How the amount came to be, in one sentence, in major units of the line's currency.

    "10 × 5.00 + 5 × 4.00 = 70.00, of which 17 of 31 days are 38.39, less 9.60 (Welcome, 25 %), makes 28.79 EUR."
    """
    parts = [_calculation(line)]
    if line.portions:
        parts.append(f"of which {' and '.join(map(str, line.portions))} are {_major(line.amount)}")
    parts += [f"less {_major(each.amount)} ({each.description})" for each in line.discounts if each.amount]
    if len(parts) == 1:
        return f"{parts[0]} {line.amount.currency}."
    return f"{', '.join(parts)}, makes {_major(line.discounted)} {line.amount.currency}."


def _calculation(line: InvoiceLine) -> str:
    if not line.tiers:
        return _major(line.amount)
    rated = sum_of(line.tiers)
    return explain(rated) if line.portions else explain(rated, line.amount)


def _major(amount: Money) -> str:
    return str(amount).removesuffix(f" {amount.currency}").replace("-", "\N{MINUS SIGN}")
