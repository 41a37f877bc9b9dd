"""A subscription as a picture (SVG), along one axis of time: its state, its invoices and payments with their amounts, and in
words what was done to it and what it met with."""

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from domain.money import Money
from workers.cli.picture import LEFT, WIDTH, Axis, Picture
from workers.cli.simulation import Json, Story

STATE, INVOICES, BASE, PAYMENTS, WORDS = 78, 160, 176, 258, 304
"""Where the lanes are, in pixels from the top; invoices stand on the base."""
COLUMN = 44
"""Height of the largest invoice's column."""
COLOURS = {
    "trialing": "#5b8fce",
    "active": "#3f9c6b",
    "past due": "#c98a1b",
    "paused": "#7d6bb0",
    "suspended": "#c4554d",
    "ended": "#8a8a8a",
}
GOOD, BAD, WARNING, OWN, PLAIN = "#2f7d54", "#b3403a", "#8f5f0a", "#1f5fa8", "#444444"
INVOICE, CREDIT = "#4a6fa5", "#8a5fa5"
NEAR = 60
"""Pixels within which the same words are said once."""
SAID = {
    "subscription.past_due": (WARNING, "past due"),
    "subscription.suspended": (BAD, "suspended"),
    "subscription.unsuspended": (GOOD, "open again"),
    "subscription.paused": (PLAIN, "paused"),
    "subscription.resumed": (GOOD, "goes on"),
    "subscription.reinstated": (GOOD, "paid, and goes on"),
    "subscription.reminded": (PLAIN, "reminded"),
    "subscription.not_changed": (BAD, "not changed"),
    "subscription.ended": (PLAIN, "ended"),
    "service.exported": (PLAIN, "data given out"),
    "service.terminated": (PLAIN, "taken down"),
}
"""What is said of an event, and in which colour; of what is not here, the lanes tell."""


def drawn(story: Story) -> str:
    """One SVG document."""
    axis = Axis(story.scenario.start, story.ends)
    labels = _lines_of(axis, _labels(story))
    picture = Picture(axis, WORDS + 16 * max((row for *_, row in labels), default=0) + 52)
    picture.title(f"{story.scenario.name}: {story.subscription.get('id', '')}")
    picture.legend(COLOURS)
    picture.months(54)
    for name, y in {"state": STATE, "invoices": INVOICES, "payments": PAYMENTS, "what happened": WORDS}.items():
        picture.lane(name, y)
    for (began, state), (ended, _) in pairwise([*_states(story), (story.ends, "")]):
        if ended > began:
            picture.bar(began, ended, STATE, COLOURS[state], state)
    _invoices(picture, story)
    _payments(picture, story)
    for x, words, colour, row in labels:
        picture.flag(x, WORDS + 16 * row, words, colour, top=STATE + 14)
    return picture.done()


def _states(story: Story) -> list[tuple[datetime, str]]:
    """From when on it is what; what stands in the way of use comes before what is owed, and its end is for good."""
    told = story.subscription.get("trial_ends")
    trial = datetime.fromisoformat(told) if told else story.scenario.start
    changes = [(story.scenario.start, "trialing" if told else "active")]
    owed: set[str] = set()
    barred: set[str] = set()
    moments = [(_at(event), event) for event in story.events]
    for at, event in sorted([*moments, (trial, {"type": "trial.ended", "summary": ""})], key=lambda one: one[0]):
        _note(event, owed, barred)
        held = next((word for word in ("ended", "suspended", "paused") if word in barred), "")
        state = held or ("past due" if owed else "trialing" if at < trial else "active")
        if state != changes[-1][1]:
            changes.append((at, state))
    return changes


def _note(event: Json, owed: set[str], barred: set[str]) -> None:
    invoice = event["summary"].partition("invoice ")[2].partition(" ")[0]
    match event["type"].removeprefix("subscription."):
        case "past_due":
            owed.add(invoice)
        case "renewed":
            owed.discard(invoice)
        case "suspended" | "paused" | "ended" as state:
            barred.add(state)
        case "unsuspended" if "still" not in event["summary"]:
            barred.discard("suspended")
        case "resumed":
            barred.discard("paused")
        case "reinstated":
            barred.clear()
            owed.clear()


