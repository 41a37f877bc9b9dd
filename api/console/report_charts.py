"""Reports as bars and lines over months, drawn by ECharts; exact amounts are in the words of each point."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from activities.store.dunning_openings import CurrencyDunning, DunningAttempts, DunningMonth
from activities.store.recurring_revenue import CurrencyRevenue
from api.console.look import LINES, TONES, tone_of, words
from domain.money import Money, exponent
from domain.states import SubscriptionState
from domain.subscriptions.recurring_revenue import Movement

MOVED = {
    Movement.new: TONES["good"],
    Movement.expansion: "#74b08c",
    Movement.reactivation: TONES["busy"],
    Movement.contraction: TONES["wait"],
    Movement.churn: TONES["bad"],
}
RESULTS = {"opened": TONES["quiet"], "recovered": TONES["good"], "lost": TONES["bad"], "withdrawn": TONES["undo"]}
RECOVERED_OR_LOST = ("recovered", "lost")


def revenue(shown: CurrencyRevenue) -> dict[str, Any]:
    """What moved in each month as bars, up and down, and what it came to as a line."""
    series = [
        _bars(each, colour, [(month.month, getattr(month, each)) for month in shown.months], stack="moved")
        for each, colour in MOVED.items()
    ]
    standing = [_amount(month.month, "at its end", month.monthly_recurring_revenue) for month in shown.months]
    line = {"name": "MRR", "type": "line", "symbolSize": 6, "color": TONES["undo"], "data": standing}
    return _over([_month(each.month) for each in shown.months], [*series, line])


def cases(shown: CurrencyDunning) -> dict[str, Any]:
    return _over([_month(each.month) for each in shown.months], [_counts(each, shown.months) for each in RESULTS], whole=True)


def amounts(shown: CurrencyDunning) -> dict[str, Any]:
    series = [
        _bars(each, RESULTS[each], [(month.month, getattr(month, each).amount) for month in shown.months])
        for each in RECOVERED_OR_LOST
    ]
    return _over([_month(each.month) for each in shown.months], series)


def attempts(shown: CurrencyDunning) -> dict[str, Any]:
    return _over(
        [str(each.attempts) for each in shown.by_attempts],
        [_counts(each, shown.by_attempts) for each in RECOVERED_OR_LOST],
        whole=True,
    )


def states(counts: dict[str, int]) -> dict[str, Any]:
    """Those that there are, a bar each."""
    there = [state for state in SubscriptionState if counts.get(state)]
    data = [{"value": counts[state], "itemStyle": {"color": TONES[tone_of(state)]}} for state in there]
    labelled = {"label": {"show": True, "position": "top", "color": TONES["quiet"]}}
    series = {"name": "subscriptions", "type": "bar", "barMaxWidth": 48, "data": data, **labelled}
    return _over([words(state) for state in there], [series], whole=True, legend=False)


def _counts(name: str, of: Sequence[DunningMonth] | Sequence[DunningAttempts]) -> dict[str, Any]:
    data = [getattr(each, name).count for each in of]
    return {"name": name, "type": "bar", "barMaxWidth": 22, "color": RESULTS[name], "data": data}


def _bars(name: str, colour: str, amounts: Sequence[tuple[date, Money]], **looks: object) -> dict[str, Any]:
    data = [_amount(month, name, amount) for month, amount in amounts]
    return {"name": name, "type": "bar", "barMaxWidth": 22, "color": colour, "data": data, **looks}


def _amount(month: date, name: str, amount: Money) -> dict[str, Any]:
    """A height to be drawn, in major units."""
    height = float(Decimal(amount.minor).scaleb(-exponent(amount.currency)))
    return {"name": f"{_month(month)}, {name}: {amount}", "value": height}


def _month(first: date) -> str:
    return f"{first:%b %Y}"


def _over(
    names: Sequence[str], series: Sequence[dict[str, Any]], *, whole: bool = False, legend: bool = True
) -> dict[str, Any]:
    quiet = {"color": TONES["quiet"]}
    tip = {"trigger": "axis"} if whole else {"trigger": "item", "formatter": "{b}"}
    return {
        "animationDuration": 200,
        "grid": {"left": 8, "right": 16, "top": 40 if legend else 20, "bottom": 8, "containLabel": True},
        "legend": {"show": legend, "top": 0, "type": "scroll", "textStyle": quiet, "pageTextStyle": quiet},
        "xAxis": {"type": "category", "data": list(names), "axisLabel": {"hideOverlap": True, **quiet}},
        "yAxis": {"type": "value", "splitLine": LINES, "axisLabel": quiet, **({"minInterval": 1} if whole else {})},
        "tooltip": {"confine": True, **tip},
        "series": list(series),
    }
