"""Disputes and returned debits, told by the gateway: money, charges and access follow, once, in whatever order it is told."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.store import charge_stops, disputes, due_rows, ledger, representments
from domain.gateway_events import GatewayEvent, Told
from tests.life import JANUARY
from tests.workflows.test_refunds import ask, in_balance, paid_order, refund, usable
from tests.world import World


async def balance(world: World, account: str) -> int:
    async with world.database.transaction() as connection:
        return (await ledger.trial_balance(connection)).get((account, "EUR"), 0)


async def dispute(world: World, payment: str, minor: int = 10000, **changes: Any) -> str:
    body = {"amount": {"minor": minor, "currency": "EUR"}, "fee": {"minor": 1500, "currency": "EUR"}, **changes}
    told = await world.succeed(world.sandbox.client.post(f"/gateway/payments/{payment}/dispute", json=body))
    return str(told["dispute"])


async def decide(world: World, name: str, verdict: str, **how: Any) -> None:
    await world.succeed(world.sandbox.client.post(f"/gateway/disputes/{name}/verdict/{verdict}", json=how))


async def standing(world: World, name: str, *states: str) -> dict[str, Any]:
    async def reached() -> dict[str, Any] | None:
        found = await world.api.get(f"/v1/disputes/sandbox:{name}")
        return dict(found.json()) if found.is_success and found.json()["state"] in states else None

    return dict(await world.until(reached, f"dispute {name} to be {states}"))


async def work(world: World, name: str) -> dict[str, Any] | None:
    """The open work item about its evidence."""
    found = await world.succeed(world.api.get("/v1/fallout", params={"open": "true", "limit": 200}))
    return next((item for item in found["items"] if item["id"].startswith(f"sandbox:{name}:evidence:")), None)


async def swept(world: World, name: str, deadline: str, by: timedelta) -> None:
    """Look at its evidence as it is looked at `by` after the deadline."""
    async with world.database.transaction() as connection:
        row = await due_rows.get(connection, f"sandbox:{name}:evidence")
        assert row is not None
        now = datetime.fromisoformat(deadline) + by
        assert row.due_at <= now, "it is not to be looked at yet"
        await disputes.look_at_evidence(connection, row, now)


async def stopped(world: World, order: str) -> str | None:
    customer = (await world.get(order))["customer"]
    async with world.database.transaction() as connection:
        return await charge_stops.stopped(connection, customer)


async def test_a_dispute_takes_money_and_fee_stops_charges_and_closes_access(world: World) -> None:
    order, payment = await paid_order(world)
    cash, held, fees = [await balance(world, account) for account in ("cash:sandbox", "disputed", "gateway_fees")]
    name = await dispute(world, payment, copies=2)

    found = await standing(world, name, "open")

    assert found["amount"]["minor"] == 10000
    assert found["deadline"] > datetime.now(UTC).isoformat()
    assert await balance(world, "cash:sandbox") - cash == -10000 - 1500
    assert await balance(world, "disputed") - held == 10000
    assert await balance(world, "gateway_fees") - fees == 1500
    assert (await stopped(world, order), await usable(world, order)) == (f"dispute sandbox:{name}", [False])
    assert await in_balance(world)


async def test_a_dispute_that_is_won_brings_all_of_it_back(world: World) -> None:
    order, payment = await paid_order(world)
    before = [await balance(world, account) for account in ("cash:sandbox", "disputed", "gateway_fees")]
    name = await dispute(world, payment)
    await standing(world, name, "open")
    await decide(world, name, "win", copies=2)
    await standing(world, name, "won")
    assert [await balance(world, account) for account in ("cash:sandbox", "disputed", "gateway_fees")] == before
    assert (await stopped(world, order), await usable(world, order)) == (None, [True])


async def test_a_dispute_that_is_lost_is_a_loss_and_lets_go_when_a_person_says_so(world: World) -> None:
    order, payment = await paid_order(world)
    held, losses = await balance(world, "disputed"), await balance(world, "dispute_losses")
    name = await dispute(world, payment)
    await decide(world, name, "lose")
    await standing(world, name, "lost")
    assert (await balance(world, "disputed") - held, await balance(world, "dispute_losses") - losses) == (0, 10000)
    assert await usable(world, order) == [False]
    await world.succeed(world.api.post(f"/v1/disputes/sandbox:{name}/release"))
    assert (await stopped(world, order), await usable(world, order)) == (None, [True])


async def test_a_verdict_that_comes_before_the_opening_is_the_same(world: World) -> None:
    order, payment = await paid_order(world)
    before = await balance(world, "cash:sandbox")
    name = await dispute(world, payment, delay_seconds=1)
    await decide(world, name, "win")
    await standing(world, name, "won")
    await standing(world, name, "won")
    assert (await balance(world, "cash:sandbox"), await stopped(world, order)) == (before, None)


@pytest.mark.money_case(21)
async def test_a_refund_after_a_dispute_is_refused_in_words(world: World) -> None:
    order, payment = await paid_order(world)
    name = await dispute(world, payment, minor=1000)
    await standing(world, name, "open")
    answer = await ask(world, payment, 100, id=f"R-{order}")
    assert answer.status_code == 409
    assert f"is disputed (sandbox:{name})" in answer.json()["detail"]


async def test_a_dispute_over_more_than_a_refund_has_left_is_shown_to_finance(world: World) -> None:
    order, payment = await paid_order(world)
    await ask(world, payment, 5000, id=f"R-{order}")
    await refund(world, f"R-{order}", "succeeded")
    name = await dispute(world, payment)
    await standing(world, name, "open")
    items = (await world.succeed(world.api.get("/v1/reconciliation/differences", params={"limit": 200})))["items"]
    mine = [item for item in items if item["subject"] == f"dispute sandbox:{name}"]
    assert [(item["expected"], item["owner"]) for item in mine] == [("at most 50.00 EUR", "finance")]


async def test_a_dispute_of_a_payment_that_is_none_of_ours_is_work_for_finance_until_it_is_decided(world: World) -> None:
    name = await dispute(world, "O-999999999:payment:1", minor=4200)
    item = dict(await world.until(lambda: work(world, name), "the foreign dispute to be a work item"))
    assert (item["order"], item["owner"], item["subject"]) == (None, "finance", "evidence")
    assert "42.00 EUR of O-999999999:payment:1 that was not made here, fraudulent" in item["title"]
    assert (datetime.fromisoformat(item["deadline"]) - datetime.now(UTC)).days in {6, 7}
    await swept(world, name, item["deadline"], timedelta(hours=-23))
    assert (await work(world, name) or {})["owner"] == "finance lead"
    old = Told(gateway="sandbox", event=GatewayEvent(id="e", kind="dispute_opened", at=JANUARY, payment=f"{name}:payment:1"))
    async with world.database.transaction() as connection:
        assert await disputes.note_foreign(connection, old, JANUARY + timedelta(days=540)) is None
        assert "is not booked 540 days after" in str(
            await disputes.note_foreign(connection, old, JANUARY + timedelta(days=541))
        )

    await decide(world, name, "lose")
    process = world.temporal.client.get_workflow_handle(f"dispute-sandbox:{name}")
    await asyncio.wait_for(process.result(), 40)
    assert await work(world, name) is None


async def test_evidence_that_nobody_gives_is_warned_of_handed_over_and_lapses_once_each(world: World) -> None:
    order, payment = await paid_order(world)
    name = await dispute(world, payment)
    await standing(world, name, "open")
    item = await work(world, name) or {}
    assert (item["order"], item["owner"], item["money_at_stake"]["minor"]) == (order, "finance", 10000)
    for before, owner in ((timedelta(days=-3), "finance"), (timedelta(days=-1), "finance lead")):
        await swept(world, name, item["deadline"], before)
        assert (await work(world, name) or {})["owner"] == owner
    await swept(world, name, item["deadline"], timedelta())
    assert (await standing(world, name, "lapsed"), await work(world, name))[1] is None
    told = [event["type"] for event in await world.events(order) if event["type"].startswith("dispute.")]
    assert told == ["dispute.evidence_due", "dispute.evidence_escalated", "dispute.lapsed"]
    refused = await world.api.post(f"/v1/disputes/sandbox:{name}/evidence", json={"explanation": "late"})
    assert refused.status_code == 409
    await decide(world, name, "lose")
    await standing(world, name, "lost")
    assert await in_balance(world)


async def test_whoever_answers_the_gateway_elsewhere_says_so_and_nothing_lapses(world: World) -> None:
    _, payment = await paid_order(world)
    name = await dispute(world, payment)
    await standing(world, name, "open")
    item = await work(world, name) or {}
    await world.succeed(world.api.post(f"/v1/fallout/{item['id']}/resolve", json={"evidence": "answered in its dashboard"}))
    await swept(world, name, item["deadline"], timedelta())
    assert (await standing(world, name, "open"), await work(world, name))[1] is None


async def test_evidence_is_submitted_once_and_then_there_is_no_giving_in(world: World) -> None:
    _, payment = await paid_order(world)
    name = await dispute(world, payment)
    await standing(world, name, "open")
    address = f"/v1/disputes/sandbox:{name}"
    for _ in range(2):
        await world.succeed(world.api.post(f"{address}/evidence", json={"explanation": "used every day"}))
    found = await standing(world, name, "submitted")
    assert (found["evidence"]["explanation"], found["evidence_by"]) == ("used every day", "admin")
    other = await world.api.post(f"{address}/evidence", json={"explanation": "something else"})
    given_in = await world.api.post(f"{address}/accept")
    assert (other.status_code, given_in.status_code) == (409, 409)


async def test_giving_in_is_told_to_the_gateway_which_says_that_it_is_lost(world: World) -> None:
    _, payment = await paid_order(world)
    losses = await balance(world, "dispute_losses")
    name = await dispute(world, payment)
    await standing(world, name, "open")
    await world.succeed(world.api.post(f"/v1/disputes/sandbox:{name}/accept"))
    await standing(world, name, "lost")
    assert await balance(world, "dispute_losses") - losses == 10000


async def test_evidence_after_the_deadline_is_refused(world: World) -> None:
    _, payment = await paid_order(world)
    name = await dispute(world, payment, deadline_days=0)
    await standing(world, name, "lapsed")
    answer = await world.api.post(f"/v1/disputes/sandbox:{name}/evidence", json={"explanation": "late"})
    assert answer.status_code == 409
    assert "is lapsed" in answer.json()["detail"]


@pytest.mark.money_case(22)
async def test_a_returned_debit_opens_its_invoice_again_and_says_when_to_try(world: World) -> None:
    order, payment = await paid_order(world)
    cash, fees = await balance(world, "cash:sandbox"), await balance(world, "gateway_fees")
    body = {"reason": "R01", "fee": {"minor": 400, "currency": "EUR"}, "copies": 2}
    await world.succeed(world.sandbox.client.post(f"/gateway/payments/{payment}/return", json=body))

    async def opened() -> dict[str, Any] | None:
        invoice = await world.succeed(world.api.get(f"/v1/invoices/{order}:invoice"))
        return invoice if invoice["state"] != "paid" else None

    invoice = await world.until(opened, "the invoice to be open again")
    assert invoice["amount_due"]["minor"] == 10000
    assert await balance(world, "cash:sandbox") - cash == -10000 - 400
    assert await balance(world, "gateway_fees") - fees == 400
    async with world.database.transaction() as connection:
        again = await representments.latest(connection, f"{order}:invoice")
    assert again is not None
    assert again.due_at is not None
    assert (again.count, (again.due_at - again.decided_at).days, await usable(world, order)) == (1, 3, [True])
    assert (await ask(world, payment, 100, id=f"R-{order}")).status_code == 409


@pytest.mark.parametrize(("code", "words"), [("AM04", "presented again not before"), ("MD06", "presented again never")])
async def test_what_an_order_was_paid_with_and_was_returned_is_asked_for_again_only_as_the_networks_allow(
    world: World, code: str, words: str
) -> None:
    order, payment = await paid_order(world)
    await world.succeed(world.sandbox.client.post(f"/gateway/payments/{payment}/return", json={"reason": code}))

    async def opened() -> bool:
        invoice = await world.succeed(world.api.get(f"/v1/invoices/{order}:invoice"))
        return bool(invoice["amount_due"]["minor"] == 10000)

    await world.until(opened, "the invoice to be open again")
    answer = await world.api.post(f"/v1/invoices/{order}:invoice/collect")
    assert (answer.status_code, words in answer.json()["detail"]) == (409, True), answer.text


async def test_a_refund_that_fails_weeks_later_is_credit_and_work_for_finance(world: World) -> None:
    order, payment = await paid_order(world)
    asked = (await ask(world, payment, 1190, id=f"R-{order}", access="revoke")).json()
    await refund(world, asked["id"], "succeeded")
    assert await usable(world, order) == [False]
    await world.succeed(world.sandbox.client.post(f"/gateway/refunds/{asked['key']}/fail", json={"copies": 2}))
    failed = await refund(world, asked["id"], "failed")
    assert (failed["message"], await usable(world, order)) == ("account_closed", [True])
    customer = (await world.get(order))["customer"]
    credit = await world.succeed(world.api.get("/v1/credits", params={"customer": customer}))
    assert [found["minor"] for found in credit["balances"]] == [1190]
