"""Collecting an invoice: taken once from what is on file, whatever the gateway and the network do."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.store import charge_stops, collections, due_rows, invoices, ledger, payment_methods, returned_debits
from domain import keys
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice
from domain.billing.postings import invoice_finalized
from domain.collection import Collection, CollectionRequest
from domain.gateway_events import GatewayEvent, GatewayEventKind, Told
from domain.payment_methods import MethodFacts, MethodKind, StoredMethod
from tests.domain.billing.invoice_samples import EVIDENCE, invoice_of, issue
from tests.domain.billing.line_samples import line
from tests.world import Json, World

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
GROSS = 11900


async def _issued(world: World, customer: str) -> Invoice:
    """An open invoice of 119.00."""
    number = next(world.numbers)
    ready = invoice_of([line(10000, subscription=f"S-{number}")], number)
    ready = ready.model_copy(update={"customer": customer, "legal_entity": "main"})
    open_ = issue(ready, number=number)
    async with world.database.transaction() as connection:
        await invoices.issue(connection, open_, EVIDENCE, NOW)
        await ledger.post(connection, [invoice_finalized(open_, NOW)])
    return open_


async def _payer(world: World, **tokens: str) -> str:
    customer = await world.customer(payment_method=None)
    gateway, token = next(iter(tokens.items()))
    method = StoredMethod(
        id=keys.payment_method(customer, gateway, token),
        customer=customer,
        facts=MethodFacts(kind=MethodKind.card, brand="visa", last4="4242"),
        tokens=tokens,
        added_at=NOW,
    )
    async with world.database.transaction() as connection:
        await payment_methods.add(connection, method, "someone", NOW)
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": method.id}))
    return customer


async def _collect(world: World, invoice: Invoice) -> None:
    answer = await world.api.post(f"/v1/invoices/{invoice.id}/collect")
    assert answer.status_code == 202, answer.text


async def _decided(world: World, invoice: Invoice, least: int = 1, step: timedelta = timedelta(minutes=2)) -> list[Collection]:
    """Its payments, once there are `least` and none is under way; the process's clock is moved on as long as one is."""
    for _ in range(60):
        async with world.database.transaction() as connection:
            found = await collections.of_invoice(connection, invoice.id)
        if len(found) >= least and all(each.ended_at for each in found):
            await _ended(world, invoice)
            return found
        await asyncio.sleep(0.05)
        with contextlib.suppress(RPCError):  # it may not have begun, or have ended meanwhile
            await world.temporal.fast_forward(_process(world, invoice), step)
    raise AssertionError(f"the payment of {invoice.id} is not decided: {found}")


def _process(world: World, invoice: Invoice) -> WorkflowHandle[Any, Any]:
    return world.temporal.client.get_workflow_handle(f"collect-{invoice.id}")


async def _ended(world: World, invoice: Invoice) -> str:
    return str(await _process(world, invoice).result())


async def _open(world: World, invoice: Invoice) -> None:
    """Wait until a gateway has been asked, and does not decide."""

    async def asked() -> bool:
        payments = (await world.sandbox.client.get(f"/gateway/payments/{invoice.id}:payment:1")).json()
        return bool(payments.get("state") == "pending")

    await world.until(asked, "the payment is pending")


async def _shown(world: World, invoice: Invoice) -> Json:
    return await world.succeed(world.api.get(f"/v1/invoices/{invoice.id}"))


async def _taken(world: World, invoice: Invoice) -> dict[str, int]:
    """What each gateway has taken and kept, by its journal."""
    kept: dict[str, int] = {}
    for payment in (await world.sandbox.summary(invoice.id)).payments:
        kept[payment.gateway] = kept.get(payment.gateway, 0) + payment.captured.minor - payment.refunded.minor
    return {gateway: minor for gateway, minor in kept.items() if minor}


async def test_what_an_invoice_is_due_is_taken_from_what_is_on_file(world: World) -> None:
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa"))

    await _collect(world, invoice)

    [payment] = await _decided(world, invoice)
    shown = await _shown(world, invoice)
    assert (payment.key, payment.state, payment.gateway) == (f"{invoice.id}:payment:1", "paid", "sandbox")
    assert (shown["state"], shown["amount_due"]["minor"], shown["paid"]["minor"]) == ("paid", 0, GROSS)
    assert await _taken(world, invoice) == {"sandbox": GROSS}
    assert await _ended(world, invoice) == f"invoice {invoice.number} is paid"


