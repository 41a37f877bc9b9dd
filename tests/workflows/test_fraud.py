"""Fraud rules over real orders: each band from the rule to the end of the order."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
import pytest_asyncio

from activities.runtime import routing, screening
from domain.roles import Role
from tests.workflows.plans import access
from tests.world import Json, Money, World

Publish = Callable[..., Awaitable[None]]


@pytest_asyncio.fixture
async def publish(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Publish]:
    """Publish a rule about one customer, to be retired after the test."""
    monkeypatch.setattr(screening, "FRESH", 0.0)
    published: list[str] = []

    async def put(customer: str, when: str = "true", **consequence: str | int) -> None:
        name = f"rule-{next(world.numbers)}"
        rule = {"id": name, "when": f"customer.id == '{customer}' && {when}", "reason": f"{name} says so", **consequence}
        await world.succeed(world.api.put(f"/v1/fraud-rules/{name}", json=rule))
        published.append(name)

    yield put
    for name in published:
        await world.succeed(world.api.delete(f"/v1/fraud-rules/{name}"))


async def _order(world: World, customer: str) -> str:
    product, plan = await world.product(access())
    return await world.order(customer, {"product": product, "plan": plan})


async def _screened(world: World, order: str) -> list[Json]:
    return [event for event in await world.events(order) if event["type"] == "order.screened"]


async def test_what_no_rule_holds_for_goes_through_and_says_nothing(world: World, publish: Publish) -> None:
    customer = await world.customer()
    await publish(customer, "order.total > 1000", band="reject")

    done = await world.settled(await _order(world, customer))

    assert (done["state"], done["screening"]) == ("completed", None)


async def test_a_payment_to_be_confirmed_waits_for_its_payer(world: World, publish: Publish) -> None:
    customer = await world.customer()
    await publish(customer, "order.total >= 1000", band="step_up")
    order = await _order(world, customer)

    async def asked() -> bool:
        return "payment_pending" in await world.sandbox.kinds(order) or bool((await world.get(order))["waiting_on"])

    await world.until(asked, "the payment to be asked for")
    waiting = await world.get(order)
    assert waiting["waiting_on"] == "payment 1 at the gateway"
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)
    settled = await world.sandbox.client.post(f"/gateway/payments/{order}:payment:1/settle")
    assert settled.is_success, settled.text

    done = await world.settled(order)

    assert done["state"] == "completed"
    assert done["screening"]["band"] == "step_up"
    assert await world.money(order) == Money(captured=1000, refunded=0, open=0)


async def test_an_order_to_be_looked_at_waits_for_a_person_and_says_why(world: World, publish: Publish) -> None:
    customer = await world.customer()
    await publish(customer, band="review")
    await publish(customer, "customer.orders_before == 0", points=10)
    order = await _order(world, customer)

    pending = await world.state(order, "pending")

    assert (pending["waiting_on"], pending["owner"]) == ("approval: fraud review", "fraud")
    assert (pending["screening"]["band"], pending["screening"]["score"]) == ("review", 10)
    assert len(pending["screening"]["rules"]) == len(pending["screening"]["reasons"]) == 2
    (event,) = await _screened(world, order)
    assert all(reason in event["summary"] for reason in pending["screening"]["reasons"])
    assert await world.money(order) == Money(captured=0, refunded=0, open=0)
    keeper = await world.client_for("ula", Role.fraud)
    await world.succeed(keeper.post(f"/v1/orders/{order}/approvals", json={"decision": "approve"}))
    assert (await world.settled(order))["state"] == "completed"


async def test_an_order_that_nobody_looks_at_in_time_is_rejected(world: World, publish: Publish) -> None:
    customer = await world.customer()
    await publish(customer, band="review")
    order = await _order(world, customer)
    await world.state(order, "pending")

    done = await world.settled(order, step=timedelta(days=1))

    assert (done["state"], done["reason"]) == ("rejected", "nobody approved it in time")


async def test_a_rejected_order_asks_for_no_money(world: World, publish: Publish) -> None:
    customer = await world.customer()
    await publish(customer, points=100)

    done = await world.settled(await _order(world, customer))

    assert (done["state"], done["screening"]["band"]) == ("rejected", "reject")
    assert "100 points" in done["reason"]
    assert done["payments"] == []


async def test_a_trial_changes_nothing_of_the_order(world: World, publish: Publish) -> None:
    customer = await world.customer()
    order = await _order(world, customer)
    await world.state(order, "completed")
    draft = {
        "id": "draft",
        "when": f"customer.id == '{customer}' && order.total == 1000",
        "band": "reject",
        "reason": "a trial",
    }

    tried = await world.succeed(world.api.post("/v1/fraud-rules/try", json={"order": order, "draft": draft}))

    assert (tried["screening"]["band"], tried["screening"]["reasons"]) == ("reject", ["a trial"])
    assert (tried["facts"]["order"]["total"], tried["facts"]["customer"]["orders_before"]) == (1000, 0)
    assert (await world.get(order))["screening"] is None
    assert (await world.api.get("/v1/fraud-rules/draft/versions")).status_code == 404


async def _scoring(world: World, **policy: str | int) -> None:
    await world.succeed(world.api.put("/v1/fraud-scoring", json=policy))


async def _dear(world: World, customer: str, *faults: Json) -> str:
    """An order of 150.00, which the sandbox gives 15 points of 100."""
    product, plan = await world.product(access(), price="150.00")
    order = await world.draft(customer, {"product": product, "plan": plan})
    await world.sandbox.faults(*({"operation": "score_fraud", "order": order, **fault} for fault in faults))
    await world.submit(order)
    return order


async def test_the_score_of_a_fraud_service_is_asked_once_and_decides_by_rule(world: World, publish: Publish) -> None:
    customer = await world.customer()
    await publish(customer, "score.known && score.value == 15", band="review")
    order = await _dear(world, customer, {"mode": "slow", "delay_seconds": 0.0})

    pending = await world.state(order, "pending")

    assert (pending["waiting_on"], pending["screening"]["band"]) == ("approval: fraud review", "review")
    tried = await world.succeed(world.api.post("/v1/fraud-rules/try", json={"order": order}))
    assert tried["screening"]["band"] == "review"
    states = (await world.sandbox.client.get("/faults")).json()
    assert [state["struck"] for state in states] == [1]
    await world.sandbox.faults()


@pytest.mark.parametrize(
    ("without", "mode", "state", "said"),
    [
        ("review", "error_500", "pending", "(fraud service: POST scores: internal_error (HTTP 500)), so that it is looked at"),
        ("review", "garbled", "pending", "(fraud service: POST scores: answered with something unreadable)"),
        ("allow", "slow", "completed", "(no answer within 1 s), and the other rules decide"),
    ],
)
async def test_an_order_whose_score_cannot_be_had_goes_on_as_the_policy_says(
    world: World, publish: Publish, without: str, mode: str, state: str, said: str
) -> None:
    customer = await world.customer()
    await publish(customer, "score.value > 10", band="reject")
    await _scoring(world, when_unknown=without, seconds=1)
    try:
        order = await _dear(world, customer, {"mode": mode, "delay_seconds": 1.5})
        found = await world.state(order, state)
    finally:
        await _scoring(world)
        await world.sandbox.faults()
    assert found["screening"]["band"] == without
    assert said in found["screening"]["reasons"][0]
    assert found["screening"]["rules"][0].startswith("scoring@")


async def test_rules_and_routing_know_a_bare_token_by_what_its_gateway_says(
    world: World, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "FRESH", 0.0)
    known, unknown = await world.customer(payment_method="tok_mastercard"), await world.customer(payment_method="tok_amex")
    for customer in (known, unknown):
        await publish(customer, "method.brand in ['mastercard', 'amex'] && velocity.card_orders_1h > 0", band="step_up")
    routed = f"brand-{known.lower()}"
    rule = {"id": routed, "when": {"brands": ["mastercard"], "customers": [known]}, "gateways": ["sandbox"]}
    await world.succeed(world.api.put(f"/v1/routing-rules/{routed}", json=rule))
    await world.sandbox.faults({"operation": "describe", "mode": "error_500"})
    done = await world.settled(await _order(world, unknown))
    await world.sandbox.faults()
    assert (done["state"], done["screening"]) == ("completed", None)

    order = await _order(world, known)

    async def asked() -> Json | None:
        payments = (await world.succeed(world.api.get("/v1/payments", params={"order": order})))["items"]
        return dict(payments[0]) if payments and payments[0]["outcome"] else None

    payment = await world.until(asked, "the payment to be asked for")
    await world.succeed(world.api.delete(f"/v1/routing-rules/{routed}"))
    assert (payment["rule"], payment["outcome"]) == (f"{routed}@1", "pending")
    assert (await world.get(order))["screening"]["band"] == "step_up"
    await world.succeed(world.sandbox.client.post(f"/gateway/payments/{order}:payment:1/settle"))
    assert (await world.settled(order))["state"] == "completed"
