"""Refunds on request: never more than was captured, paid out once, credited, booked, and access decided about."""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from temporalio.service import RPCError

from activities.store import ledger
from activities.store.tables.services import entitlements
from tests.workflows.plans import access, build
from tests.world import World


async def paid_order(world: World, price: str = "100.00") -> tuple[str, str]:
    """A completed order of 100.00 EUR with its tax, and the key of its payment."""
    product, plan = await world.product(access(), price=price, entitlements={"seats": "quantity"})
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.state(order, "completed")
    return order, f"{order}:payment:1"


async def ask(world: World, payment: str, minor: int | None = None, **changes: Any) -> httpx.Response:
    amount = {} if minor is None else {"amount": {"minor": minor, "currency": "EUR"}}
    body = {"payment": payment, "reason": "goodwill", "access": "keep", **amount, **changes}
    return await world.api.post("/v1/refunds", json=body, headers={"Idempotency-Key": f"{payment}-{changes.get('id')}"})


async def refund(world: World, wanted: str, *states: str) -> dict[str, Any]:
    async def reached() -> dict[str, Any] | None:
        found = await world.succeed(world.api.get(f"/v1/refunds/{wanted}"))
        return found if found["state"] in states else None

    return dict(await world.until(reached, f"refund {wanted} to be {states}"))


async def total(world: World, order: str) -> int:
    found = await world.get(order)
    return int(found["payments"][0]["captured"]["minor"])


async def usable(world: World, order: str) -> list[bool]:
    query = select(entitlements.c.suspended).where(entitlements.c.source.startswith(f"{order}:"))
    async with world.database.transaction() as connection:
        return [not suspended for suspended in (await connection.execute(query)).scalars()]


async def in_balance(world: World) -> bool:
    async with world.database.transaction() as connection:
        return not any((await ledger.sums(connection)).values())


@pytest.mark.money_case(21)
async def test_of_fifty_refunds_at_once_no_more_than_what_was_captured_is_given_back(world: World) -> None:
    order, payment = await paid_order(world)
    captured = await total(world, order)
    part = captured // 7

    answers = await asyncio.gather(*(ask(world, payment, part, id=f"R-{order}-{number}") for number in range(50)))

    assert Counter(answer.status_code for answer in answers) == {202: 7, 409: 43}
    for answer in answers:
        if answer.status_code == 202:
            await refund(world, answer.json()["id"], "succeeded")
    assert (await world.money(order)).refunded == 7 * part
    assert await in_balance(world)


@pytest.mark.money_case(21)
async def test_fifty_refunds_beside_the_orders_own_give_back_no_more_than_was_captured(world: World) -> None:
    """Of two items of 100.00, one cannot be opened and is given back while fifty times 7.00 are asked for."""
    product, plan = await world.product(access(), price="100.00")
    opening = build("open", verb="activate", stage="activate", undo=None)
    other, dear = await world.product(build(), opening, price="100.00")
    items = {"product": product, "plan": plan}, {"product": other, "plan": dear}
    order = await world.draft(await world.customer(), *items)
    await world.sandbox.faults({"operation": "activate", "mode": "decline_hard", "order": order})
    await world.submit(order)
    record, payment = await world.stuck(order), f"{order}:payment:1"
    await world.sandbox.faults()
    assert (await world.money(order)).captured == 20000

    asked = asyncio.gather(*(ask(world, payment, 700, id=f"R-{order}-{number}") for number in range(50)))
    answers, _ = await asyncio.gather(asked, world.resolve(record, "compensate", reason="cannot be opened"))

    granted = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    assert {answer.status_code for answer in answers} <= {202, 409}
    for each in granted:
        await refund(world, each, "succeeded")
    own = 0 if len(granted) * 700 > 10000 else 10000
    if not own:  # those that were asked for came first: what is left does not do for the item, and finance is asked
        stuck = await world.stuck(order)
        assert "cannot be refunded" in stuck["title"]
        await world.resolve(stuck, "resolve", evidence="given back beforehand, as asked for")
    done = await world.settled(order)
    assert (await world.money(order)).refunded == len(granted) * 700 + own <= 20000
    assert done["state"] == "partial"
    assert await in_balance(world)


async def test_a_refund_is_credited_on_the_invoice_and_leaves_the_customer_no_credit(world: World) -> None:
    order, payment = await paid_order(world)
    asked = (await ask(world, payment, 1190, id=f"R-{order}")).json()
    await refund(world, asked["id"], "succeeded")

    notes = (await world.succeed(world.api.get("/v1/credit-notes", params={"invoice": f"{order}:invoice"})))["items"]
    assert [note["total"]["minor"] for note in notes] == [1190]
    customer = (await world.get(order))["customer"]
    credit = await world.succeed(world.api.get("/v1/credits", params={"customer": customer}))
    assert sum(balance["minor"] for balance in credit["balances"]) == 0
    assert await usable(world, order) == [True]


async def test_the_same_refund_asked_twice_is_one(world: World) -> None:
    order, payment = await paid_order(world)
    first = await ask(world, payment, 500, id=f"R-{order}")
    again = await ask(world, payment, 500, id=f"R-{order}")
    other = await ask(world, payment, 501, id=f"R-{order}")
    assert (first.status_code, again.json()["id"], other.status_code) == (202, first.json()["id"], 409)
    await refund(world, f"R-{order}", "succeeded")
    assert (await world.money(order)).refunded == 500


async def test_all_that_is_left_is_refunded_and_access_revoked(world: World) -> None:
    order, payment = await paid_order(world)
    captured = await total(world, order)
    await ask(world, payment, 100, id=f"R-{order}-1")
    await ask(world, payment, None, id=f"R-{order}-2", access="revoke")
    whole = await refund(world, f"R-{order}-2", "succeeded")
    assert whole["amount"]["minor"] == captured - 100
    assert await usable(world, order) == [False]
    none = await ask(world, payment, 1, id=f"R-{order}-3")
    assert none.status_code == 409
    assert "0.00 EUR of" in none.json()["detail"]


@pytest.mark.money_case(16)
async def test_a_refund_whose_answer_is_lost_is_given_once(world: World) -> None:
    order, payment = await paid_order(world)
    await world.sandbox.of(order).fault("refund", "garbled", count=2)
    await ask(world, payment, 700, id=f"R-{order}")
    handle = world.temporal.client.get_workflow_handle(f"refund-R-{order}")

    async def paid_out() -> bool:
        with contextlib.suppress(RPCError):
            await world.temporal.fast_forward(handle, timedelta(seconds=30))
        return bool((await world.money(order)).refunded)

    await world.until(paid_out, "the refund to be paid out")
    await refund(world, f"R-{order}", "succeeded")
    assert (await world.money(order)).refunded == 700


async def test_a_refund_that_is_definitely_refused_frees_what_was_promised(world: World) -> None:
    order, payment = await paid_order(world)
    await world.sandbox.of(order).fault("refund", "decline_hard", count=1)
    await ask(world, payment, 700, id=f"R-{order}-1")
    refused = await refund(world, f"R-{order}-1", "refused")
    assert "declined" in refused["message"]
    captured = await total(world, order)
    await ask(world, payment, captured, id=f"R-{order}-2")
    await refund(world, f"R-{order}-2", "succeeded")
    assert (await world.money(order)).refunded == captured


async def test_a_payment_that_took_nothing_is_not_refunded(world: World) -> None:
    assert (await ask(world, "O-9999999:payment:1", 100, id="R-1")).status_code == 404
