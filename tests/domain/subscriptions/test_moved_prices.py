"""Existing subscriptions that are moved to a later version of their price."""

from datetime import UTC, datetime
from typing import Any

from domain.catalogue import Price
from domain.subscriptions.facts import Progress, Subscription
from domain.subscriptions.policies import MissedCycles
from domain.subscriptions.renewal import line_of, next_renewal, renewed

ANCHOR = datetime(2026, 1, 31, 9, tzinfo=UTC)


def day(month: int, of_month: int, year: int = 2026) -> datetime:
    return datetime(year, month, of_month, 9, tzinfo=UTC)


def fee(name: str, amount: str, **changes: Any) -> dict[str, Any]:
    return {"kind": "recurring", "id": name, "name": name.title(), "unit_amount": amount, "interval": "month", **changes}


def price(version: int, *charges: dict[str, Any], moves_at: datetime | None = None) -> Price:
    known = {"id": "line-eur", "plan": "line", "currency": "EUR", "version": version, "charges": list(charges)}
    return Price.model_validate(known | ({"moves_existing_at": moves_at} if moves_at else {}))


FIRST = price(1, fee("seat", "10.00"), fee("support", "3.00", timing="arrears"), fee("domain", "120.00", interval="year"))
SECOND = price(2, fee("seat", "12.00"), fee("backup", "4.00"), fee("domain", "150.00", interval="year"), moves_at=day(3, 10))


def subscribed(first: Price = FIRST) -> Subscription:
    return Subscription(
        id="S-1-1",
        customer="acme",
        legal_entity="main",
        order="O-1",
        item="1",
        product="line",
        plan="line",
        plan_name="Line",
        quantity=1,
        currency="EUR",
        price=first,
        started_at=ANCHOR,
        progress=(
            Progress(charge="seat", anchor=ANCHOR, number=1, until=day(2, 28)),
            Progress(charge="support", anchor=ANCHOR, number=0, until=ANCHOR),
            Progress(charge="domain", anchor=ANCHOR, number=1, until=day(1, 31, 2027)),
        ),
    )


def billed(subscription: Subscription, at: datetime, later: list[Price]) -> tuple[Subscription, dict[str, tuple[int, str]]]:
    """The subscription after it, and what was charged: minor units, and from when on."""
    made = renewed(subscription, at, MissedCycles.each, later)
    lines = [(due.charge, line_of(subscription, due), due) for due in made.charged]
    return made.subscription, {name: (line.amount.minor, f"{due.service.start:%m-%d}") for name, line, due in lines}


def test_each_charge_goes_by_the_later_version_from_its_next_period_on() -> None:
    after, february = billed(subscribed(), day(2, 28), [SECOND])
    assert february == {"seat": (1000, "02-28"), "support": (300, "01-31")}

    after, march = billed(after, day(3, 31), [SECOND])
    assert march == {"seat": (1200, "03-31"), "support": (300, "02-28"), "backup": (400, "03-31")}
    assert (after.price.version, after.price_of("domain").version) == (2, 1)

    after, april = billed(after, day(4, 30), [SECOND])
    assert april == {"seat": (1200, "04-30"), "backup": (400, "04-30")}
    assert next_renewal(after) == day(5, 31)

    for month in (*range(5, 13), 1):
        due = day(month, [31, 30, 31, 31, 30, 31, 30, 31][month - 5] if month > 1 else 31, 2027 if month == 1 else 2026)
        after, last = billed(after, due, [SECOND])
    assert last == {"seat": (1200, "01-31"), "domain": (15000, "01-31"), "backup": (400, "01-31")}
    assert [each.price for each in after.progress] == [None] * 3


def test_periods_that_were_missed_go_by_the_version_of_their_own_time() -> None:
    made = renewed(subscribed(), day(4, 30), MissedCycles.each, [SECOND])
    amounts = [(due.service.start, line_of(subscribed(), due).amount.minor) for due in made.charged if due.charge == "seat"]
    assert amounts == [(day(2, 28), 1000), (day(3, 31), 1200), (day(4, 30), 1200)]


def test_another_cadence_begins_where_what_was_billed_ends() -> None:
    yearly = price(2, fee("seat", "100.00", interval="year"), moves_at=day(2, 1))
    after, charged = billed(subscribed(), day(2, 28), [yearly])
    assert charged == {"seat": (10000, "02-28"), "support": (300, "01-31")}
    assert next_renewal(after) == day(1, 31, 2027)
    assert [each.until for each in after.progress if each.charge == "seat"] == [day(2, 28, 2027)]


def test_a_version_that_becomes_known_in_a_period_does_not_reach_back_into_it() -> None:
    dearer = price(2, fee("support", "9.00", timing="arrears"), moves_at=day(1, 1))
    only = subscribed().model_copy(update={"progress": subscribed().progress[1:2]})
    after, first = billed(only, day(2, 28), [dearer])
    _, second = billed(after, day(3, 31), [dearer])
    assert (first, second) == ({"support": (300, "01-31")}, {"support": (900, "02-28")})
