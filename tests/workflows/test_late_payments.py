"""Payments that were given up and settle all the same: what they took or hold goes back by itself, is booked and is told."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from activities.adapters.gateway.port import Gateway
from activities.contracts.late_payments import Round
from activities.contracts.queues import JOBS
from activities.runtime.late_payments import StoredLatePayments
from activities.runtime.payments import PaymentActivities
from activities.store import late_payments, ledger
from domain.late_payments import WATCHED
from domain.payments import Outcome, PaymentResult, RefundRequest
from tests.workflows.test_collection import _collect, _decided, _issued, _payer, _taken
from tests.workflows.test_money_afterwards import differences
from tests.workflows.test_patrol import found
from tests.workflows.test_patrol import round_of as patrol
from tests.workflows.test_payment import one_item
from tests.world import Json, Money, World
from workers.worker import sandbox_adapters
from workflows.late_payments import LatePaymentsWorkflow


async def round_of(world: World, later: timedelta = timedelta()) -> int:
    at, name = datetime.now(UTC) + later, f"late-payments-{uuid.uuid4()}"
    client = world.temporal.client
    looked: int = await client.execute_workflow(LatePaymentsWorkflow.run, Round(at=at), id=name, task_queue=JOBS)
    return looked


async def given_up(world: World) -> str:
    """An order that failed, since its gateway never said what became of the payment; the call has not arrived there."""
    order = await world.draft(await world.customer(), await one_item(world))
    await world.sandbox.faults(
        {"operation": "authorize", "mode": "timeout_before", "order": order},
        {"operation": "status", "mode": "error_500", "order": order},
    )
    await world.submit(order)
    record = await world.stuck(order)
    await world.sandbox.faults()
    await world.resolve(record, "compensate", reason="the gateway is down")
    assert (await world.settled(order))["state"] == "failed"
    return order


async def arrives(world: World, key: str, minor: int, mode: str) -> None:
    """The call that was given up gets through, late."""
    amount = {"minor": minor, "currency": "EUR"}
    body = {"key": key, "amount": amount, "method": "tok_visa", "mode": mode}
    await world.succeed(world.sandbox.client.post("/gateway/payments", json=body, headers={"Idempotency-Key": key}))


async def undone(world: World, order: str) -> list[str]:
    return [event["summary"] for event in await world.events(order) if event["type"] == "payment.undone"]


@pytest.mark.money_case(23)
async def test_what_a_closed_orders_payment_holds_or_took_late_goes_back_once(world: World) -> None:
    held, taken = await given_up(world), await given_up(world)
    await round_of(world, timedelta(minutes=5))
    assert (await undone(world, held), await undone(world, taken)) == ([], [])
    await arrives(world, f"{held}:payment:1", 1000, "authorize")
    await arrives(world, f"{taken}:payment:1", 1000, "purchase")

    for hours in (2, 4):
        await round_of(world, timedelta(hours=hours))

    assert await world.money(held) == Money(captured=0, refunded=0, open=0)
    assert await world.money(taken) == Money(captured=1000, refunded=1000, open=0)
    assert await undone(world, held) == [
        f"Payment {held}:payment:1 had been given up and settled all the same: 10.00 EUR held, and voided by itself"
    ]
    assert await undone(world, taken) == [
        f"Payment {taken}:payment:1 had been given up and settled all the same: 10.00 EUR taken, and refunded by itself"
    ]
    for order in (held, taken):
        assert await differences(world, order) == [("payment_undone", f"payment {order}:payment:1")]
    assert [line["amount"]["minor"] for line in await cash_of(world, taken)] == [1000, -1000]
    await patrol(world)
    findings = [*await found(world, held), *await found(world, taken)]
    # its clock was moved on, so that what is told of it now seems to come before its end
    assert {finding.invariant for finding in findings} <= {"events_are_gapless"}


async def cash_of(world: World, order: str) -> list[Json]:
    return [line for line in (await world.get(order))["ledger"] if line["account"].startswith("cash")]


class _Dies:
    """A gateway whose caller is killed as soon as a refund has been made."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    async def refund(self, request: RefundRequest) -> PaymentResult:
        await self._gateway.refund(request)
        raise RuntimeError("killed")


async def test_a_second_payment_of_an_invoice_goes_back_though_who_gives_it_back_is_killed(world: World) -> None:
    """The gateway tells that it settled, which has it looked at at once."""
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa", backup="tok_visa"))
    await world.sandbox.faults({"operation": "purchase", "mode": "not_attempted", "gateway": "sandbox", "order": invoice.id})
    await _collect(world, invoice)
    await _decided(world, invoice)
    await world.sandbox.faults()
    late, gross = f"{invoice.id}:payment:1", invoice.gross.minor
    await arrives(world, late, gross, "purchase")
    assert await _taken(world, invoice) == {"sandbox": gross, "backup": gross}
    await world.succeed(world.sandbox.client.post(f"/gateway/payments/{late}/changed", json={}))

    played = sandbox_adapters(str(world.sandbox.client.base_url).rstrip("/"), [], world.database, world.sandbox.client)
    dying = {name: cast(Gateway, _Dies(gateway)) for name, gateway in played.gateways.items()}
    with pytest.raises(RuntimeError, match="killed"):
        await StoredLatePayments(world.database, PaymentActivities(world.database, dying, "sandbox")).look(late)

    async def looked_at() -> bool:
        return await round_of(world) > 0

    await world.until(looked_at, "the gateway's word to have it looked at")
    assert await _taken(world, invoice) == {"backup": gross}
    async with world.database.transaction() as connection:
        came = await ledger.page(connection, 0, 10, subject=late)
        went = await ledger.page(connection, 0, 10, subject=f"{late}:refund:rest")
    assert ([line.amount for line in came], [line.amount for line in went]) == ([invoice.gross], [-invoice.gross])
    assert await differences(world, late) == [("payment_undone", f"payment {late}")]
    shown = await world.succeed(world.api.get(f"/v1/invoices/{invoice.id}"))
    assert (shown["state"], shown["amount_due"]["minor"]) == ("paid", 0)


async def test_what_never_turns_up_is_asked_about_ever_less_often_and_then_no_more(world: World) -> None:
    key, began = f"O-0:payment:{uuid.uuid4().int}", datetime(2020, 1, 1, tzinfo=UTC)
    absent = PaymentResult(outcome=Outcome.not_attempted)
    async with world.database.transaction() as connection:
        await late_payments.watch(connection, key, began)
        asked = [
            minute
            for minute in range(0, 24 * 60, 10)
            if key in await late_payments.due(connection, began + timedelta(minutes=minute), 1000)
        ]
        await late_payments.settle(connection, key, absent, began + WATCHED - timedelta(seconds=1))
        assert await late_payments.find(connection, key) is not None
        await late_payments.settle(connection, key, absent, began + WATCHED)
        assert await late_payments.find(connection, key) is None
    # 10 s after it was given up, and then after a minute, 10 minutes, an hour, 6 hours, a day, on a grid of 10 minutes
    assert asked == [10, 20, 30, 90, 450]
