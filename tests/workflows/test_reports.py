"""Reports add up what really happened to subscriptions and to what they owed."""

from datetime import UTC, datetime

from activities.store import clocks, receipts
from domain.billing.reconciliation.statements import Entry, statement
from tests.domain.samples import eur
from tests.life import advance, clocked, invoices, live, monthly, plan
from tests.workflows.test_dunning import pays_with
from tests.world import Json, World


def day(month: int, of_month: int) -> datetime:
    return datetime(2026, month, of_month, tzinfo=UTC)


async def report(world: World, name: str, clock: str, months: int) -> Json:
    answer = await world.succeed(world.api.get(f"/v1/reports/{name}?clock={clock}&months={months}"))
    euros: Json = answer["currencies"][0]
    assert (len(answer["currencies"]), euros["currency"]) == (1, "EUR")
    return euros


MOVEMENTS = ("new", "expansion", "contraction", "reactivation", "churn")


def moved(month: Json) -> dict[str, int]:
    return {each: month[each]["minor"] for each in MOVEMENTS if month[each]["minor"]}


async def test_recurring_revenue_moves_with_a_subscription_and_every_month_adds_up(world: World) -> None:
    """10.00 a month and 120.00 a year begin in January: 20.00. The first goes to three seats in March: 40.00. It is paused in
    April, leaving the 10.00 of the year, goes on in May, and ends in June. The trial of a third ends in February: 7.00."""
    clock, customer = await clocked(world)
    seats = await live(world, customer, await plan(world, monthly()))
    await live(world, customer, await plan(world, monthly("120.00", interval="year")))
    await live(world, customer, await plan(world, monthly("7.00", trial_days=14)))
    standing = await report(world, "recurring-revenue", clock, 1)
    assert moved(standing["months"][0]) == {"new": 2000}
    await advance(world, clock, day(3, 10))
    await world.succeed(world.api.post(f"/v1/subscriptions/{seats}/changes", json={"quantity": 3, "when": "now"}))
    await advance(world, clock, day(4, 10))
    await world.succeed(world.api.post(f"/v1/subscriptions/{seats}/pause", json={}))
    await advance(world, clock, day(5, 10))
    await world.succeed(world.api.post(f"/v1/subscriptions/{seats}/resume"))
    await advance(world, clock, day(6, 10))
    await world.succeed(world.api.post(f"/v1/subscriptions/{seats}/cancel", json={"when": "now"}))
    await advance(world, clock, day(7, 10))

    found = await report(world, "recurring-revenue", clock, 8)
    months = [(each["month"], moved(each), each["monthly_recurring_revenue"]["minor"]) for each in found["months"]]
    assert months == [
        ("2025-12-01", {}, 0),
        ("2026-01-01", {"new": 2000}, 2000),
        ("2026-02-01", {"new": 700}, 2700),
        ("2026-03-01", {"expansion": 2000}, 4700),
        ("2026-04-01", {"contraction": -3000}, 1700),
        ("2026-05-01", {"reactivation": 3000}, 4700),
        ("2026-06-01", {"churn": -3000}, 1700),
        ("2026-07-01", {}, 1700),
    ]
    assert found["annual_recurring_revenue"]["minor"] == 12 * 1700
    later = await report(world, "recurring-revenue", clock, 2)
    assert [each["monthly_recurring_revenue"]["minor"] for each in later["months"]] == [1700, 1700]
    real = await world.succeed(world.api.get("/v1/reports/recurring-revenue"))
    assert [len(each["months"]) for each in real["currencies"]] == [12] * len(real["currencies"])


async def test_dunning_is_counted_by_what_it_opened_recovered_and_lost_and_after_how_many_charges(world: World) -> None:
    """10.00, 20.00 and 40.00 are declined on 28 February, the last for good. Dunning charges the others on 14, 17, 19 and 21
    March. The first is paid on the 18th, after two charges; the third is taken back by a credit note then, after none. Of the
    second 5.00 are paid by hand, and the rest is written off on 2 April, after four. The next month of the second and the
    third is declined on 31 March. 80.00 of another customer are paid at once."""
    clock, one = await clocked(world)
    unpaid = []
    for amount, card in (("10.00", "soft"), ("20.00", "soft"), ("40.00", "hard")):
        customer = await another(world, clock)
        await live(world, customer, await plan(world, monthly(amount)))
        await pays_with(world, customer, f"tok_declined_{card}")
        unpaid.append(customer)
    await live(world, one, await plan(world, monthly("80.00")))
    await advance(world, clock, day(3, 18))
    first, second, third = [(await invoices(world, customer))[-1] for customer in unpaid]
    assert [each["total"]["minor"] for each in (first, second, third)] == [1000, 2000, 4000]
    await pays_with(world, unpaid[0], "tok_visa")
    await world.succeed(world.api.post(f"/v1/invoices/{first['id']}/collect"))
    await world.succeed(world.api.post(f"/v1/invoices/{third['id']}/credit-notes", json={"reason": "billing_error"}))
    await advance(world, clock, day(3, 30))
    await pay_by_hand(world, second["number"], 500, day(3, 30))
    await advance(world, clock, day(4, 2))
    await world.succeed(world.api.post(f"/v1/invoices/{second['id']}/uncollectible", json={"reason": "moved away"}))
    await advance(world, clock, day(4, 10))

    found = await report(world, "dunning", clock, 3)
    months = [(each["month"], *(counted(each, name) for name in RESULTS)) for each in found["months"]]
    assert months == [
        ("2026-02-01", (3, 7000), (0, 0), (0, 0), (0, 0)),
        ("2026-03-01", (2, 6000), (1, 1000), (0, 0), (1, 4000)),
        ("2026-04-01", (0, 0), (0, 500), (1, 1500), (0, 0)),
    ]
    assert [(each["attempts"], *(counted(each, name) for name in RESULTS[1:])) for each in found["by_attempts"]] == [
        (0, (0, 0), (0, 0), (1, 4000)),
        (2, (1, 1000), (0, 0), (0, 0)),
        (4, (0, 500), (1, 1500), (0, 0)),
    ]


RESULTS = ("opened", "recovered", "lost", "withdrawn")


def counted(month: Json, name: str) -> tuple[int, int]:
    return month[name]["count"], month[name]["amount"]["minor"]


async def another(world: World, clock: str) -> str:
    customer = await world.customer()
    async with world.database.transaction() as connection:
        await clocks.attach(connection, clock, customer)
    return customer


async def pay_by_hand(world: World, number: str, minor: int, at: datetime) -> None:
    entry = Entry(amount=eur(minor), booked_on=at.date(), value_on=at.date(), reference=f"R-{number}", remittance=number)
    async with world.database.transaction() as connection:
        await receipts.book_lines(connection, "bank", statement("bank", [entry]).lines, at)
