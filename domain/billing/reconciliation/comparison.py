"""The three-way comparison: what the gateway says moved, what the ledger has booked, and what the invoices say was paid."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.money import Money
from domain.values import Instant, StrictValue, Value

OWNER = "finance"
"""The queue that differences and money in suspense go to."""


class MovementKind(StrEnum):
    capture = "capture"
    refund = "refund"
    fee = "fee"
    payout = "payout"
    dispute = "dispute"
    returned = "returned"
    reversal = "reversal"
    """A dispute that was won, or a refund that came back: the money is there again."""


class Movement(Value):
    """Money that moved at a gateway. `key` is ours: what the ledger books it under; `id` is whoever's says so. What came in is
    positive, and a fee or what was paid out negative."""

    id: Annotated[str, Field(min_length=1)]
    key: Annotated[str, Field(min_length=1)]
    kind: MovementKind
    amount: Money
    at: Instant


class MovementPage(Value):
    """`next` is the cursor of the page after, None on the last one."""

    movements: tuple[Movement, ...]
    next: str | None = None


class Booked(Value):
    """What the ledger has in the cash account of the gateway for one transaction."""

    key: str
    amount: Money
    at: Instant


class Standing(Value):
    """One invoice: what it says is still due, and its receivable in the ledger."""

    invoice: str
    due: Money
    receivable: Money


class ComparisonSettings(StrictValue):
    """`tolerance`: how far the clocks of gateway and ledger may be apart. What one side has that close to the edge of the day
    may be in the other's next day or the day before."""

    tolerance: Annotated[timedelta, Field(ge=timedelta(), le=timedelta(hours=12))] = timedelta(minutes=15)


class DifferenceKind(StrEnum):
    missing_in_ledger = "missing_in_ledger"
    missing_at_gateway = "missing_at_gateway"
    amount_differs = "amount_differs"
    currency_differs = "currency_differs"
    duplicate = "duplicate"
    invoice_paid_differs = "invoice_paid_differs"
    refund_failed = "refund_failed"
    """Told by the gateway and not found by comparing."""
    dispute_foreign = "dispute_foreign"
    """Of a payment that is none of ours: as releases before noted it. It is fallout, with a deadline."""
    disputed_more = "disputed_more"
    """As above: more is disputed than was left of the payment."""
    payment_undone = "payment_undone"
    """Money was taken under a payment that had been given up, and went back by itself."""


class Difference(Value):
    """A work item: `expected` is what the ledger says, `found` what the gateway or the invoice says instead."""

    kind: DifferenceKind
    subject: str
    expected: str
    found: str
    text: str
    owner: str = OWNER


def window(day: date, tolerance: timedelta = timedelta()) -> tuple[datetime, datetime]:
    """The day in UTC as `[from, to)`, wider by the tolerance at both ends."""
    begin = datetime.combine(day, time_of_day(), UTC)
    return begin - tolerance, begin + timedelta(days=1) + tolerance


def compare(movements: Iterable[Movement], booked: Iterable[Booked]) -> list[Difference]:
    """What the gateway and the ledger do not say alike, by key. Each side holds all that the other may have a counterpart to;
    the order of either does not matter."""
    reported: defaultdict[str, list[Movement]] = defaultdict(list)
    for movement in movements:
        reported[movement.key].append(movement)
    entries = {entry.key: entry for entry in booked}
    return [
        difference
        for key in sorted({*reported, *entries})
        for difference in _of_key(key, sorted(reported[key], key=lambda one: (one.at, one.id)), entries.get(key))
    ]


def _of_key(key: str, reported: Sequence[Movement], entry: Booked | None) -> Iterator[Difference]:
    if not reported and entry is not None:
        text = f"{entry.amount} of {key} are booked, but the gateway does not report them"
        yield _difference(DifferenceKind.missing_at_gateway, key, str(entry.amount), "nothing", text)
        return
    first = reported[0]
    if len(reported) > 1:
        found = " and ".join(str(one.amount) for one in reported)
        text = f"the gateway reports {first.kind} {key} {len(reported)} times: {', '.join(one.id for one in reported)}"
        yield _difference(DifferenceKind.duplicate, key, str(entry.amount) if entry else "nothing", found, text)
    if entry is None:
        text = f"the gateway reports {first.kind} {key} of {first.amount}, but it is not booked"
        yield _difference(DifferenceKind.missing_in_ledger, key, "nothing", str(first.amount), text)
    elif entry.amount != first.amount:
        same = entry.amount.currency == first.amount.currency
        kind = DifferenceKind.amount_differs if same else DifferenceKind.currency_differs
        text = f"{entry.amount} of {key} are booked, and the gateway reports {first.amount}"
        yield _difference(kind, key, str(entry.amount), str(first.amount), text)


def unsettled(standings: Iterable[Standing]) -> list[Difference]:
    """Invoices that say another amount is due than the ledger has as their receivable."""
    return [
        _difference(
            DifferenceKind.invoice_paid_differs,
            each.invoice,
            str(each.receivable),
            str(each.due),
            f"invoice {each.invoice} is due {each.due}, and the ledger has {each.receivable} to receive for it",
        )
        for each in sorted(standings, key=lambda one: one.invoice)
        if each.due != each.receivable
    ]


def _difference(kind: DifferenceKind, subject: str, expected: str, found: str, text: str) -> Difference:
    return Difference(kind=kind, subject=subject, expected=expected, found=found, text=text)
