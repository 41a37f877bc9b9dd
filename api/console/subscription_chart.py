"""A subscription's periods as bars of what was billed for each, and its payments as points, over time."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from activities.store.subscription_views import Billed, Paid
from api.console import moments
from api.console.look import LINES, TONES
from domain.billing.invoice_states import InvoiceState
from domain.money import exponent

BARS = {
    "to be invoiced": (TONES["quiet"], (None, InvoiceState.draft)),
    "open": (TONES["wait"], (InvoiceState.finalized, InvoiceState.partially_paid)),
    "overdue": (TONES["stuck"], (InvoiceState.overdue,)),
    "given up": ("#742a2a", (InvoiceState.uncollectible,)),
    "paid": ("#74b08c", (InvoiceState.paid,)),
}
"""Colour of a bar, and the states of the invoice that it stands for. What was voided was not billed."""
POINTS = {"payment": (False, TONES["good"], "circle"), "declined": (True, TONES["bad"], "diamond")}


def chart(billed: Sequence[Billed], paid: Sequence[Paid], currency: str) -> dict[str, Any]:
    """Options of ECharts. Of other currencies than the subscription's there is nothing."""
    begins = sorted({each.period.start for each in billed})
    bars = [_bars(name, begins, [each for each in billed if each.state in states]) for name, (_, states) in BARS.items()]
    points = [
        _points(name, [each for each in paid if each.declined is declined and each.amount.currency == currency])
        for name, (declined, _, _) in POINTS.items()
    ]
    series = [each for each in [*bars, *points] if each is not None]
    quiet = {"color": TONES["quiet"]}
    return {
        "animationDuration": 200,
        "useUTC": True,
        "grid": {"left": 48, "right": 20, "top": 40, "bottom": 26},
        "legend": {"top": 0, "data": [each["name"] for each in series], "textStyle": quiet},
        "xAxis": {"type": "time", "axisLabel": {"hideOverlap": True, **quiet}},
        "yAxis": {"type": "value", "splitLine": LINES, "axisLabel": quiet},
        "tooltip": {"trigger": "item", "formatter": "{b}", "confine": True},
        "series": series,
    }


def _bars(name: str, begins: list[datetime], billed: list[Billed]) -> dict[str, Any] | None:
    """A bar for each beginning, since bars are stacked by their place in the list."""
    if not billed:
        return None
    of = {start: [each for each in billed if each.period.start == start] for start in begins}
    data = [
        _point(
            start,
            sum(each.amount.minor for each in found),
            billed[0].amount.currency,
            "\n".join(_said(each, name) for each in found),
        )
        for start, found in of.items()
    ]
    looks = {"stack": "billed", "barMaxWidth": 22, "barMinWidth": 4, "color": BARS[name][0]}
    return {"name": name, "type": "bar", "data": data, **looks}


def _points(name: str, paid: list[Paid]) -> dict[str, Any] | None:
    if not paid:
        return None
    _, colour, symbol = POINTS[name]
    data = [
        _point(each.at, each.amount.minor, each.amount.currency, f"{moments.day(each.at)}: {name}, {each.amount}")
        for each in reversed(paid)
    ]
    return {"name": name, "type": "scatter", "symbol": symbol, "symbolSize": 10, "color": colour, "data": data}


def _said(each: Billed, name: str) -> str:
    period = f"{moments.day(each.period.start)} until {moments.day(each.period.end)}"
    return f"{period}: {each.amount}, {name}" + (f" ({each.number})" if each.number else "")


def _point(at: datetime, minor: int, currency: str, said: str) -> dict[str, Any]:
    """A height to be drawn, in major units; the exact amount is in the words."""
    return {"name": said, "value": [at.isoformat(), float(Decimal(minor).scaleb(-exponent(currency)))]}
