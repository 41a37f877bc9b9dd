"""A scenario played on the running system, by a test clock of its own: what happened, and whether the books are in order."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from string import ascii_lowercase
from typing import Any

from domain.clocks import later
from domain.errors import TurnupError, Unavailable
from workers.cli import books, deeds
from workers.cli.client import Api
from workers.cli.deeds import Deeds, Sandbox
from workers.cli.scenario import Scenario

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


def play(api: Api, scenario: Scenario, months: int, tell: Callable[[Json], None], sandbox: Sandbox | None = None) -> Story:
    """Tells each event as it happens. Raises CameToAHalt, and what the API's client does."""
    letters = "".join(secrets.choice(ascii_lowercase) for _ in range(3))
    name = f"sim-{datetime.now(UTC):%y%m%d-%H%M%S}-{letters}"
    story = Story(scenario, name, later(scenario.start, f"P{months}M", "months"))
    _set_up(api, story)
    doing = Deeds(api, name, sandbox)
    try:
        _go_live(api, story, doing)
        _live(api, story, doing, tell)
    finally:
        doing.mend()
    story.subscription = api.get(f"/v1/subscriptions/{doing.subscription}")
    story.invoices = api.get("/v1/invoices", customer=name, limit=200)["items"]
    story.problems = books.problems(api, story.invoices, story.events)
    return story


def _live(api: Api, story: Story, doing: Deeds, tell: Callable[[Json], None]) -> None:
    """Each step at its date, and on to the end."""
    start = story.scenario.start
    for step in sorted(story.scenario.steps, key=lambda one: later(start, one.after, "after")):
        at = later(start, step.after, "after")
        if at > story.ends:
            break
        _advance(api, story, at, tell)
        doing.do(step, at)
        story.marks.append((at, deeds.words(step)))
    _advance(api, story, story.ends, tell)


def _set_up(api: Api, story: Story) -> None:
    scenario, name = story.scenario, story.clock
    api.post("/v1/test-clocks", {"id": name, "name": scenario.name, "now": scenario.start.isoformat()})
    customer = {"id": name, "name": scenario.name, "country": scenario.country, "verified": True}
    api.post("/v1/customers", customer | {"payment_method": scenario.token})
    api.post(f"/v1/test-clocks/{name}/customers", {"customer": name})


def _go_live(api: Api, story: Story, doing: Deeds) -> None:
    """Ordered as a draft first, so that the troubles are there when it is fulfilled."""
    scenario = story.scenario
    item = {"id": "1", "product": scenario.product, "plan": scenario.plan, "quantity": scenario.quantity}
    asked = {"customer": story.clock, "currency": scenario.currency, "items": [item], "submit": False}
    doing.order = str(api.post("/v1/orders", asked, key=story.clock)["id"])
    for trouble in scenario.troubles:
        doing.trouble(trouble)
        story.marks.append((scenario.start, deeds.failing(trouble.operation, trouble.mode)))
    api.post(f"/v1/orders/{doing.order}/submit", {}, key=f"{story.clock}:submit")
    doing.subscription = _subscription(api, story, doing.order)


def _subscription(api: Api, story: Story, order: str) -> str:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = api.get("/v1/subscriptions", customer=story.clock)["items"]
        if found:
            return str(found[0]["id"])
        placed = api.get(f"/v1/orders/{order}")
        if placed["state"] in {"failed", "cancelled", "rejected", "partial"}:
            raise CameToAHalt(f"order {order} is {placed['state']}, so that nothing went live")
        if str(placed["waiting_on"] or "").startswith("approval"):
            raise CameToAHalt(f"order {order} waits for an approval, which nobody gives in a story; order less")
        time.sleep(0.2)
    raise Unavailable(f"order {order} does not go live; look at it with turnup orders show {order}")


def _advance(api: Api, story: Story, to: datetime, tell: Callable[[Json], None]) -> None:
    known = {event["id"] for event in story.events}
    for line in api.lines(f"/v1/test-clocks/{story.clock}/advance", {"to": to.isoformat()}):
        if "error" in line:
            raise CameToAHalt(str(line["error"]))
        if "event" in line and line["event"]["id"] not in known:
            known.add(line["event"]["id"])
            story.events.append(line["event"])
            tell(line["event"])
