"""When an order's money is taken: by policy before anything is built, before a hold lapses, or with a debit under way."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
import pytest_asyncio

from activities.runtime import routing as router
from tests.workflows.plans import access, build, by_hand
from tests.workflows.test_payment import FAILS, REFUSED, one_item, states
from tests.world import Json, Money, World, cash

Setting = Callable[..., Awaitable[None]]
PAID = Money(captured=1000, refunded=0, open=0)
NOTHING = Money(captured=0, refunded=0, open=0)


@pytest_asyncio.fixture
async def policy(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Setting]:
    """Set the policy; as shipped again afterwards."""
    monkeypatch.setattr(router, "FRESH", 0.0)

    async def put(**fields: object) -> None:
        await world.succeed(world.api.put("/v1/policies/capture", json=fields))

    yield put
    await put()


def granted(order: Json) -> list[str]:
    return [grant["feature"] for grant in order["entitlements"] if grant["revoked_at"] is None]


async def pending(world: World, order: str) -> Json:
    """The order, when all is done that does not wait for its debit."""

    async def waits() -> Json | None:
        found = await world.get(order)
        return found if "at the gateway" in (found["waiting_on"] or "") else None

    return dict(await world.until(waits, f"{order} to wait for its debit"))


async def debited(world: World, token: str) -> str:
    return await world.order(await world.customer(payment_method=token), await one_item(world))


async def test_money_taken_at_once_is_taken_before_anything_is_built(world: World, policy: Setting) -> None:
    await policy(cards="at_once")
    order = await world.order(await world.customer(), await one_item(world))

    done = await world.settled(order)

    assert (done["state"], states(done), cash(done)) == ("completed", [(1, "captured")], 1000)
    assert await world.happened(order, "captured", "service_created") == ["captured", "service_created"]
    assert await world.money(order) == PAID


async def test_what_was_taken_at_once_goes_back_for_what_cannot_be_built(world: World, policy: Setting) -> None:
    await policy(cards="at_once")
    good, bad = await one_item(world), await one_item(world, build(**FAILS), access(), price="5.00", **REFUSED)
    order = await world.order(await world.customer(), good, bad)

    done = await world.settled(order)

    assert (done["state"], cash(done)) == ("partial", 1000)
    assert await world.money(order) == Money(captured=1500, refunded=500, open=0)


@pytest.mark.money_case(19)
async def test_a_hold_is_taken_before_it_lapses_and_goes_back_for_what_is_given_up(world: World, policy: Setting) -> None:
    """The sandbox holds an amount for seven days; the work takes eight."""
    await policy(near_expiry="capture")
    orders = [
        await world.order(
            await world.customer(), await one_item(world, by_hand("dig", timeout=20 * 86400), access(needs=["dig"]))
        )
        for _ in range(2)
    ]
    records = [await world.fallout(order) for order in orders]
    for order in orders:
        await world.skip(order, timedelta(days=6, hours=12))
        assert states(await world.get(order)) == [(1, "authorized")]
        await world.skip(order, timedelta(days=1))
        assert (await world.money(order), granted(await world.get(order))) == (PAID, [])

    await world.resolve(records[0], "resolve", evidence="dug")
    await world.resolve(records[1], "compensate", reason="rock")
    dug, given_up = [await world.settled(order) for order in orders]

    assert (dug["state"], states(dug), granted(dug)) == ("completed", [(1, "captured")], ["feature"])
    assert (given_up["state"], states(given_up), cash(given_up)) == ("failed", [(1, "refunded")], 0)
    assert await world.money(orders[0]) == PAID
    assert await world.money(orders[1]) == Money(captured=1000, refunded=1000, open=0)


async def test_with_a_debit_under_way_it_is_built_and_opened_only_once_that_has_succeeded(
    world: World, policy: Setting
) -> None:
    await policy(sepa_debit="build")
    order = await debited(world, "tok_sepa_debit")

    waiting = await pending(world, order)
    done = await world.settled(order)

    assert (states(waiting), granted(waiting)) == ([(1, "pending")], [])
    assert (done["state"], states(done), granted(done), cash(done)) == ("completed", [(1, "captured")], ["feature"], 1000)
    assert await world.happened(order, "authorized", "service_created") == ["service_created", "authorized"]
    assert await world.money(order) == PAID


async def test_with_a_debit_under_way_it_is_opened_by_policy_and_complete_once_that_has_succeeded(
    world: World, policy: Setting
) -> None:
    await policy(sepa_debit="open", largest=[{"minor": 1000, "currency": "EUR"}])
    order = await debited(world, "tok_sepa_debit")

    waiting = await pending(world, order)
    done = await world.settled(order)

    assert (waiting["state"], granted(waiting), waiting["items"][0]["state"]) == ("in_progress", ["feature"], "in_progress")
    assert (done["state"], states(done), granted(done), cash(done)) == ("completed", [(1, "captured")], ["feature"], 1000)
    assert await world.money(order) == PAID


async def test_a_debit_that_fails_after_all_was_opened_takes_all_of_it_down(world: World, policy: Setting) -> None:
    await policy(sepa_debit="open")
    order = await debited(world, "tok_debit_fails")

    waiting = await pending(world, order)
    done = await world.settled(order)

    assert granted(waiting) == ["feature"]
    assert (done["state"], done["reason"]) == ("failed", "payment declined: insufficient_funds")
    assert (granted(done), states(done), done["invoice"]) == ([], [(1, "declined")], None)
    assert {service.state.value for service in (await world.sandbox.summary(order)).services} == {"terminated"}
    assert await world.money(order) == NOTHING


async def test_a_debit_that_cannot_be_asked_about_is_for_finance_and_taken_once(world: World, policy: Setting) -> None:
    await policy(sepa_debit="open")
    customer = await world.customer(payment_method="tok_sepa_debit")
    order = await world.draft(customer, await one_item(world))
    await world.sandbox.fault("status", "error_500", order=order)
    await world.submit(order)

    record = await world.stuck(order)
    held = await world.get(order)
    await world.sandbox.faults()
    await world.resolve(record, "retry")
    done = await world.settled(order)

    assert (record["owner"], record["subject"], "is not decided" in record["title"]) == ("finance", "payment", True)
    assert (held["state"], states(held), granted(held)) == ("held", [(1, "pending")], [])
    assert (done["state"], states(done), cash(done)) == ("completed", [(1, "captured")], 1000)
    assert await world.money(order) == PAID


async def test_a_debit_of_more_than_is_trusted_is_waited_for(world: World, policy: Setting) -> None:
    await policy(sepa_debit="open", largest=[{"minor": 999, "currency": "EUR"}])
    order = await debited(world, "tok_sepa_debit")

    waiting = await pending(world, order)
    done = await world.settled(order)

    assert states(waiting) == [(1, "authorizing")]
    assert done["state"] == "completed"
    assert await world.happened(order, "authorized", "service_created") == ["authorized", "service_created"]


async def test_a_debit_is_waited_for_as_long_as_banks_take(world: World, policy: Setting) -> None:
    """Longer than the three days that the order waits for other payments. Kept on file, it is known to be a debit also where no
    policy was set; the sandbox decides this one when it is told to."""
    customer = await world.customer(payment_method=None)
    method = await world.succeed(world.api.post("/v1/payment-methods", json={"customer": customer, "token": "tok_sepa_slow"}))
    order = await world.order(customer, await one_item(world), payment_method=method["id"])
    await pending(world, order)
    await world.skip(order, timedelta(days=4))
    waiting = await world.get(order)
    answer = await world.sandbox.client.post(f"/gateway/payments/{order}:payment:1/settle")
    done = await world.settled(order, timedelta(hours=2))

    assert (waiting["state"], states(waiting)) == ("in_progress", [(1, "authorizing")])
    assert answer.status_code == 200
    assert (done["state"], cash(done)) == ("completed", 1000)


async def test_an_order_that_is_cancelled_with_its_debit_under_way_withdraws_it(world: World, policy: Setting) -> None:
    await policy(sepa_debit="open")
    order = await debited(world, "tok_sepa_debit")
    await pending(world, order)

    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"accept_partial": True}))
    done = await world.settled(order)

    assert (done["state"], states(done), granted(done)) == ("cancelled", [(1, "voided")], [])
    assert await world.money(order) == NOTHING
    assert await world.happened(order, "captured") == []


async def test_a_policy_that_makes_no_sense_is_refused_by_its_field(world: World) -> None:
    answer = await world.api.put("/v1/policies/capture", json={"sepa_debit": "hope"})

    assert answer.status_code == 422
    assert "sepa_debit" in answer.text


async def test_a_debit_that_is_given_while_money_is_taken_is_waited_for(world: World, policy: Setting) -> None:
    """The card's capture is stuck; finance has a debit pay in its place, with which the order need not wait to be built."""
    await policy(sepa_debit="open")
    order = await world.draft(await world.customer(), await one_item(world))
    await world.sandbox.fault("capture", "error_500", order=order)
    await world.submit(order)
    record = await world.stuck(order)
    await world.sandbox.faults()

    await world.resolve(record, "retry", data={"payment_method": "tok_sepa_debit"})
    done = await world.settled(order)

    assert (done["state"], states(done), cash(done)) == ("completed", [(1, "voided"), (2, "captured")], 1000)
    assert await world.money(order) == PAID
