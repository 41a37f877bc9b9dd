"""How well the gateways answer, as a card: their health now, and the last hour as a chart."""

from datetime import datetime, timedelta
from typing import Any

from nicegui import ui

from activities.runtime.settings import Settings
from activities.store import attempts, routing
from activities.store.attempts import Tally
from activities.store.database import Connection
from api.console import moments, notices
from api.console.look import LINES, TONES
from api.console.panel import Panel
from domain.gateway_health import Health

HOUR = timedelta(hours=1)
STRETCH = timedelta(minutes=5)
SHADES = [TONES[tone] for tone in ("busy", "undo", "good", "wait", "stuck", "quiet")]


class GatewaysPanel:
    def __init__(self, settings: Settings) -> None:
        self._names = sorted(settings.all_gateways())
        self._default = settings.gateway
        self._warning = Panel(_warn)
        self._card = Panel(self._draw, "card")

    async def refresh(self, connection: Connection, now: datetime) -> None:
        health = await routing.health(connection)
        until = moments.minute(now) + timedelta(minutes=1)
        tallies = await attempts.tallies(connection, until - HOUR, until, STRETCH)
        down = [name for name in self._names if name in health and health[name].is_down(now)]
        self._warning.show([health[name] for name in down], moments.minute(now))
        self._card.show(tallies, down, moments.minute(now))

    def _draw(self, tallies: list[Tally], down: list[str], _minute: datetime) -> None:
        with ui.element("div").classes("row-line"):
            notices.heading("Gateways")
            ui.label("share of answers in the last hour that were the gateway's own success; a declined card is one").classes(
                "soft small"
            )
        with ui.element("div").classes("facts"):
            for name in self._names:
                mine = [tally for tally in tallies if tally.gateway == name]
                _fact(name + (" (default)" if name == self._default else ""), mine, is_down=name in down)
        if tallies:
            ui.echart(_chart(self._names, tallies)).style("height:180px;width:100%").mark("gateways-chart")


def _warn(down: list[Health], now: datetime) -> None:
    for health in down:
        with ui.element("div").classes("banner tone-stuck"):
            ui.icon("warning")
            said = f"{health.failed} of its last {health.answered} answers failed"
            ui.label(
                f"Gateway {health.gateway} has not been well for {moments.age(health.since, now)}: {said}. "
                "Payments go to others where they can."
            ).classes("text")


def _fact(title: str, tallies: list[Tally], *, is_down: bool) -> None:
    answered = sum(tally.answered for tally in tallies)
    with ui.element("div").classes("fact"):
        ui.label(title).classes("name")
        ui.label("not well" if is_down else "well").classes("value wrong" if is_down else "value")
        if answered:
            good = answered - sum(tally.failed for tally in tallies)
            ui.label(f"{good} of {answered} answers good").classes("small number")
            last = tallies[-1]
            ui.label(f"of late half within {last.median} ms, 99 % within {last.slowest} ms").classes("small soft number")
        else:
            ui.label("not asked in the last hour").classes("small soft")


def _chart(names: list[str], tallies: list[Tally]) -> dict[str, Any]:
    asked = [name for name in names if any(tally.gateway == name for tally in tallies)]
    series = [
        {
            "name": name,
            "type": "line",
            "symbolSize": 7,
            "color": SHADES[names.index(name) % len(SHADES)],
            "data": [[tally.begins.isoformat(), _percent(tally)] for tally in tallies if tally.gateway == name],
        }
        for name in asked
    ]
    return {
        "animationDuration": 200,
        "useUTC": True,
        "grid": {"left": 44, "right": 16, "top": 30, "bottom": 24},
        "legend": {"top": 0, "data": asked, "textStyle": {"color": TONES["quiet"]}},
        "xAxis": {"type": "time", "axisLabel": {"hideOverlap": True}},
        "yAxis": {"type": "value", "splitLine": LINES, "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "tooltip": {"trigger": "axis", "confine": True},
        "series": series,
    }


def _percent(tally: Tally) -> float:
    return round(100 * (tally.answered - tally.failed) / tally.answered, 1)
