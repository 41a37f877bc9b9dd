"""What moves after a payment stays visible on its order, adds up, and is found again in the gateway's report."""

from datetime import UTC, datetime

from sqlalchemy import text

from activities.contracts.payments import Release
from activities.runtime.payments import PaymentActivities
from activities.store import ledger, reconciliation
from tests.workflows.test_collection import _collect, _decided, _issued, _payer
from tests.workflows.test_disputes import decide, dispute, standing
from tests.workflows.test_patrol import found, round_of
from tests.workflows.test_reconciliation import started
from tests.workflows.test_refunds import ask, paid_order, refund, usable
from tests.world import World
from workers.worker import sandbox_adapters


async def in_ledger(world: World, order: str) -> int:
    """What of an order's money is in cash, in minor units."""
    async with world.database.transaction() as connection:
        lines = await ledger.of_order(connection, order)
    return sum(line.amount.minor for line in lines if line.account == "cash:sandbox")


async def differences(world: World, about: str) -> list[tuple[str, str]]:
    async with world.database.transaction() as connection:
        items = await reconciliation.work_items(connection, None, 2000, is_open=True)
    return [(item.kind, item.subject) for item in items if about in item.subject]


async def test_refund_dispute_and_return_are_on_the_order_and_in_the_gateways_report(world: World) -> None:
    """Of 100.00: 10.00 refunded of one order; another disputed for a fee of 15.00 and won; a third returned for 4.00."""
    orders = [await paid_order(world) for _ in range(3)]
    (first, first_payment), (second, second_payment), (third, third_payment) = orders
    asked = (await ask(world, first_payment, 1000, id=f"R-{first}")).json()
    await refund(world, asked["id"], "succeeded")
    name = await dispute(world, second_payment)
    await standing(world, name, "open")
    disputed = await in_ledger(world, second)
    fee = {"minor": 400, "currency": "EUR"}
    await world.succeed(world.sandbox.client.post(f"/gateway/payments/{third_payment}/return", json={"fee": fee}))

    async def returned() -> bool:
        return await in_ledger(world, third) == -400

    await world.until(returned, "the return to be booked")
    assert (await in_ledger(world, first), disputed) == (9000, -1500)
    await round_of(world)
    assert [await found(world, order) for order, _ in orders] == [[], [], []]

    await decide(world, name, "win", copies=2)
    await standing(world, name, "won")
    assert await in_ledger(world, second) == 10000
    await round_of(world)
    assert await found(world, second) == []
    await (await started(world, datetime.now(UTC).date())).result()
    assert [await differences(world, order) for order, _ in orders] == [[], [], []]


async def test_a_payment_that_settles_beside_another_goes_back_is_booked_and_is_told(world: World) -> None:
    """It had been given up, and arrived late."""
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa", backup="tok_visa"))
    await world.sandbox.faults({"operation": "purchase", "mode": "not_attempted", "gateway": "sandbox", "order": invoice.id})
    await _collect(world, invoice)
    await _decided(world, invoice)
    await world.sandbox.faults()
    listed = await world.succeed(world.api.get("/v1/payments", params={"invoice": invoice.id}))
    assert [payment["state"] for payment in listed["items"]] == ["captured", "voided"]
    late = f"{invoice.id}:payment:1"
    body = {"key": late, "amount": invoice.gross.model_dump(), "method": "tok_visa", "mode": "purchase"}
    headers = {"Idempotency-Key": late}
    (await world.sandbox.client.post("/gateway/payments", json=body, headers=headers)).raise_for_status()
    played = sandbox_adapters(str(world.sandbox.client.base_url).rstrip("/"), [], world.database, world.sandbox.client)
    payments = PaymentActivities(world.database, played.gateways, "sandbox")

    for _ in range(2):
        await payments.release(Release(key=late))

    async with world.database.transaction() as connection:
        lines = await ledger.page(connection, 0, 10, subject=late)
        back = await ledger.page(connection, 0, 10, subject=f"{late}:refund:rest")
    assert [line.amount for line in lines] == [invoice.gross]
    assert [line.amount for line in back] == [-invoice.gross]
    assert await differences(world, late) == [("payment_undone", f"payment {late}")]
    customer = await world.succeed(world.api.get("/v1/credits", params={"customer": invoice.customer}))
    assert sum(balance["minor"] for balance in customer["balances"]) == 0


async def test_what_fell_due_while_charges_were_stopped_is_collected_once_the_dispute_is_released(world: World) -> None:
    customer = await _payer(world, sandbox="tok_visa")
    paid, due = await _issued(world, customer), await _issued(world, customer)
    await _collect(world, paid)
    await _decided(world, paid)
    name = await dispute(world, f"{paid.id}:payment:1")
    await decide(world, name, "lose")
    await standing(world, name, "lost")
    assert (await world.api.post(f"/v1/invoices/{due.id}/collect")).status_code == 409

    await world.succeed(world.api.post(f"/v1/disputes/sandbox:{name}/release"))

    [payment] = await _decided(world, due)
    shown = await world.succeed(world.api.get(f"/v1/payments/{payment.key}"))
    assert (payment.reason, payment.state, shown["state"]) == ("released", "paid", "captured")


async def test_money_kept_of_two_payments_of_an_invoice_is_a_finding(world: World) -> None:
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa"))
    await _collect(world, invoice)
    await _decided(world, invoice)
    twice = text(
        "INSERT INTO collections SELECT (json_populate_record(collections, CAST(:changed AS json))).*"
        " FROM collections WHERE invoice = :invoice AND number = 1"
    )
    changed = f'{{"key": "{invoice.id}:payment:2", "number": 2}}'
    async with world.database.transaction() as connection:
        await connection.execute(twice, {"changed": changed, "invoice": invoice.id})
    assert ("paid_once", invoice.id) in await _open(world)

    async with world.database.transaction() as connection:
        await connection.execute(text("DELETE FROM collections WHERE key = :key"), {"key": f"{invoice.id}:payment:2"})
    assert ("paid_once", invoice.id) not in await _open(world)


async def _open(world: World) -> list[tuple[str, str]]:
    await round_of(world)
    answer = await world.succeed(world.api.get("/v1/patrol", params={"open": "true", "limit": 200}))
    return [(finding["invariant"], finding["subject"]) for finding in answer["items"]]


async def test_by_policy_a_lost_dispute_is_a_credit_note_and_a_returned_debit_closes_access(world: World) -> None:
    usual = await world.succeed(world.api.get("/v1/after-payment-policy"))
    changed = {"dispute_access": "keep", "return_access": "block", "lost_as": "credit_note"}
    await world.succeed(world.api.put("/v1/after-payment-policy", json=changed))
    try:
        (lost, lost_payment), (back, back_payment) = [await paid_order(world) for _ in range(2)]
        name = await dispute(world, lost_payment)
        await standing(world, name, "open")
        await world.succeed(world.sandbox.client.post(f"/gateway/payments/{back_payment}/return", json={}))
        await decide(world, name, "lose")
        await standing(world, name, "lost")

        async def closed() -> bool:
            return await usable(world, back) == [False]

        await world.until(closed, "access to be closed")
    finally:
        await world.succeed(world.api.put("/v1/after-payment-policy", json=usual))
    notes = (await world.succeed(world.api.get("/v1/credit-notes", params={"invoice": f"{lost}:invoice"})))["items"]
    async with world.database.transaction() as connection:
        accounts = {line.account for line in await ledger.of_order(connection, lost)}
    assert [note["total"]["minor"] for note in notes] == [10000]
    assert ("dispute_losses" in accounts, await usable(world, lost)) == (False, [True])
