"""What an order item costs before discounts and tax: each charge rated exactly and rounded once, half up, at the line."""

from datetime import datetime, timedelta
from decimal import Decimal

from domain.billing.bands import Band
from domain.billing.calendar import Period, ServicePeriod
from domain.billing.lines import Discount, Portion, portions_of
from domain.billing.proration import PartOf, Proration, charge_for_service, parts_of, service_measures
from domain.billing.rates import rate
from domain.billing.zones import TimeZone
from domain.catalogue import Charge, OneTimeCharge, Per, Price, RecurringCharge, Timing, UsageCharge
from domain.money import Money, total
from domain.values import Value


class PricedLine(Value):
    """One charge of one item. `recurs` reads as 'every month'; None is charged once. `unit_amount` is None where the price
    model has more than one, and `tiers` say how the amount came about.

    `period` is there where the calendar decides what the first period is, or a trial does. `amount` is before `discounts`;
    `tax` is charged on what they leave, or is part of it where the price is inclusive; `explanation` is a sentence.
    """

    name: str
    quantity: int
    unit_amount: Decimal | None = None
    amount: Money
    recurs: str | None = None
    charge: str = ""
    tiers: tuple[Band, ...] = ()
    period: Period | None = None
    portions: tuple[Portion, ...] = ()
    shares: tuple[PartOf, ...] = ()
    discounts: tuple[Discount, ...] = ()
    tax: Money | None = None
    gross: Money | None = None
    explanation: str = ""

    @property
    def due(self) -> Money:
        """With tax and after discounts."""
        return self.amount if self.gross is None else self.gross


def price_item(price: Price, quantity: int, start: datetime, timezone: TimeZone = "UTC") -> list[PricedLine]:
    """The lines due when the order is accepted: one-time charges, and the first period of what recurs in advance.

    `start` is when the service is agreed to begin, from which a stub or a trial is counted.
    """
    lines = []
    for index, charge in enumerate(price.charges):
        lines += [_line(price.charge_id(index), charge, price, quantity, start, timezone)] if _due_at_once(charge) else []
    return lines


def _due_at_once(charge: Charge) -> bool:
    if isinstance(charge, UsageCharge):
        return False
    return isinstance(charge, OneTimeCharge) or charge.timing is Timing.advance


def _line(charge_id: str, charge: Charge, price: Price, quantity: int, start: datetime, timezone: TimeZone) -> PricedLine:
    rated = rate(charge.model, quantity)
    line = PricedLine(
        name=charge.name,
        quantity=quantity if charge.per is Per.unit or charge.rate is not None else 1,
        unit_amount=charge.unit_amount,
        amount=rated.rounded(price.currency),
        recurs=_recurrence(charge),
        charge=charge_id,
        tiers=rated.bands,
    )
    if not isinstance(charge, RecurringCharge):
        return line
    if charge.trial_days:
        trial = Period(start=start, end=start + timedelta(days=charge.trial_days))
        return line.model_copy(update={"amount": Money.zero(price.currency), "tiers": (), "period": trial})
    if charge.alignment is None:
        return line
    return _first_period(line, rated.amount, charge.schedule(start, timezone).first(start), price, timezone)


def _first_period(line: PricedLine, amount: Decimal, service: ServicePeriod, price: Price, timezone: TimeZone) -> PricedLine:
    proration = Proration(policy=price.proration, timezone=timezone)
    changes = {
        "amount": charge_for_service(amount, price.currency, service, proration),
        "portions": portions_of(service_measures(service, proration)),
        "shares": () if service.full else parts_of(service),
        "period": Period(start=service.start, end=service.end),
    }
    return line.model_copy(update=changes)


def _recurrence(charge: Charge) -> str | None:
    if not isinstance(charge, RecurringCharge):
        return None
    return f"every {charge.interval}" if charge.interval_count == 1 else f"every {charge.interval_count} {charge.interval}s"


def due(lines: list[PricedLine], currency: str) -> Money:
    return total([line.due for line in lines], currency)
