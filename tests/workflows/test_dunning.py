"""An invoice that is not paid: tried again, told of, access closed on the day that was told, open again once all is paid."""

from datetime import UTC, datetime

import pytest

from activities.store import access_blocks, clocks, collections, dunning_cases
from domain.collection import Answered, CollectionRequest
from domain.dunning import CaseState, Step, Track
from domain.payments import Outcome, PaymentResult
from domain.roles import Role
from tests.life import advance, clocked, events, invoices, live, monthly, plan, shown
from tests.workflows.plans import build
from tests.world import Json, World


def day(month: int, of_month: int, hour: int = 0) -> datetime:
    return datetime(2026, month, of_month, hour, tzinfo=UTC)


async def pays_with(world: World, customer: str, token: str) -> None:
    """With a card of the customer's own: how often one is declined counts for all who pay with it."""
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": f"{token}-{customer}"}))


async def messages(world: World, customer: str) -> list[tuple[str, str]]:
    answer = await world.succeed(world.api.get("/v1/messages", params={"customer": customer}))
    return [(each["kind"], each["at"][:10]) for each in reversed(answer["items"])]


async def blocked(world: World, subscription: str) -> list[str]:
    """The reasons why its service is not to be used."""
    service = (await shown(world, subscription))["service"]
    async with world.database.transaction() as connection:
        return [each.reason for each in await access_blocks.of_service(connection, service) if each.lifted_at is None]


async def payments(world: World, invoice: Json) -> list[tuple[str, str]]:
    async with world.database.transaction() as connection:
        found = await collections.of_invoice(connection, invoice["id"])
    return [(each.reason, f"{each.begun_at:%m-%d}") for each in found]


@pytest.mark.money_case(26)
async def test_each_step_comes_on_its_day_and_paying_by_hand_opens_access_at_once(world: World) -> None:
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly()))
    prepaid = await live(world, customer, await plan(world, monthly("90.00", interval="year")))
    await pays_with(world, customer, "tok_declined_soft")
    await advance(world, clock, day(3, 14, 23))
    assert (await shown(world, name))["state"] == "active"
    await advance(world, clock, day(3, 27, 23))
    unpaid = (await invoices(world, customer))[-1]
    assert (unpaid["due_date"], unpaid["state"]) == ("2026-03-14", "overdue")
    dunned = [("dunning", each) for each in ("03-14", "03-17", "03-19", "03-21")]
    assert await payments(world, unpaid) == [("issued", "02-28"), *dunned]
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("past_due", [])
    listed = await world.succeed(world.api.get("/v1/dunning-cases", params={"subscription": name, "state": "open"}))
    assert [(each["invoice"], each["next_at"][:10]) for each in listed["items"]] == [(unpaid["id"], "2026-03-28")]
    case = await world.succeed(world.api.get(f"/v1/dunning-cases/{unpaid['id']}"))
    assert [(each["track"], each["at"][5:10]) for each in case["steps"] if each["done"]] == [
        ("charge", "03-14"),
        ("tell", "03-15"),
        ("charge", "03-17"),
        ("charge", "03-19"),
        ("charge", "03-21"),
        ("tell", "03-21"),
    ]
    assert [(each["track"], each["at"][5:10]) for each in case["steps"] if not each["done"]] == [
        ("restrict", "03-28"),
        ("end", "04-13"),
    ]
    assert (case["attempts_used"], case["attempts_allowed"], case["waits_for"], case["serves"]) == (4, 4, "", [name])
    assert (case["cap"]["declined"], case["cap"]["limit"]) == (5, 10)

    await advance(world, clock, day(3, 28))
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("suspended", ["non_payment"])
    assert ((await shown(world, prepaid))["state"], await blocked(world, prepaid)) == ("active", [])

    await pays_with(world, customer, "tok_visa")
    await world.succeed(world.api.post(f"/v1/invoices/{unpaid['id']}/collect"))
    await advance(world, clock, day(3, 28, 1))
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("active", [])
    await advance(world, clock, day(5, 20))
    assert [each["state"] for each in await invoices(world, customer)] == ["paid"] * 5
    told = [("payment_declined", "2026-02-28"), ("reminder", "2026-03-15"), ("suspension_notice", "2026-03-21")]
    told += [("suspended", "2026-03-28"), ("renewed", "2026-03-28"), ("restored", "2026-03-28")]
    assert (await messages(world, customer))[:6] == told


