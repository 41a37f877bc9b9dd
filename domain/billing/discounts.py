"""What coupons take off the lines of one invoice."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from domain.billing.coupons import AmountOff, Redemption
from domain.billing.lines import Discount, InvoiceLine
from domain.money import Money
from domain.values import StrictValue, Value


class CouponOrder(StrEnum):
    percent_first = "percent_first"
    amount_first = "amount_first"
    as_redeemed = "as_redeemed"


class PercentBase(StrEnum):
    remaining = "remaining"
    original = "original"


class Stacking(StrEnum):
    together = "together"
    best = "best"


class DiscountSettings(StrictValue):
    """How several coupons act on one invoice.

    `order`: percent before amount (20 % and then 10.00 off), amount before percent, or as they were redeemed (Lago); of one
    kind the one redeemed first goes first. `percent_of`: a percentage is of what earlier coupons left, so that 10 % twice are
    19 % (Stripe), or of the original amount, so that they are 20 %. `stacking`: all act together, or only the one that takes
    off most. `carry_over`: whether what an amount coupon could not take off is kept for the customer's next invoice.
    """

    order: CouponOrder = CouponOrder.percent_first
    percent_of: PercentBase = PercentBase.remaining
    stacking: Stacking = Stacking.together
    carry_over: bool = False


class Discounted(Value):
    """The lines with their discounts, and the redemptions that took something off, as they stand after this invoice."""

    lines: tuple[InvoiceLine, ...]
    redemptions: tuple[Redemption, ...] = ()


def discounted(lines: Sequence[InvoiceLine], redemptions: Sequence[Redemption], settings: DiscountSettings) -> Discounted:
    """Apply the open redemptions of one customer to the lines of one invoice, all in one currency.

    A coupon takes something off the positive lines that it applies to, never below zero: its amount is rounded once, half up,
    and then spread over them in proportion to what is left of each, by largest remainder. An amount coupon in another
    currency, and a coupon bound to a subscription that has no line here, wait. A period of a coupon is used up by an invoice
    that it took something off, and by no other.
    """
    ordered = _ordered([each for each in redemptions if each.open], settings.order)
    if settings.stacking is Stacking.best and len(ordered) > 1:
        ordered = [max(ordered, key=lambda each: _off(_applied(lines, each, settings)))]
    result = Discounted(lines=tuple(lines))
    for redemption in ordered:
        step = _applied(result.lines, redemption, settings)
        result = Discounted(lines=step.lines, redemptions=(*result.redemptions, *step.redemptions))
    return result


def _ordered(redemptions: Sequence[Redemption], order: CouponOrder) -> list[Redemption]:
    first = {CouponOrder.percent_first: "percent", CouponOrder.amount_first: "amount"}.get(order)

    def place(each: Redemption) -> tuple[bool, float, str]:
        return first not in {None, each.coupon.off.kind}, each.redeemed_at.timestamp(), each.key

    return sorted(redemptions, key=place)


def _off(result: Discounted) -> int:
    return sum(each.amount.minor for line in result.lines for each in line.discounts)


def _applied(lines: Sequence[InvoiceLine], redemption: Redemption, settings: DiscountSettings) -> Discounted:
    eligible = [index for index, line in enumerate(lines) if _eligible(line, redemption)]
    left = sum(lines[index].discounted.minor for index in eligible)
    offered = _offered([lines[index] for index in eligible], redemption, settings)
    taken = min(left, offered)
    if taken <= 0:
        return Discounted(lines=tuple(lines))
    parts = Money(minor=taken, currency=lines[0].amount.currency).split([lines[index].discounted.minor for index in eligible])
    result = list(lines)
    for index, part in zip(eligible, parts, strict=True):
        if part:
            result[index] = _with(lines[index], redemption, part)
    return Discounted(lines=tuple(result), redemptions=(_after(redemption, offered - taken, settings),))


def _eligible(line: InvoiceLine, redemption: Redemption) -> bool:
    """A credit for an earlier debit has its discount in it already, so that coupons act on positive lines only."""
    bound = redemption.subscription is None or redemption.subscription == line.subscription
    return bound and line.discounted.minor > 0 and redemption.coupon.applies_to(line.plan, line.charge)


def _offered(lines: Sequence[InvoiceLine], redemption: Redemption, settings: DiscountSettings) -> int:
    """Minor units that the coupon would take off if there were enough."""
    off = redemption.coupon.off
    if not lines:
        return 0
    if isinstance(off, AmountOff):
        amount = redemption.left or off.amount
        return amount.minor if amount.currency == lines[0].amount.currency else 0
    original = settings.percent_of is PercentBase.original
    base = sum((line.amount if original else line.discounted).minor for line in lines)
    return int((Decimal(base) * off.percent).scaleb(-2).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _with(line: InvoiceLine, redemption: Redemption, part: Money) -> InvoiceLine:
    coupon = redemption.coupon
    taken = Discount(redemption=redemption.key, coupon=coupon.id, description=f"{coupon.name}, {coupon.off}", amount=part)
    return line.model_copy(update={"discounts": (*line.discounts, taken)})


def _after(redemption: Redemption, rest: int, settings: DiscountSettings) -> Redemption:
    """A carried rest keeps the period open: the coupon is used up when its amount is, or when its last period has passed."""
    off = redemption.coupon.off
    if not (settings.carry_over and isinstance(off, AmountOff) and rest > 0):
        return redemption.model_copy(update={"periods_used": redemption.periods_used + 1, "left": None})
    return redemption.model_copy(update={"left": Money(minor=rest, currency=off.amount.currency)})
