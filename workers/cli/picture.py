"""Drawing along an axis of time, as SVG."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from xml.etree import ElementTree

WIDTH, LEFT, RIGHT = 1200, 140, 30
"""Of the picture, and of what is left free beside the axis, in pixels."""
QUIET, INK = "#595959", "#222222"


class Axis:
    def __init__(self, start: datetime, ends: datetime) -> None:
        self.start, self.ends = start, ends
        self.length = max(ends - start, timedelta(days=1))

    def x(self, at: datetime) -> float:
        """Pixels from the left."""
        return round(LEFT + (WIDTH - LEFT - RIGHT) * ((at - self.start) / self.length), 1)


class Picture:
    def __init__(self, axis: Axis, height: int) -> None:
        self.axis = axis
        self._height = height
        self._root = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", role="img")
        self._root.set("font-family", "system-ui, sans-serif")
        self._add("rect", width=WIDTH, height=height, fill="#ffffff")

    def title(self, words: str) -> None:
        ElementTree.SubElement(self._root, "title").text = words
        self.text(LEFT, 32, words, size=18)

    def lane(self, name: str, y: float) -> None:
        self.text(LEFT - 14, y + 4, name, size=12, anchor="end", colour=QUIET)

    def months(self, top: float) -> None:
        """A line for each month, with a label for as many as there is room for."""
        every = max(1, round(self.axis.length / timedelta(days=30.44)) // 12)
        at, number = self.axis.start.replace(day=1, hour=0, minute=0, second=0, microsecond=0), 0
        while at <= self.axis.ends:
            if at >= self.axis.start:
                self._line(self.axis.x(at), top, self.axis.x(at), self._height - 34, "#eeeeee")
                if number % every == 0:
                    self.text(self.axis.x(at), self._height - 18, f"{at:%Y-%m}", size=11, anchor="middle", colour=QUIET)
            at, number = (at + timedelta(days=32)).replace(day=1), number + 1

    def legend(self, colours: Mapping[str, str]) -> None:
        x = WIDTH - RIGHT - 88 * len(colours)
        for name, colour in colours.items():
            self._add("rect", x=x, y=22, width=12, height=12, rx=2, fill=colour)
            self.text(x + 17, 32, name, size=12, colour=QUIET)
            x += 88

    def bar(self, began: datetime, ended: datetime, y: float, colour: str, words: str) -> None:
        """Its words are in it where they fit."""
        x, width = self.axis.x(began), max(1.0, self.axis.x(ended) - self.axis.x(began))
        box = self._add("rect", x=x, y=y - 13, width=width, height=26, rx=3, fill=colour)
        ElementTree.SubElement(box, "title").text = f"{words} {began:%Y-%m-%d} to {ended:%Y-%m-%d}"
        if width > 7 * len(words) + 8:
            self.text(x + width / 2, y + 4, words, size=12, anchor="middle", colour="#ffffff")

    def column(self, at: datetime, top: float, height: float, colour: str, tip: str) -> None:
        box = self._add("rect", x=self.axis.x(at) - 5, y=top, width=10, height=height, rx=1, fill=colour)
        ElementTree.SubElement(box, "title").text = tip

    def dot(self, at: datetime, y: float, colour: str, tip: str, *, hollow: bool = False) -> None:
        """A hollow one tells apart what failed also for who sees no colours."""
        how = {"fill": "#ffffff", "stroke": colour, "stroke-width": 2.5} if hollow else {"fill": colour}
        dot = self._add("circle", cx=self.axis.x(at), cy=y, r=5, **how)
        ElementTree.SubElement(dot, "title").text = tip

    def flag(self, x: float, y: float, words: str, colour: str, *, top: float) -> None:
        """Words beside a line from `top` down to them; to its left where the picture ends."""
        self._line(x, top, x, y + 4, colour, faint=True)
        fits = x + 6.1 * len(words) + 14 <= WIDTH
        self.text(x + 4 if fits else x - 4, y + 4, words, size=11, anchor="start" if fits else "end", colour=colour)

    def text(self, x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", colour: str = INK) -> None:
        self._add("text", x=x, y=y, fill=colour, **{"font-size": size, "text-anchor": anchor}).text = words

    def done(self) -> str:
        return ElementTree.tostring(self._root, encoding="unicode")

    def _line(self, x1: float, y1: float, x2: float, y2: float, colour: str, *, faint: bool = False) -> None:
        self._add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, **({"stroke-opacity": 0.25} if faint else {}))

    def _add(self, name: str, **given: object) -> ElementTree.Element:
        return ElementTree.SubElement(self._root, name, {key: str(value) for key, value in given.items()})
