"""Several gateways: one payment goes to one of them, and to another only where the first certainly did nothing."""

from datetime import UTC, datetime

import pytest
import pytest_asyncio
from sqlalchemy import update

from activities.runtime import routing as router
from activities.store import attempts, payment_methods, routing
from activities.store.attempts import Attempt
from activities.store.tables.payments import gateway_health, payment_attempts
from domain import keys
from domain.payment_methods import MethodFacts, MethodKind, StoredMethod
from domain.routing import Conditions, RoutingRule
from tests.workflows.plans import access, build, by_hand
from tests.world import Json, Money, World, cash

VISA = MethodFacts(kind=MethodKind.card, brand="visa", last4="4242", exp_month=12, exp_year=2031)


@pytest_asyncio.fixture(autouse=True)
async def well(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways that the failures of tests before have not taken out."""
    monkeypatch.setattr(router, "FRESH", 0.0)
    async with world.database.transaction() as connection:
        await connection.execute(update(payment_attempts).values(failures=0))
        await connection.execute(update(gateway_health).values(healthy=True))


async def _payer(world: World, sandbox: str = "tok_visa", backup: str = "tok_visa") -> str:
    """A customer whose card both gateways know."""
    customer = await world.customer(payment_method=None)
    method = StoredMethod(
        id=keys.payment_method(customer, "sandbox", sandbox),
        customer=customer,
        facts=VISA,
        tokens={"sandbox": sandbox, "backup": backup},
        added_at=datetime.now(UTC),
    )
    async with world.database.transaction() as connection:
        await payment_methods.add(connection, method, "someone", method.added_at)
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": method.id}))
    return customer


async def _draft(world: World, customer: str) -> str:
    product, plan = await world.product(build(), access())
    return await world.draft(customer, {"product": product, "plan": plan})


async def _attempts(world: World, order: str) -> list[Attempt]:
    async with world.database.transaction() as connection:
        found = await attempts.of_keys(connection, [keys.payment(order, number) for number in (1, 2, 3)])
    return [found[key] for key in sorted(found)]


async def _at(world: World, order: str) -> dict[str, int]:
    """What each gateway has captured and kept, by the journal."""
    kept: dict[str, int] = {}
    for payment in (await world.sandbox.summary(order)).payments:
        kept[payment.gateway] = kept.get(payment.gateway, 0) + payment.captured.minor - payment.refunded.minor
    return {gateway: minor for gateway, minor in kept.items() if minor}


def _shown(done: Json) -> list[tuple[int, str, str | None]]:
    return [(payment["number"], payment["state"], payment["gateway"]) for payment in done["payments"]]


@pytest.mark.parametrize(
    ("mode", "first"), [("not_attempted", "voided"), ("rate_limit", "voided"), ("decline_soft", "declined")]
)
async def test_what_a_gateway_did_not_do_another_does(world: World, mode: str, first: str) -> None:
    order = await _draft(world, await _payer(world))
    await world.sandbox.faults({"operation": "authorize", "mode": mode, "gateway": "sandbox", "order": order})
    await world.submit(order)

    done = await world.settled(order)

    assert done["state"] == "completed"
    assert _shown(done) == [(1, first, "sandbox"), (2, "captured", "backup")]
    assert await _at(world, order) == {"backup": 1000}
    assert await world.money(order) == Money(captured=1000, refunded=0, open=0)
    assert [each.elsewhere for each in await _attempts(world, order)] == [True, False]


async def test_the_money_is_booked_on_the_account_of_the_gateway_that_took_it(world: World) -> None:
    order = await _draft(world, await _payer(world))
    await world.sandbox.faults({"operation": "authorize", "mode": "not_attempted", "gateway": "sandbox", "order": order})
    await world.submit(order)

    done = await world.settled(order)

    booked = {line["account"]: line["amount"]["minor"] for line in done["ledger"] if line["account"].startswith("cash")}
    assert booked == {"cash:backup": 1000}


@pytest.mark.money_case(16)
@pytest.mark.parametrize("mode", ["timeout_before", "timeout_after", "error_500", "garbled"])
async def test_what_may_have_happened_is_never_tried_elsewhere(world: World, mode: str) -> None:
    order = await _draft(world, await _payer(world))
    fault: dict[str, str | float] = {"operation": "authorize", "mode": mode, "gateway": "sandbox", "order": order, "count": 1}
    await world.sandbox.faults(fault)
    await world.submit(order)

    done = await world.settled(order)

    assert _shown(done) == [(1, "captured", "sandbox")]
    assert await _at(world, order) == {"sandbox": 1000}


async def test_a_card_that_is_declined_for_good_is_tried_nowhere_else(world: World) -> None:
    order = await _draft(world, await _payer(world, sandbox="tok_declined_hard"))
    await world.submit(order)

    done = await world.settled(order)

    assert done["state"] == "failed"
    assert _shown(done) == [(1, "declined", "sandbox")]


async def test_a_bare_token_is_one_of_the_default_gateway_alone(world: World) -> None:
    order = await _draft(world, await world.customer())
    fault: dict[str, str | float] = {
        "operation": "authorize",
        "mode": "not_attempted",
        "gateway": "sandbox",
        "order": order,
        "count": 2,
    }
    await world.sandbox.faults(fault)
    await world.submit(order)

    done = await world.settled(order)

    assert _shown(done) == [(1, "captured", "sandbox")]


async def test_a_rule_sends_a_payment_where_it_says_and_is_kept_with_the_attempt(world: World) -> None:
    customer = await _payer(world)
    rule = RoutingRule(id=f"only-{customer.lower()}", when=Conditions(customers=(customer,)), gateways=("backup",))
    async with world.database.transaction() as connection:
        await routing.publish(connection, rule, "someone", datetime.now(UTC))
    order = await _draft(world, customer)

    async def follows() -> bool:
        """Rules are read once a second."""
        another = await _draft(world, customer)
        await world.submit(another)
        return _shown(await world.settled(another)) == [(1, "captured", "backup")]

    await world.until(follows, "the rule is followed")
    await world.submit(order)
    await world.settled(order)

    [attempt] = await _attempts(world, order)
    assert (attempt.gateway, attempt.rule, attempt.outcome) == ("backup", f"{rule.id}@1", "succeeded")
    assert attempt.looks[-1].why == "backup: the first of the rule that can be asked"
    assert attempt.latency_ms is not None


async def test_what_is_given_back_is_given_back_where_it_was_taken(world: World) -> None:
    product, plan = await world.product(build(), by_hand("hand-over", stage="activate"), access(needs=["hand-over"]))
    order = await world.draft(await _payer(world), {"product": product, "plan": plan})
    await world.sandbox.faults({"operation": "authorize", "mode": "not_attempted", "gateway": "sandbox", "order": order})
    await world.submit(order)
    await world.fallout(order)

    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "changed my mind"}))
    done = await world.state(order, "cancelled")

    assert await _at(world, order) == {}
    assert cash(done) == 0


async def test_a_payment_that_finance_tries_again_is_asked_about_before_another_gateway_is(world: World) -> None:
    """The first tries may have happened: here they have, and nothing answers while finance tries again."""
    order = await _draft(world, await _payer(world))
    lost: Json = {"operation": "authorize", "mode": "timeout_after", "gateway": "sandbox", "order": order}
    silent: Json = {"operation": "status", "mode": "timeout_before", "gateway": "sandbox", "order": order}
    await world.sandbox.faults(lost, silent)
    await world.submit(order)
    record = await world.stuck(order)

    await world.sandbox.faults({"operation": "authorize", "mode": "not_attempted", "gateway": "sandbox", "order": order})
    await world.resolve(record, "retry")
    done = await world.settled(order)

    assert _shown(done) == [(1, "captured", "sandbox")]
    assert await _at(world, order) == {"sandbox": 1000}
