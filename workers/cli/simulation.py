"""A scenario played on the running system, by a test clock of its own: what happened, and whether the books are in order."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from domain.clocks import later
from domain.errors import TurnupError, Unavailable
from workers.cli.client import Api
from workers.cli.scenario import Deed, Scenario, Step

PATIENCE = 60.0
"""Seconds that the order may take to go live."""
Json = dict[str, Any]


class CameToAHalt(TurnupError):
    """The system refused something that the scenario asks for, or a clock could not go on."""


@dataclass
class Story:
    """What happened, in order of time. `problems` says what is not as it must be; `marks` are the scenario's own steps."""

    scenario: Scenario
    clock: str
    ends: datetime
    subscription: Json = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    invoices: list[Json] = field(default_factory=list)
    marks: list[tuple[datetime, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def play(api: Api, scenario: Scenario, months: int, tell: Callable[[Json], None]) -> Story:
    """Tells each event as it happens. Raises CameToAHalt, and what the API's client does."""
    name = f"sim-{datetime.now(UTC):%y%m%d-%H%M%S}"
    ends = later(scenario.start, f"P{months}M", "months")
    story = Story(scenario, name, ends)
    _set_up(api, story)
    subscription = _go_live(api, story)
    for step in sorted(scenario.steps, key=lambda one: later(scenario.start, one.after, "after")):
        at = later(scenario.start, step.after, "after")
        if at > ends:
            break
        _advance(api, story, at, tell)
        _do(api, story, step, subscription)
        story.marks.append((at, _words(step)))
    _advance(api, story, ends, tell)
    story.subscription = api.get(f"/v1/subscriptions/{subscription}")
    story.invoices = api.get("/v1/invoices", customer=name, limit=200)["items"]
    story.problems = _problems(api, story)
    return story


def _set_up(api: Api, story: Story) -> None:
    scenario, name = story.scenario, story.clock
    api.post("/v1/test-clocks", {"id": name, "name": scenario.name, "now": scenario.start.isoformat()})
    customer = {"id": name, "name": scenario.name, "country": scenario.country, "verified": True}
    api.post("/v1/customers", customer | {"payment_method": scenario.token})
    api.post(f"/v1/test-clocks/{name}/customers", {"customer": name})


def _go_live(api: Api, story: Story) -> str:
    scenario = story.scenario
    item = {"id": "1", "product": scenario.product, "plan": scenario.plan, "quantity": scenario.quantity}
    order = api.post("/v1/orders", {"customer": story.clock, "currency": scenario.currency, "items": [item]}, key=story.clock)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = api.get("/v1/subscriptions", customer=story.clock)["items"]
        if found:
            return str(found[0]["id"])
        state = api.get(f"/v1/orders/{order['id']}")["state"]
        if state in {"failed", "cancelled", "rejected", "partial"}:
            raise CameToAHalt(f"order {order['id']} is {state}, so that nothing went live")
        time.sleep(0.2)
    raise Unavailable(f"order {order['id']} does not go live; look at it with turnup orders show {order['id']}")


def _advance(api: Api, story: Story, to: datetime, tell: Callable[[Json], None]) -> None:
    for line in api.lines(f"/v1/test-clocks/{story.clock}/advance", {"to": to.isoformat()}):
        if "error" in line:
            raise CameToAHalt(str(line["error"]))
        if "event" in line and line["event"]["id"] not in {event["id"] for event in story.events}:
            story.events.append(line["event"])
            tell(line["event"])


def _do(api: Api, story: Story, step: Step, subscription: str) -> None:
    match step.do:
        case Deed.pay_with:
            api.patch(f"/v1/customers/{story.clock}", {"payment_method": step.token})
        case Deed.cancel:
            api.post(f"/v1/subscriptions/{subscription}/cancel", {"when": step.when})
        case Deed.uncancel:
            api.post(f"/v1/subscriptions/{subscription}/uncancel", {})
        case Deed.collect:
            for invoice in api.get("/v1/invoices", customer=story.clock, limit=200)["items"]:
                if invoice["state"] in {"finalized", "partially_paid", "overdue"}:
                    api.post(f"/v1/invoices/{invoice['id']}/collect", {})


def _words(step: Step) -> str:
    detail = {Deed.pay_with: f" {step.token}", Deed.cancel: f" ({step.when})"}.get(step.do, "")
    return f"{step.do.replace('_', ' ')}{detail}"


def _problems(api: Api, story: Story) -> list[str]:
    """The ledger balances, no period is billed twice, and an invoice is paid at most once."""
    found = []
    sums: dict[str, int] = {}
    for account in api.get("/v1/ledger/balances")["balances"]:
        money = account["balance"]
        sums[money["currency"]] = sums.get(money["currency"], 0) + money["minor"]
    found += [f"the ledger is out by {minor} in {currency}" for currency, minor in sums.items() if minor]
    lines = [line for each in story.invoices for line in api.get(f"/v1/invoices/{each['id']}")["lines"]]
    ids = [line["id"] for line in lines]
    found += [f"{line} is on two invoices" for line in {one for one in ids if ids.count(one) > 1}]
    paid = [event["subject"] for event in story.events if event["type"] == "payment.paid"]
    found += [f"invoice {one} was paid twice" for one in {one for one in paid if paid.count(one) > 1}]
    return found