async def test_a_service_is_slowed_down_before_it_is_closed_and_is_as_it_was_once_all_is_paid(world: World) -> None:
    """And where its partner cannot do so, it says so and is left as it is."""
    clock, customer = await clocked(world)
    items = [
        await plan(world, monthly(), steps=[build(), build("on", verb="activate", undo=None, needs=["build"])]),
        await plan(world, monthly(), steps=[build(partner="fibreworks")]),
    ]
    await world.sandbox.configure("fibreworks", asynchronous=False, throttles=False)
    quick, fixed = [await live(world, customer, item) for item in items]
    softer = {"id": "softer", "plans": [item["plan"] for item in items], "charge": [], "throttle": 3}
    await world.succeed(world.api.put("/v1/dunning-policies/softer", json=softer))
    await pays_with(world, customer, "tok_declined_soft")
    await advance(world, clock, day(3, 17, 1))
    await world.sandbox.configure("fibreworks")
    orders = {name: (await shown(world, name))["order"] for name in (quick, fixed)}
    assert ((await shown(world, quick))["state"], await blocked(world, quick)) == ("past_due", [])
    assert [(await world.sandbox.kinds(orders[name])).count("throttled") for name in (quick, fixed)] == [1, 0]
    assert [await speeds(world, name) for name in (quick, fixed)] == [["throttled"], ["not_throttled"]]
    await advance(world, clock, day(3, 28, 1))
    assert await blocked(world, quick) == ["non_payment"]
    unpaid = next(each["id"] for each in await invoices(world, customer) if each["state"] == "overdue")
    await pays_with(world, customer, "tok_visa")
    await world.succeed(world.api.post(f"/v1/invoices/{unpaid}/collect"))
    await advance(world, clock, day(3, 28, 3))
    switched = [kind for kind in await world.sandbox.kinds(orders[quick]) if kind in {"suspended", "resumed"} | SPEEDS]
    assert sorted(switched[2:]) == ["resumed", "unthrottled"]
    assert switched[:2] == ["throttled", "suspended"]
    assert [await speeds(world, name) for name in (quick, fixed)] == [
        ["throttled", "unthrottled"],
        ["not_throttled", "unthrottled"],
    ]
    assert [(await shown(world, name))["throttled_for"] for name in (quick, fixed)] == [[], []]


SPEEDS = {"throttled", "unthrottled"}


async def speeds(world: World, subscription: str) -> list[str]:
    found = [kind for kind, _ in await events(world, subscription)]
    return [kind.removeprefix("service.") for kind in found if kind.startswith("service.") and "throttled" in kind]


async def test_a_payment_under_way_holds_suspension_back_and_a_write_off_opens_access_again(world: World) -> None:
    """Day 14, 28 March, comes while a debit is under way that was asked for on the 27th and comes to nothing on 2 April."""
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly()))
    await pays_with(world, customer, "tok_declined_soft")
    await advance(world, clock, day(3, 27, 12))
    unpaid = (await invoices(world, customer))[-1]["id"]
    async with world.database.transaction() as connection:
        after = await collections.count(connection, unpaid)
        asked = CollectionRequest(invoice=unpaid, customer=customer, after=after)
        debit = await collections.claim(connection, asked, day(3, 27, 12))
    assert debit.request is not None
    await advance(world, clock, day(4, 2, 12))
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("past_due", [])
    async with world.database.transaction() as connection:
        case = await dunning_cases.get(connection, unpaid)
        assert case is not None
        assert (case.waits_for, case.next_step) == (
            f"payment {debit.request.key} is under way",
            Step(day=14, track=Track.restrict),
        )
        result = PaymentResult(outcome=Outcome.declined_soft)
        answered = Answered(invoice=unpaid, key=debit.request.key, result=result, at=day(4, 2, 12))
        await collections.settle(connection, answered, "sandbox")
    assert [kind for kind, _ in await events(world, name)].count("dunning.waits") == 1
    await advance(world, clock, day(4, 3))
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("suspended", ["non_payment"])

    await world.succeed(world.api.post(f"/v1/invoices/{unpaid}/uncollectible", json={"reason": "not worth it"}))
    await advance(world, clock, day(4, 3, 1))
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("active", [])
    async with world.database.transaction() as connection:
        case = await dunning_cases.get(connection, unpaid)
    assert case is not None
    assert (case.state, case.waits_for) == (CaseState.stopped, "")


async def test_who_never_pays_is_not_served_any_more_and_a_stolen_card_is_not_tried_again(world: World) -> None:
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly()))
    await pays_with(world, customer, "tok_declined_hard")
    await advance(world, clock, day(4, 12, 23))
    unpaid = (await invoices(world, customer))[1]
    assert await payments(world, unpaid) == [("issued", "02-28")]
    async with world.database.transaction() as connection:
        case = await dunning_cases.get(connection, unpaid["id"])
    assert case is not None
    assert (case.attempts_left, case.state, case.refusing) == (4, CaseState.open, (f"tok_declined_hard-{customer}",))
    assert (await shown(world, name))["state"] == "suspended"

    await advance(world, clock, day(6, 30))
    found = await shown(world, name)
    assert (found["state"], found["ended_at"], found["ending"]["reason"]) == ("ended", "2026-04-13T00:00:00Z", "unpaid")
    assert "ended" in await blocked(world, name)
    assert (await messages(world, customer))[-1] == ("ended_unpaid", "2026-04-13")
    assert [kind for kind, _ in await events(world, name)].count("suspended") == 1


