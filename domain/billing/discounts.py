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
        ordered = [max(ordered, key=lambda each: sum(_taken(each, lines, _lefts(lines), settings)[0]))]
    lefts, taken, after = _lefts(lines), [list(line.discounts) for line in lines], []
    for redemption in ordered:
        parts, rest = _taken(redemption, lines, lefts, settings)
        if any(parts):
            after.append(_after(redemption, rest, settings))
        for index, part in enumerate(parts):
            if part:
                lefts[index] -= part
                taken[index].append(_discount(redemption, Money(minor=part, currency=lines[index].amount.currency)))
    pairs = zip(lines, taken, strict=True)
    return Discounted(lines=tuple(_with(line, discounts) for line, discounts in pairs), redemptions=tuple(after))


def given_back(redemption: Redemption, taken: Money, settings: DiscountSettings) -> Redemption:
    """The redemption without an invoice that is void, which it had taken `taken` off: the period is unused again, and where an
    amount is carried over it is there again."""
    off = redemption.coupon.off
    unused = {"periods_used": max(0, redemption.periods_used - 1)}
    if not (settings.carry_over and isinstance(off, AmountOff)):
        return redemption.model_copy(update=unused)
    whole = taken if redemption.left is None else redemption.left + taken
    left = {"left": whole if whole < off.amount else None}
    return redemption.model_copy(update=left | (unused if redemption.left is None else {}))


def _lefts(lines: Sequence[InvoiceLine]) -> list[int]:
    """Minor units that are left of each line."""
    return [line.discounted.minor for line in lines]


def _ordered(redemptions: Sequence[Redemption], order: CouponOrder) -> list[Redemption]:
    first = {CouponOrder.percent_first: "percent", CouponOrder.amount_first: "amount"}.get(order)

    def place(each: Redemption) -> tuple[bool, float, str]:
        return first not in {None, each.coupon.off.kind}, each.redeemed_at.timestamp(), each.key

    return sorted(redemptions, key=place)


def _taken(
    redemption: Redemption, lines: Sequence[InvoiceLine], lefts: Sequence[int], settings: DiscountSettings
) -> tuple[list[int], int]:
    """What the coupon takes off each line, and what it could not take off, in minor units."""
    weights = [left if left > 0 and _eligible(line, redemption) else 0 for line, left in zip(lines, lefts, strict=True)]
    offered = _offered(redemption, lines, weights, settings)
    taken = min(sum(weights), offered)
    if taken <= 0:
        return [0] * len(lines), offered
    parts = Money(minor=taken, currency=lines[0].amount.currency).split(weights)
    return [part.minor for part in parts], offered - taken


def _eligible(line: InvoiceLine, redemption: Redemption) -> bool:
    bound = redemption.subscription is None or redemption.subscription == line.subscription
    return bound and redemption.coupon.applies_to(line.plan, line.charge)


def _offered(redemption: Redemption, lines: Sequence[InvoiceLine], weights: Sequence[int], settings: DiscountSettings) -> int:
    """Minor units that the coupon would take off if there were enough of the lines that have a weight."""
    off = redemption.coupon.off
    if not any(weights):
        return 0
    if isinstance(off, AmountOff):
        amount = redemption.left or off.amount
        return amount.minor if amount.currency == lines[0].amount.currency else 0
    base = sum(weights)
    if settings.percent_of is PercentBase.original:
        base = sum(line.amount.minor for line, weight in zip(lines, weights, strict=True) if weight)
    return int((Decimal(base) * off.percent).scaleb(-2).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _discount(redemption: Redemption, part: Money) -> Discount:
    coupon = redemption.coupon
    return Discount(redemption=redemption.key, coupon=coupon.id, description=f"{coupon.name}, {coupon.off}", amount=part)


def _with(line: InvoiceLine, discounts: Sequence[Discount]) -> InvoiceLine:
    return line if len(discounts) == len(line.discounts) else line.model_copy(update={"discounts": tuple(discounts)})


def _after(redemption: Redemption, rest: int, settings: DiscountSettings) -> Redemption:
    """A carried rest keeps the period open: the coupon is used up when its amount is, or when its last period has passed."""
    off = redemption.coupon.off
    if not (settings.carry_over and isinstance(off, AmountOff) and rest > 0):
        return redemption.model_copy(update={"periods_used": redemption.periods_used + 1, "left": None})
    return redemption.model_copy(update={"left": Money(minor=rest, currency=off.amount.currency)})
