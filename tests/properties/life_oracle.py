"""What has to be true of a subscription, in plain arithmetic over what was seen of it, and never by the code under test."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from tests.world import Json

PRICE = 3000
"""Minor units a month and unit, charged in advance and prorated by the second."""
SUSPENDED_AFTER, ENDED_AFTER = timedelta(days=14), timedelta(days=30)
"""Days after its due date that an unpaid invoice leaves access open, and the subscription going on: the shipped policy's."""
CLOSED = {"suspended", "paused", "ended"}


def boundary(anchor: datetime, number: int) -> datetime:
    """The start of a month's period: 31 January, 28 February, 31 March."""
    year, month = divmod(anchor.month - 1 + number, 12)
    last = calendar.monthrange(anchor.year + year, month + 1)[1]
    return anchor.replace(year=anchor.year + year, month=month + 1, day=min(anchor.day, last))


def periods(anchor: datetime) -> Iterator[tuple[datetime, datetime]]:
    for number in range(1200):
        yield boundary(anchor, number), boundary(anchor, number + 1)


def next_boundary(anchor: datetime, now: datetime) -> datetime:
    return next(end for _, end in periods(anchor) if end > now)


@dataclass
class Use:
    """What is had from when on: a quantity, and nothing while it is paused or over."""

    anchor: datetime
    quantity: int
    turns: list[tuple[datetime, int]] = field(default_factory=list)
    is_paused: bool = False

    def __post_init__(self) -> None:
        self.turns.append((self.anchor, self.quantity))

    def changed(self, at: datetime, quantity: int) -> None:
        self.quantity = quantity
        self._turn(at)

    def stopped(self, at: datetime) -> None:
        self.is_paused = True
        self._turn(at)

    def went_on(self, at: datetime) -> None:
        self.is_paused = False
        self._turn(at)

    def _turn(self, at: datetime) -> None:
        self.turns.append((at, 0 if self.is_paused else self.quantity))

    def cost(self, until: datetime) -> Fraction:
        """In minor units, of all that is used up to `until`: of each period its seconds."""
        spans = zip(self.turns, [*(at for at, _ in self.turns[1:]), until], strict=True)
        return sum((self._span(max(at, self.anchor), min(end, until), units) for (at, units), end in spans), Fraction(0))

    def _span(self, start: datetime, end: datetime, units: int) -> Fraction:
        cost = Fraction(0)
        for begins, ends in periods(self.anchor):
            if begins >= end:
                return cost
            common = min(end, ends) - max(start, begins)
            if common > timedelta(0):
                cost += (
                    Fraction(common // timedelta(microseconds=1), (ends - begins) // timedelta(microseconds=1)) * units * PRICE
                )
        return cost


def check_charges(use: Use, shown: Json, now: datetime, invoices: list[Json], notes: list[Json]) -> None:
    """What was charged less what was given back is what the time costs, up to the end of what is billed. Each line that charges
    or gives back is rounded once."""
    if shown["state"] != "ended" and (shown["ending"] or shown["pausing"]):
        return  # a period that began before may be billed beyond it, one that begins now is not
    over = shown["state"] == "ended" or shown["paused_since"]
    costs = use.cost(now if over else next_boundary(use.anchor, now))
    charged = sum(each["total"]["minor"] for each in invoices if each["state"] != "voided")
    back = sum(each["total"]["minor"] for each in notes)
    lines = 2 * len(invoices) + len(notes)
    assert abs(charged - back - costs) <= lines, f"charged {charged}, given back {back}, and the time costs {float(costs)}"


def check_money(captured: int, refunded: int, invoices: list[Json], notes: list[Json], balance: int) -> None:
    """Every cent that was taken is for something that was charged, or is the customer's credit."""
    counted = [each for each in invoices if each["state"] not in {"voided", "draft"}]
    charged = sum(each["total"]["minor"] for each in counted) - sum(each["total"]["minor"] for each in notes)
    due = sum(each["amount_due"]["minor"] for each in counted)
    assert captured - refunded == charged - due + balance, (captured, refunded, charged, due, balance)


def check_access(shown: Json, now: datetime, is_open: bool, reasons: set[str], invoices: list[Json]) -> None:
    """Open where it is paid for, or a reminder's time has not run out, and nothing else stands in the way."""
    assert is_open is (shown["state"] not in CLOSED), f"{shown['state']}, and access is {'open' if is_open else 'closed'}"
    assert set(shown["suspended_for"]) - {"non_payment"} == (set() if shown["state"] == "ended" else reasons) or (
        shown["state"] == "ended"
    )
    unpaid = [each for each in invoices if each["amount_due"]["minor"] > 0 and each["state"] != "draft"]
    first = min((date.fromisoformat(each["due_date"]) for each in unpaid), default=None)
    since = None if first is None else datetime(first.year, first.month, first.day, tzinfo=UTC)
    if since is not None and now >= since + SUSPENDED_AFTER:
        assert shown["state"] in CLOSED, f"unpaid since {first}, and {shown['state']}"
    if since is not None and now >= since + ENDED_AFTER:
        assert shown["state"] == "ended", f"unpaid since {first}, and {shown['state']}"
    if since is None or now < since + SUSPENDED_AFTER:
        assert "non_payment" not in shown["suspended_for"] or shown["state"] == "ended", (
            f"closed, and nothing is due since {first}"
        )


def check_events(events: list[Json]) -> None:
    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
    assert len({each["key"] for each in events}) == len(events)