async def test_each_reason_is_lifted_only_by_its_own_cause_and_by_whoever_may(world: World) -> None:
    _, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly()))
    operator = await world.client_for("operator of suspensions", Role.operator)
    for reason in ("request", "fraud", "request"):
        await world.succeed(world.api.post(f"/v1/subscriptions/{name}/suspend", json={"reason": reason, "words": "as told"}))
    assert (await shown(world, name))["suspended_for"] == ["request", "fraud"]
    await world.succeed(operator.post(f"/v1/subscriptions/{name}/unsuspend", json={"reason": "request"}))
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("suspended", ["fraud"])
    refused = await operator.post(f"/v1/subscriptions/{name}/unsuspend", json={"reason": "fraud"})
    assert refused.status_code == 403
    assert (await world.api.post(f"/v1/subscriptions/{name}/unsuspend", json={"reason": "non_payment"})).status_code == 422
    await world.succeed(world.api.post(f"/v1/subscriptions/{name}/unsuspend", json={"reason": "fraud"}))
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("active", [])


async def test_nobody_loses_a_service_for_a_trifle(world: World) -> None:
    """Half a euro is dunned by the shipped policy, and a cent less is not: access is open again, and nothing ends."""
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly()))
    await pays_with(world, customer, "tok_declined_soft")
    await advance(world, clock, day(3, 28, 1))
    unpaid = next(each for each in await invoices(world, customer) if each["state"] == "overdue")

    async def credit(minor: int) -> Json:
        body = {"amount": {"minor": minor, "currency": "EUR"}, "reason": "goodwill"}
        await world.succeed(world.api.post(f"/v1/invoices/{unpaid['id']}/credit-notes", json=body))
        return await world.succeed(world.api.get(f"/v1/invoices/{unpaid['id']}"))

    half = await credit(950)
    await advance(world, clock, day(3, 28, 2))
    assert half["amount_due"]["minor"] == 50
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("suspended", ["non_payment"])

    less = await credit(1)
    await advance(world, clock, day(3, 28, 3))
    assert (less["state"], less["amount_due"]["minor"]) == ("overdue", 49)
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("active", [])
    case = await world.succeed(world.api.get(f"/v1/dunning-cases/{unpaid['id']}"))
    assert (case["state"], case["next_at"]) == ("settled", None)
    await advance(world, clock, day(3, 31, 8))
    assert (await shown(world, name))["state"] == "active"
    told = [kind for kind, _ in await messages(world, customer)]
    assert told == ["payment_declined", "reminder", "suspension_notice", "suspended", "restored"]


async def test_declines_of_one_card_count_for_all_whose_clock_is_the_same_and_for_nobody_else(world: World) -> None:
    token, declined = f"tok_declined_soft-{next(world.numbers)}", []
    shared, first = await clocked(world)
    second = await world.customer()
    async with world.database.transaction() as connection:
        await clocks.attach(connection, shared, second)
    for clock, customer in ((shared, first), (shared, second), await clocked(world)):
        await live(world, customer, await plan(world, monthly()))
        await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": token}))
        declined.append((clock, customer))
    for clock in {clock for clock, _ in declined}:
        await advance(world, clock, day(2, 28, 12))

    async def counted(customer: str) -> int:
        listed = await world.succeed(world.api.get("/v1/dunning-cases", params={"customer": customer}))
        case = await world.succeed(world.api.get(f"/v1/dunning-cases/{listed['items'][0]['invoice']}"))
        return int(case["cap"]["declined"])

    assert [await counted(customer) for _, customer in declined] == [2, 2, 1]


async def test_another_token_on_file_is_charged_at_once_for_what_is_past_due_and_the_same_is_not(world: World) -> None:
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly()))
    await pays_with(world, customer, "tok_declined_soft")
    await advance(world, clock, day(3, 28, 1))
    assert (await shown(world, name))["state"] == "suspended"
    unpaid = next(each for each in await invoices(world, customer) if each["state"] == "overdue")
    asked = await payments(world, unpaid)

    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"name": "Ada"}))
    await pays_with(world, customer, "tok_declined_soft")
    await advance(world, clock, day(3, 28, 2))
    assert await payments(world, unpaid) == asked

    record = await world.succeed(world.api.get(f"/v1/customers/{customer}"))
    good = {**record, "payment_method": f"tok_visa-{customer}"}
    await world.succeed(world.api.put(f"/v1/customers/{customer}", json=good))
    await advance(world, clock, day(3, 28, 3))
    assert await payments(world, unpaid) == [*asked, ("new_method", "03-28")]
    assert ((await shown(world, name))["state"], await blocked(world, name)) == ("active", [])