async def test_what_falls_due_is_taken_without_a_process_and_once_however_often_it_comes(world: World) -> None:
    """The row comes again where whoever took it was killed before removing it: after a decline too, nothing is asked again."""
    paying, declined = await _payer(world, sandbox="tok_visa"), await _payer(world, sandbox="tok_declined_hard")
    for customer, state in ((paying, "paid"), (declined, "finalized")):
        invoice = await _issued(world, customer)
        for _ in range(2):
            await _fall_due(world, invoice)
            await asyncio.gather(*(world.due_sweep.sweep_page(datetime.now(UTC)) for _ in range(2)))
        async with world.database.transaction() as connection:
            assert [each.number for each in await collections.of_invoice(connection, invoice.id)] == [1]
            assert await due_rows.of_subject(connection, invoice.id) == []
        assert (await _shown(world, invoice))["state"] == state
        with pytest.raises(RPCError, match="not found"):
            await _process(world, invoice).describe()


async def _fall_due(world: World, invoice: Invoice) -> None:
    async with world.database.transaction() as connection:
        await collections.ask(connection, [CollectionRequest(invoice=invoice.id, customer=invoice.customer)], "issued")


@pytest.mark.parametrize("mode", ["timeout_after", "error_500", "not_attempted"])
async def test_what_falls_due_and_is_not_answered_at_once_goes_on_in_its_process(world: World, mode: str) -> None:
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa"))
    await world.sandbox.faults({"operation": "purchase", "mode": mode, "count": 1, "order": invoice.id})

    await _fall_due(world, invoice)
    await world.due_sweep.sweep_page(datetime.now(UTC))

    await _decided(world, invoice)
    assert (await _shown(world, invoice))["state"] == "paid"
    assert await _taken(world, invoice) == {"sandbox": GROSS}


async def test_a_process_leaves_a_payment_to_whoever_is_asking_for_it(world: World) -> None:
    """Killed in the middle, they never come back: the process goes on with the same payment."""
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa"))
    asked = CollectionRequest(invoice=invoice.id, customer=invoice.customer)
    async with world.database.transaction() as connection:
        lease = datetime.now(UTC) + timedelta(seconds=2)
        mine = await collections.claim(connection, asked, NOW, lease)
    assert mine.request is not None

    async with world.database.transaction() as connection:
        theirs = await collections.claim(connection, asked, NOW)
        others = await collections.claim(connection, asked, NOW, lease)
    assert (theirs.request, theirs.wait_until, others.request) == (None, lease, None)
    async with world.database.transaction() as connection:
        await collections.hand_over(connection, mine.request.key)
        theirs = await collections.claim(connection, asked, NOW)
    assert (theirs.request, theirs.wait_until) == (mine.request, None)


@pytest.mark.parametrize("mode", ["timeout_before", "timeout_after", "error_500", "garbled", "not_attempted", "rate_limit"])
async def test_it_is_taken_once_however_the_gateway_answers(world: World, mode: str) -> None:
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa"))
    await world.sandbox.faults({"operation": "purchase", "mode": mode, "count": 2, "order": invoice.id})

    await _collect(world, invoice)

    await _decided(world, invoice)
    assert (await _shown(world, invoice))["state"] == "paid"
    assert await _taken(world, invoice) == {"sandbox": GROSS}


async def test_a_declined_payment_leaves_the_invoice_due_and_is_kept(world: World) -> None:
    invoice = await _issued(world, await _payer(world, sandbox="tok_declined_hard"))

    await _collect(world, invoice)

    [payment] = await _decided(world, invoice)
    assert (payment.state, payment.code) == ("declined", "stolen_card")
    shown = await _shown(world, invoice)
    assert (shown["state"], shown["amount_due"]["minor"]) == ("finalized", GROSS)
    assert [each["code"] for each in shown["collections"]] == ["stolen_card"]


async def test_another_gateway_takes_what_the_first_did_not(world: World) -> None:
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa", backup="tok_visa"))
    fault: dict[str, str | float] = {
        "operation": "purchase",
        "mode": "not_attempted",
        "gateway": "sandbox",
        "order": invoice.id,
    }
    await world.sandbox.faults(fault)

    await _collect(world, invoice)

    found = await _decided(world, invoice)
    assert [(each.number, each.state, each.gateway) for each in found] == [(1, "elsewhere", "sandbox"), (2, "paid", "backup")]
    assert await _taken(world, invoice) == {"backup": GROSS}


