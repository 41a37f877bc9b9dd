"""/console/fraud: the last judged orders and why, bands per day, and the rules, lists and thresholds that hold."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from nicegui import ui
from starlette.requests import Request

from activities.store import fraud, fraud_lists, judged
from activities.store.judged import Judged, JudgedDay
from api.console import frame, moments, notices
from api.console.addresses import of_order
from api.console.console import Console
from api.console.look import LINES, TONES
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from domain.fraud import Band
from domain.fraud_lists import Listed
from domain.fraud_rules import FraudPolicy, PublishedFraudRule
from domain.roles import Right

MOST = 50
DAYS = 30
SHADES = {Band.allow: "good", Band.step_up: "busy", Band.review: "wait", Band.reject: "bad"}


def install(console: Console) -> None:
    @frame.page(console, "/fraud", "Fraud", "fraud", Right.keep_fraud_rules)
    async def fraud_page(visit: Visit, _request: Request) -> None:
        page = FraudPage(visit)
        await page.refresh()
        visit.follow(page.refresh)


class FraudPage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        notices.heading("Fraud", 1)
        ui.label("Orders that a rule or a list held for, before any money was asked for.").classes("soft")
        self._days = Panel(_draw_days, "card")
        self._judged = Panel(self._draw_judged, "card")
        self._rules = Panel(_draw_rules, "card")
        self._lists = Panel(self._draw_lists, "card")

    async def refresh(self) -> None:
        minute = moments.minute(self._visit.now())
        midnight = minute.replace(hour=0, minute=0)
        async with self._visit.console.database.transaction() as connection:
            days = await judged.days(connection, midnight - timedelta(days=DAYS - 1))
            last = await judged.last(connection, MOST)
            policy = await fraud.policy(connection)
            listed = await fraud_lists.every(connection)
        self._days.show(days)
        self._judged.show(last, minute)
        self._rules.show(policy)
        self._lists.show(listed, minute)

    def _draw_judged(self, found: list[Judged], _minute: datetime) -> None:
        notices.heading("Last judged orders")
        if not found:
            ui.label("No rule or list has held for an order yet.").classes("soft")
            return
        rows = [
            (
                partial(_order_link, each.order),
                partial(_band, each.band),
                str(each.score),
                "; ".join(each.reasons),
                ", ".join(each.rules),
                moments.ago(each.at, self._visit.now()),
            )
            for each in found
        ]
        table(("Order", "Band", ">Points", "Why", "By", "When"), rows)

    def _draw_lists(self, found: list[Listed], _minute: datetime) -> None:
        notices.heading("Lists")
        if not found:
            ui.label("Nobody is blocked or trusted. POST /v1/fraud-lists adds one.").classes("soft")
            return
        rows = [_listing(each, self._visit.now()) for each in found[:MOST]]
        table(("List", "By", "Who", "Why", "Until", "Listed by", "When"), rows)
        if len(found) > MOST:
            ui.label(f"{len(found) - MOST} more at GET /v1/fraud-lists").classes("soft small")


def _listing(each: Listed, now: datetime) -> tuple[str, ...]:
    listing = each.listing
    until = "for good" if listing.until is None else f"{listing.until:%Y-%m-%d %H:%M} UTC"
    over = " (over)" if listing.until is not None and listing.until <= now else ""
    by = listing.by.replace("_", " ")
    return (listing.list, by, listing.value, listing.reason, until + over, each.listed_by, moments.ago(each.listed_at, now))


def _draw_rules(policy: FraudPolicy) -> None:
    notices.heading("Rules")
    reached = policy.thresholds
    said = f"Points: step up from {reached.step_up}, review from {reached.review}, reject from {reached.reject}"
    ui.label(f"{said} (version {policy.thresholds_version})").classes("soft")
    if policy.asks_score:
        scoring = policy.scoring
        ui.label(f"Fraud score: waited for {scoring.seconds} s; without one: {scoring.when_unknown}").classes("soft")
    if policy.rules:
        table(("Rule", "Holds where", "Then", "Reason", "Published by"), [_rule(each) for each in policy.rules])
    else:
        ui.label("There are none. PUT /v1/fraud-rules/… publishes one.").classes("soft")


def _rule(published: PublishedFraudRule) -> tuple[str, ...]:
    rule = published.rule
    then = rule.band.replace("_", " ") if rule.band is not None else f"{rule.points} points"
    return (published.name, rule.when, then, rule.reason, published.published_by)


def _order_link(order: str) -> None:
    ui.link(order, of_order(order)).classes("plain strong")


def _band(band: Band) -> None:
    ui.label(band.replace("_", " ")).classes(f"strong toned tone-{SHADES[band]}")


def _draw_days(days: list[JudgedDay]) -> None:
    notices.heading("Bands per day")
    if days:
        ui.echart(_chart(days)).style("height:180px;width:100%").mark("bands-chart")
    else:
        ui.label(f"None in {DAYS} days.").classes("soft")


def _chart(days: list[JudgedDay]) -> dict[str, Any]:
    dates = sorted({each.day for each in days})
    counts = {(each.day, each.band): each.count for each in days}
    bands = [band for band in Band if any(each.band is band for each in days)]
    series = [
        {
            "name": band.replace("_", " "),
            "type": "bar",
            "stack": "bands",
            "barMaxWidth": 40,
            "color": TONES[SHADES[band]],
            "data": [counts.get((day, band), 0) for day in dates],
        }
        for band in bands
    ]
    return {
        "animationDuration": 200,
        "grid": {"left": 44, "right": 16, "top": 30, "bottom": 24},
        "legend": {"top": 0, "textStyle": {"color": TONES["quiet"]}},
        "xAxis": {"type": "category", "data": [day.isoformat() for day in dates]},
        "yAxis": {"type": "value", "splitLine": LINES, "minInterval": 1},
        "tooltip": {"trigger": "axis", "confine": True},
        "series": series,
    }
