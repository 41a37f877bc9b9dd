"""What an order item costs: each charge multiplied exactly and rounded once, half up, at the line."""

from decimal import Decimal

from domain.catalogue import Charge, Per, Price, RecurringCharge
from domain.money import Money, total
from domain.values import Value


class PricedLine(Value):
    """One charge of one item. `recurs` reads as 'every month'; None is charged once."""

    name: str
    quantity: int
    unit_amount: Decimal
    amount: Money
    recurs: str | None = None


def price_item(price: Price, quantity: int) -> list[PricedLine]:
    """The lines due when the order is accepted: one-time charges, and the first period of recurring ones."""
    return [_line(charge, quantity, price.currency) for charge in price.charges]


def _line(charge: Charge, quantity: int, currency: str) -> PricedLine:
    units = quantity if charge.per is Per.unit else 1
    return PricedLine(
        name=charge.name,
        quantity=units,
        unit_amount=charge.unit_amount,
        amount=Money.rounded(charge.unit_amount * units, currency),
        recurs=_recurrence(charge),
    )


def _recurrence(charge: Charge) -> str | None:
    if not isinstance(charge, RecurringCharge):
        return None
    return f"every {charge.interval}" if charge.interval_count == 1 else f"every {charge.interval_count} {charge.interval}s"


def due(lines: list[PricedLine], currency: str) -> Money:
    return total([line.amount for line in lines], currency)