async def test_while_a_payment_is_undecided_nothing_is_done_to_the_invoice(world: World) -> None:
    """And when the bank has decided, it is paid: once."""
    invoice = await _issued(world, await _payer(world, sandbox="tok_never_confirmed"))
    await _collect(world, invoice)

    await _open(world, invoice)
    refusals = [
        await world.api.post(f"/v1/invoices/{invoice.id}/void", json={"reason": "wrong"}),
        await world.api.post(f"/v1/invoices/{invoice.id}/uncollectible", json={"reason": "bankrupt"}),
        await world.api.post(f"/v1/invoices/{invoice.id}/credit-notes", json={"reason": "goodwill"}),
        await world.api.post(f"/v1/invoices/{invoice.id}/collect"),
    ]
    assert [answer.status_code for answer in refusals] == [409, 409, 409, 409]
    assert all("is under way" in answer.json()["detail"] for answer in refusals)

    await world.sandbox.settle(f"{invoice.id}:payment:1")

    await _decided(world, invoice)
    assert (await _shown(world, invoice))["state"] == "paid"
    assert await _taken(world, invoice) == {"sandbox": GROSS}


async def test_a_payment_nobody_knows_of_is_asked_about_for_days_and_locks_its_invoice(world: World) -> None:
    """It was taken, and is booked once the gateway says so at last."""
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa"))
    await world.sandbox.faults(
        {"operation": "purchase", "mode": "timeout_after", "order": invoice.id},
        {"operation": "status", "mode": "error_500", "order": invoice.id},
    )
    await _collect(world, invoice)

    async def waits() -> list[float]:
        with contextlib.suppress(RPCError):  # it may not have begun yet
            await world.temporal.fast_forward(_process(world, invoice), timedelta(hours=2))
            events = (await _process(world, invoice).fetch_history()).events
            timers = [each.timer_started_event_attributes for each in events if each.HasField("timer_started_event_attributes")]
            return [timer.start_to_fire_timeout.ToTimedelta().total_seconds() for timer in timers]
        return []

    async def asked_for_days() -> bool:
        return len(await waits()) >= 7

    await world.until(asked_for_days, "it to be asked about for days", patience=60)
    assert (await waits())[:7] == [10, 60, 600, 3600, 21600, 86400, 86400]
    assert (await world.api.post(f"/v1/invoices/{invoice.id}/void", json={"reason": "wrong"})).status_code == 409
    await world.sandbox.faults()

    [payment] = await _decided(world, invoice, step=timedelta(days=1))
    assert (payment.state, (await _shown(world, invoice))["state"]) == ("paid", "paid")
    assert await _taken(world, invoice) == {"sandbox": GROSS}


async def test_asked_for_many_times_at_once_it_is_taken_once(world: World) -> None:
    invoice = await _issued(world, await _payer(world, sandbox="tok_visa"))

    answers = await asyncio.gather(*(world.api.post(f"/v1/invoices/{invoice.id}/collect") for _ in range(20)))

    assert {answer.status_code for answer in answers} <= {202, 409}
    await _decided(world, invoice)
    assert await _taken(world, invoice) == {"sandbox": GROSS}


async def test_where_nothing_can_be_collected_it_says_why(world: World) -> None:
    nothing = await _issued(world, await world.customer(payment_method=None))
    paid = await _issued(world, await _payer(world, sandbox="tok_visa"))
    await _collect(world, paid)
    await _decided(world, paid)

    without = await world.api.post(f"/v1/invoices/{nothing.id}/collect")
    again = await world.api.post(f"/v1/invoices/{paid.id}/collect")

    assert (without.status_code, again.status_code) == (409, 409)
    assert "has nothing on file that can be charged" in without.json()["detail"]
    assert "is paid and due nothing" in again.json()["detail"]
    assert (await world.api.post("/v1/invoices/nowhere/collect")).status_code == 404


