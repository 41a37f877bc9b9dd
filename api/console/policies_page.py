"""/console/policies: every policy as it holds, and what was changed in it when, by whom and why."""

from nicegui import ui
from starlette.requests import Request

from api import policy_history
from api.console import frame, moments, notices
from api.console.addresses import POLICIES
from api.console.console import Console
from api.console.look import words
from api.console.panel import Panel
from api.console.table import Cell, table
from api.console.visit import Visit
from api.policy_history import History, Version
from domain.roles import Right

UNTIL_SET = {
    "Routing": "No rule is published: every payment goes to the default gateway.",
    "Fraud": "No rule is published: no order is judged.",
}
ADDRESSES = {
    "Orders and subscriptions": "/v1/policies/{name}",
    "Disputes and returned debits": "/v1/after-payment-policy",
    "Dunning": "/v1/dunning-policies/{name}",
    "Routing": "/v1/routing-rules/{name}",
    "Fraud": "/v1/fraud/rules/{name}",
}
FRAUD = "Fraud"
GROUPS = {
    "Orders and subscriptions": policy_history.life,
    "Disputes and returned debits": policy_history.after_payment,
    "Dunning": policy_history.dunning,
    "Routing": policy_history.routes,
    FRAUD: policy_history.fraud_rules,
}
EXPLAINED = {"Orders and subscriptions", "Disputes and returned debits", "Dunning"}
"""Whose policies say what they are about, as they are of one kind each."""


def install(console: Console) -> None:
    @frame.page(console, POLICIES, "Policies", "policies", Right.read_billing)
    async def policies_page(visit: Visit, request: Request) -> None:
        page = PoliciesPage(visit)
        await page.refresh()
        visit.follow(page.refresh)


class PoliciesPage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        notices.heading("Policies", 1)
        ui.label("They are set through the API; what is under way keeps the version that it began with.").classes("soft")
        self._panels = {
            group: Panel(_draw_group, "stack") for group in GROUPS if group != FRAUD or visit.may(Right.keep_fraud_rules)
        }

    async def refresh(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            for group, panel in self._panels.items():
                panel.show(group, await GROUPS[group](connection))


def _draw_group(group: str, found: list[History]) -> None:
    notices.heading(group)
    if not found:
        ui.label(UNTIL_SET.get(group, "")).classes("soft")
    for history in found:
        with ui.element("div").classes("card").mark(f"policy-{history.name}"):
            _draw(history)


def _draw(history: History) -> None:
    with ui.element("div").classes("row-line"):
        notices.heading(words(history.name), 3)
        ui.label(_standing(history)).classes("soft small")
        ui.element("div").classes("spread")
        ui.label("PUT " + ADDRESSES[history.group].format(name=history.name)).classes("soft small code")
    if history.group in EXPLAINED:
        ui.label(history.about.replace("`", "")).classes("soft small")
    table(("What", "Holds", "As shipped"), [_field(history, name, value) for name, value in history.current.items()])
    if history.versions:
        with ui.expansion(f"History ({len(history.versions)})").props("dense").classes("w-full past"):
            table(("When", "Who", "What changed"), [_row(history, at) for at in range(len(history.versions))])


def _standing(history: History) -> str:
    if not history.versions:
        return "as it is shipped" if history.current == history.shipped else "set"
    newest = history.versions[0]
    return f"{_named(newest)} since {moments.day(newest.at)}, by {newest.by}"


def _named(version: Version) -> str:
    return f"version {version.number}" if version.number is not None else "set"


def _field(history: History, name: str, value: str) -> tuple[Cell, ...]:
    shipped = history.shipped.get(name, "")
    bold = lambda: ui.label(value).classes("strong")  # noqa: E731 - the cell of one row
    return (words(name), value, "") if value == shipped or not shipped else (words(name), bold, shipped)


def _row(history: History, index: int) -> tuple[Cell, ...]:
    version = history.versions[index]

    def when() -> None:
        ui.label(moments.day(version.at)).classes("nowrap").tooltip(moments.absolute(version.at))
        ui.label(_named(version)).classes("soft small")

    def changed() -> None:
        if version.note:
            ui.label(f"“{version.note}”").classes("small")
        for each in history.differences(index):
            with ui.element("div").classes("difference"):
                ui.label(f"{words(each.field)}:").classes("inline soft")
                ui.label(each.before or "nothing").classes("inline gone")
                ui.label("→").classes("inline soft")
                ui.label(each.after or "nothing").classes("inline strong")
        if not history.differences(index):
            ui.label("nothing").classes("soft small")

    return (when, version.by, changed)
