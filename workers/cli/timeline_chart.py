"""A subscription as a picture (SVG): its state, its invoices and payments, and what was done to it, along one axis of time."""

from datetime import datetime, timedelta
from xml.etree import ElementTree

from workers.cli.simulation import Json, Story

WIDTH, HEIGHT, LEFT, RIGHT = 1200, 330, 110, 30
LANES = {"state": 70, "invoices": 140, "payments": 200, "events": 260}
COLOURS = {"trialing": "#7aa6da", "active": "#3f9c6b", "past due": "#d9a13b", "suspended": "#c4554d", "ended": "#9a9a9a"}
STATES = {
    "subscription.started": "active",
    "subscription.past_due": "past due",
    "subscription.renewed": "active",
    "subscription.recovered": "active",
    "subscription.suspended": "suspended",
    "subscription.resumed": "active",
    "subscription.ended": "ended",
}
"""What a subscription is from an event of this type on."""


def drawn(story: Story) -> str:
    """One SVG document."""
    picture = _Picture(story.scenario.start, story.ends)
    picture.title(f"{story.scenario.name}: {story.subscription.get('id', '')}")
    picture.axis()
    _states(picture, story)
    for event in story.events:
        _mark(picture, event)
    for at, words in story.marks:
        picture.text(picture.x(at), LANES["events"] + 26, words, size=11, anchor="middle", colour="#444")
        picture.line(picture.x(at), LANES["state"] - 14, picture.x(at), LANES["events"] + 14, "#bbb", dash="3 3")
    picture.legend()
    return picture.done()


def _states(picture: "_Picture", story: Story) -> None:
    began, state = story.scenario.start, "trialing" if story.subscription.get("trial_ends") else "active"
    for event in story.events:
        after = STATES.get(event["type"])
        if after is None or after == state:
            continue
        picture.bar(began, _at(event), COLOURS[state], state)
        began, state = _at(event), after
    picture.bar(began, story.ends, COLOURS[state], state)


def _mark(picture: "_Picture", event: Json) -> None:
    x, kind, words = picture.x(_at(event)), event["type"], f"{event['at'][:10]} {event['summary']}{_amount(event)}"
    if kind == "invoice.issued":
        picture.dot(x, LANES["invoices"], "#4a6fa5", words)
    elif kind == "credit_note.issued":
        picture.dot(x, LANES["invoices"] + 16, "#8a5fa5", words)
    elif kind.startswith("payment."):
        picture.dot(x, LANES["payments"], "#3f9c6b" if kind == "payment.paid" else "#c4554d", words)
    elif kind not in {"subscription.billed", "subscription.renewed"}:
        picture.dot(x, LANES["events"], "#555", words)


def _at(event: Json) -> datetime:
    return datetime.fromisoformat(event["at"])


def _amount(event: Json) -> str:
    return f" over {event['amount'] / 100:.2f} {event['currency']}" if event.get("amount") is not None else ""


class _Picture:
    def __init__(self, start: datetime, ends: datetime) -> None:
        self._start, self._length = start, max(ends - start, timedelta(days=1))
        self._ends = ends
        self._root = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img")
        self._root.set("font-family", "system-ui, sans-serif")
        self._add("rect", width=WIDTH, height=HEIGHT, fill="#ffffff")

    def x(self, at: datetime) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * ((at - self._start) / self._length), 1)

    def title(self, words: str) -> None:
        self.text(LEFT, 32, words, size=18)
        for name, y in LANES.items():
            self.text(LEFT - 12, y + 4, name, size=12, anchor="end", colour="#666")

    def axis(self) -> None:
        """A line for each month, with a label for as many as there is room for."""
        months = max(1, round(self._length / timedelta(days=30.44)))
        every = max(1, months // 12)
        at, number = self._start.replace(day=1, hour=0, minute=0, second=0, microsecond=0), 0
        while at <= self._ends:
            if at >= self._start:
                self.line(self.x(at), 50, self.x(at), HEIGHT - 40, "#eee")
                if number % every == 0:
                    self.text(self.x(at), HEIGHT - 24, f"{at:%Y-%m}", size=10, anchor="middle", colour="#888")
            at, number = (at + timedelta(days=32)).replace(day=1), number + 1

    def legend(self) -> None:
        x = WIDTH - RIGHT - 480
        for state, colour in COLOURS.items():
            self._add("rect", x=x, y=22, width=12, height=12, rx=2, fill=colour)
            self.text(x + 18, 32, state, size=12, colour="#444")
            x += 96

    def bar(self, began: datetime, ended: datetime, colour: str, words: str) -> None:
        x, width = self.x(began), max(1.0, self.x(ended) - self.x(began))
        box = self._add("rect", x=x, y=LANES["state"] - 12, width=width, height=24, rx=3, fill=colour)
        ElementTree.SubElement(box, "title").text = f"{words} {began:%Y-%m-%d} to {ended:%Y-%m-%d}"

    def dot(self, x: float, y: float, colour: str, words: str) -> None:
        dot = self._add("circle", cx=x, cy=y, r=6, fill=colour)
        ElementTree.SubElement(dot, "title").text = words

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str, dash: str = "") -> None:
        self._add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, **({"stroke-dasharray": dash} if dash else {}))

    def text(self, x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", colour: str = "#222") -> None:
        element = self._add("text", x=x, y=y, fill=colour, **{"font-size": size, "text-anchor": anchor})
        element.text = words

    def done(self) -> str:
        return ElementTree.tostring(self._root, encoding="unicode")

    def _add(self, name: str, **given: object) -> ElementTree.Element:
        return ElementTree.SubElement(self._root, name, {key: str(value) for key, value in given.items()})