async def test_money_for_an_invoice_that_was_paid_meanwhile_becomes_credit(world: World) -> None:
    customer = await _payer(world, sandbox="tok_never_confirmed")
    invoice = await _issued(world, customer)
    await _collect(world, invoice)
    await _open(world, invoice)
    async with world.database.transaction() as connection:
        held = (await invoices.get(connection, invoice.id, lock=True)).invoice
        await invoices.receive_payment(connection, held, invoice.amount_due, NOW.date())
    await world.sandbox.settle(f"{invoice.id}:payment:1")

    await _decided(world, invoice)

    shown = await _shown(world, invoice)
    assert (shown["state"], shown["paid"]["minor"]) == (InvoiceState.paid, GROSS)
    account = await world.succeed(world.api.get("/v1/credits", params={"customer": customer}))
    assert account["balances"] == [{"minor": GROSS, "currency": "EUR"}]


async def test_a_customer_whose_charges_are_stopped_is_not_charged(world: World) -> None:
    customer = await _payer(world, sandbox="tok_visa")
    invoice = await _issued(world, customer)
    async with world.database.transaction() as connection:
        await charge_stops.stop(connection, customer, f"dispute-of-{customer}", "a payment is disputed", NOW)

    refused = await world.api.post(f"/v1/invoices/{invoice.id}/collect")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        f"customer {customer} is not charged now: a payment is disputed",
    )
    async with world.database.transaction() as connection:
        await collections.ask(connection, [CollectionRequest(invoice=invoice.id, customer=customer)], "asked:0", NOW)
    await world.due_sweep.sweep_page(datetime.now(UTC))
    async with world.database.transaction() as connection:
        assert await collections.of_invoice(connection, invoice.id) == []
        assert await due_rows.of_subject(connection, invoice.id) == []
        await charge_stops.lift(connection, f"dispute-of-{customer}", NOW)

    await _collect(world, invoice)
    await _decided(world, invoice)
    assert await _taken(world, invoice) == {"sandbox": GROSS}


@pytest.mark.parametrize(
    ("code", "words"), [("R01", "is presented again not before"), ("R10", "has nothing on file that can be charged")]
)
async def test_a_returned_debit_is_presented_again_only_as_the_networks_allow(world: World, code: str, words: str) -> None:
    """And at any time from another account."""
    customer = await _payer(world, sandbox="tok_visa")
    invoice = await _issued(world, customer)
    await _collect(world, invoice)
    [payment] = await _decided(world, invoice)
    event = GatewayEvent(
        id=f"evt-{invoice.id}",
        kind=GatewayEventKind.payment_returned,
        at=datetime.now(UTC),
        payment=payment.key,
        amount=invoice.gross,
        reason=code,
    )
    async with world.database.transaction() as connection:
        await returned_debits.take_back(connection, Told(gateway="sandbox", event=event), datetime.now(UTC))
    assert (await _shown(world, invoice))["amount_due"]["minor"] == GROSS

    refused = await world.api.post(f"/v1/invoices/{invoice.id}/collect")
    assert refused.status_code == 409
    assert words in refused.json()["detail"]
    async with world.database.transaction() as connection:
        [kept] = await payment_methods.of_customer(connection, customer)
    assert kept.state == ("revoked" if code == "R10" else "active")

    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": "tok_visa"}))
    await _collect(world, invoice)
    found = await _decided(world, invoice, least=2)
    assert [each.state for each in found] == ["paid", "paid"]
    assert (await _shown(world, invoice))["state"] == "paid"


async def test_a_method_that_is_given_while_a_payment_is_undecided_is_tried_after_it(world: World) -> None:
    """The first is declined at last; the new card, given meanwhile, then pays, and only once."""
    customer = await _payer(world, sandbox="tok_never_confirmed")
    invoice = await _issued(world, customer)
    await _collect(world, invoice)
    await _open(world, invoice)

    body = {"customer": customer, "token": "tok_visa", "default": True}
    await world.succeed(world.api.post("/v1/payment-methods", json=body))
    voided = f"/gateway/payments/{invoice.id}:payment:1/void"
    headers = {"Idempotency-Key": f"{invoice.id}:payment:1:void"}
    (await world.sandbox.client.post(voided, headers=headers)).raise_for_status()

    found = await _decided(world, invoice, least=2)
    assert [(each.number, each.state) for each in found] == [(1, "declined"), (2, "paid")]
    assert (await _shown(world, invoice))["state"] == "paid"
    assert await _taken(world, invoice) == {"sandbox": GROSS}
