"""What was billed for a period, and the credit for a part of it: from what was charged then, and never more than was paid."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.billing.calendar import Period
from domain.billing.exact import Quantity, checked_quantity, plain
from domain.billing.proration import Basis, Cut, Part, PartOf, Proration, fraction_of, share_of
from domain.money import Money, total
from domain.values import Value


class Debit(Value):
    """A line as it was billed for `period`, which may be a stub. `amount` is before `discount`, and without `tax` unless the
    price is `tax_inclusive`. `paid` is how much of the gross has been paid by now. `starts` and `ends` say why the period began
    and ended where it did, as they did when it was charged. `shares` are what of which full periods was charged for it; where
    they are left out, each part of the period counts for as much as any other of its length."""

    id: str
    period: Period
    starts: Cut = Cut.start
    ends: Cut = Cut.start
    shares: tuple[PartOf, ...] = ()
    amount: Money
    discount: Money
    tax: Money
    paid: Money
    tax_inclusive: bool = False
    quantity: Annotated[Quantity, Field(gt=0)] = Decimal(1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        for name in ("amount", "discount", "tax", "paid"):
            money: Money = getattr(self, name)
            if money.currency != self.amount.currency:
                raise ValueError(f"{name}: must be in {self.amount.currency} as the amount is")
            if money.minor < 0:
                raise ValueError(f"{name}: must not be negative")
        if self.net.minor < 0:
            raise ValueError("amount: must not be less than the discount, and the tax where it is inclusive")
        if self.gross < self.paid:
            raise ValueError(f"paid: must not be more than the {self.gross} billed")
        return self

    @property
    def charged(self) -> Part:
        return Part(start=self.period.start, end=self.period.end, starts=self.starts, ends=self.ends)

    @property
    def net(self) -> Money:
        """After discount, without tax."""
        return self.amount - self.discount - self.tax if self.tax_inclusive else self.amount - self.discount

    @property
    def gross(self) -> Money:
        return self.net + self.tax


class PeriodCredit(Value):
    """What of a debit is given back for a part of its period. `gross` is what the customer gets; `unpaid` is what the part was
    worth beyond that: it was never paid, so it can only be taken off what is still due."""

    debit: str
    part: Period
    quantity: Decimal
    fraction: Fraction
    discount: Money
    net: Money
    tax: Money
    unpaid: Money

    @property
    def gross(self) -> Money:
        return self.net + self.tax


def credit_for(
    debit: Debit, part: Period, given: Sequence[PeriodCredit], proration: Proration, quantity: Decimal | None = None
) -> PeriodCredit:
    """The credit for a part of a debit's period, or for some of its units in that part; `given` are all credits it had before.

    Net, tax and discount are those of the debit by the fraction of its whole period, each rounded half up so that credits for
    all parts add up to the debit. Raises ValueError for a part outside the period, or one that was credited already.
    """
    units = debit.quantity if quantity is None else checked_quantity(quantity)
    _check_units(debit, part, given, units)
    before = sum((each.fraction for each in given), Fraction(0))
    after = min(before + _fraction(debit, part, proration) * Fraction(units), Fraction(1))
    credit = PeriodCredit(
        debit=debit.id,
        part=part,
        quantity=units,
        fraction=after - before,
        discount=_step(debit.discount, before, after),
        net=_step(debit.net, before, after),
        tax=_step(debit.tax, before, after),
        unpaid=Money.zero(debit.paid.currency),
    )
    return _capped(credit, debit.paid - total([each.gross for each in given], debit.paid.currency))


def within(credit: PeriodCredit, left: Money) -> PeriodCredit:
    """The credit where no more than `left` of the gross billed was not given back by other credit notes."""
    given = min(credit.gross, left)
    capped = credit if credit.gross == given else _capped(credit, given)
    return capped.model_copy(update={"unpaid": min(credit.unpaid, left - given)})


def _fraction(debit: Debit, part: Period, proration: Proration) -> Fraction:
    """What one unit of the part is of the debit."""
    if proration.policy.by is Basis.none:
        return Fraction(0)
    if not debit.shares:
        return fraction_of(part, debit.charged, proration) / Fraction(debit.quantity)
    cut = part if isinstance(part, Part) else Part(start=part.start, end=part.end)
    return share_of(cut, debit.shares, proration) / Fraction(debit.quantity)


def _step(money: Money, before: Fraction, after: Fraction) -> Money:
    """What rounding gives up to `after` beyond what it gave up to `before`."""
    return _part_of(money, after) - _part_of(money, before)


def _part_of(money: Money, fraction: Fraction) -> Money:
    """Of an amount that is not negative, half up."""
    exact = money.minor * fraction
    return Money(minor=(2 * exact.numerator + exact.denominator) // (2 * exact.denominator), currency=money.currency)


def _capped(credit: PeriodCredit, room: Money) -> PeriodCredit:
    if credit.gross <= room:
        return credit
    if room.minor <= 0:
        zero = Money.zero(room.currency)
        return credit.model_copy(update={"net": zero, "tax": zero, "discount": zero, "unpaid": credit.gross})
    net, tax = room.split([credit.net.minor, credit.tax.minor])
    discount = _part_of(credit.discount, Fraction(room.minor, credit.gross.minor))
    return credit.model_copy(update={"net": net, "tax": tax, "discount": discount, "unpaid": credit.gross - room})


def _check_units(debit: Debit, part: Period, given: Sequence[PeriodCredit], units: Decimal) -> None:
    """No unit may be credited twice for the same instant."""
    if any(each.debit != debit.id for each in given):
        raise ValueError(f"given: must be credits of {debit.id}")
    overlapping = [each for each in given if each.part.common(part) is not None]
    for instant in [part.start, *(each.part.start for each in overlapping if each.part.start in part)]:
        credited = sum((each.quantity for each in overlapping if instant in each.part), Decimal(0))
        if credited + units > debit.quantity:
            left = plain(debit.quantity - credited)
            raise ValueError(
                f"part: of {plain(debit.quantity)} units, only {left} are not credited yet at {instant.isoformat()}"
            )