def _invoices(picture: Picture, story: Story) -> None:
    """A column of each, with its amount where there is room; what is given back hangs down."""
    both = [event for event in story.events if event["type"] in {"invoice.issued", "credit_note.issued"}]
    most = max((event["amount"] for event in both), default=1) or 1
    for down, kind, colour in ((False, "invoice.issued", INVOICE), (True, "credit_note.issued", CREDIT)):
        own = [event for event in both if event["type"] == kind]
        heights = {event["id"]: max(2.0, COLUMN * event["amount"] / most) for event in own}
        for event in own:
            height = heights[event["id"]]
            picture.column(_at(event), BASE if down else BASE - height, height, colour, _tip(event))
        _amounts(picture, own, {name: BASE + (high + 12 if down else -high - 5) for name, high in heights.items()}, colour)


def _payments(picture: Picture, story: Story) -> None:
    tried = [event for event in story.events if event["type"].startswith("payment.")]
    paid = [event for event in tried if event["type"] == "payment.paid"]
    for event in tried:
        picture.dot(_at(event), PAYMENTS, GOOD if event in paid else BAD, _tip(event), hollow=event not in paid)
    _amounts(picture, paid, {event["id"]: PAYMENTS - 11 for event in paid}, PLAIN)


def _amounts(picture: Picture, events: list[Json], heights: dict[str, float], colour: str) -> None:
    """In the currency's major units; what would stand on the one before is left to the tooltip."""
    free = float(LEFT - 40)
    for event in events:
        x, words = picture.axis.x(_at(event)), _amount(event)
        width = 6.0 * len(words)
        if x - width / 2 >= free:
            picture.text(x, heights[event["id"]], words, size=10, anchor="middle", colour=colour)
            free = x + width / 2 + 2


def _labels(story: Story) -> list[tuple[datetime, str, str]]:
    """When, in which colour, and what is said: the scenario's own steps, and what came of them."""
    found = [(at, OWN, words) for at, words in story.marks]
    for event in story.events:
        kind, summary = event["type"], event["summary"]
        if kind in SAID:
            found.append((_at(event), *SAID[kind]))
        elif kind == "payment.declined":
            found.append((_at(event), BAD, f"declined: {summary.rpartition(': ')[2].replace('_', ' ')}"))
        elif kind == "dunning.tell":
            found.append((_at(event), WARNING, summary.rpartition(": ")[2]))
        elif kind == "subscription.changed":
            found.append((_at(event), GOOD, f"is {summary.partition(' instead')[0]}"))
    return sorted(found, key=lambda one: one[0])


def _lines_of(axis: Axis, labels: Iterable[tuple[datetime, str, str]]) -> list[tuple[float, str, str, int]]:
    """Each where it has room: x, words, colour, row. The same words within some days are said once, with how often."""
    said: list[tuple[float, str, str, int]] = []
    latest: dict[str, int] = {}
    for at, colour, words in labels:
        x, known = axis.x(at), latest.get(words)
        if known is not None and x - said[known][0] <= NEAR:
            said[known] = (*said[known][:3], said[known][3] + 1)
        else:
            latest[words] = len(said)
            said.append((x, words, colour, 1))
    free: list[float] = []
    return [_placed(free, x, words if count == 1 else f"{words} ({count} times)", colour) for x, words, colour, count in said]


def _placed(free: list[float], x: float, words: str, colour: str) -> tuple[float, str, str, int]:
    """In the first row that is free there; `free` is from where each row is, and told of it."""
    width = 6.1 * len(words) + 14
    begins = x if x + width <= WIDTH else x - width
    row = next((number for number, end in enumerate(free) if end <= begins), len(free))
    free[row : row + 1] = [begins + width]
    return x, words, colour, row


def _tip(event: Json) -> str:
    return f"{event['at'][:10]} {event['summary']}: {_money(event)}"


def _amount(event: Json) -> str:
    return _money(event).rpartition(" ")[0]


def _money(event: Json) -> str:
    return str(Money(minor=event["amount"], currency=event["currency"]))


def _at(event: Json) -> datetime:
    return datetime.fromisoformat(event["at"])
