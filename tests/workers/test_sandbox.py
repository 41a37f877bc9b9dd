"""The sandbox: it keeps the truth, calls back as a partner does, and misbehaves exactly as told."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from domain.cards import passes_luhn
from domain.money import Money
from domain.provisioning import CallbackStatus, PartnerCallback
from tests.sandbox_server import (
    NOBODY,
    SECRET,
    CallbackReceiver,
    RunningSandbox,
    callback_receiver,
    running_sandbox,
)
from workers.sandbox.config import SandboxConfig

KEY = "O-1001:payment:1"
REFERENCE = "O-1001:2"


@pytest_asyncio.fixture(scope="module")
async def shared_receiver() -> AsyncIterator[CallbackReceiver]:
    async with callback_receiver() as running:
        yield running


@pytest.fixture
def receiver(shared_receiver: CallbackReceiver) -> CallbackReceiver:
    shared_receiver.forget()
    return shared_receiver


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path, receiver: CallbackReceiver) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path, callback_url=receiver.url) as running:
        yield running


def files_of(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def pay(client: httpx.AsyncClient, key: str = KEY, changes: dict[str, object] | None = None) -> httpx.Response:
    body = {"key": key, "amount": {"minor": 5000, "currency": "EUR"}, "method": "tok_visa", "mode": "purchase"}
    return await client.post("/gateway/payments", json=body | (changes or {}), headers={"Idempotency-Key": key})


async def order_service(sandbox: RunningSandbox, wish: str = "") -> httpx.Response:
    body = {
        "reference": REFERENCE,
        "customer": "C-1",
        "product": "fibre",
        "plan": "fibre-1000",
        "quantity": 1,
        "characteristics": {"sandbox": wish},
    }
    path = "/partners/fibreworks/services"
    return await sandbox.client.post(path, json=body, headers={"Idempotency-Key": f"{REFERENCE}:create"})


async def terminate(sandbox: RunningSandbox, reference: str = REFERENCE) -> httpx.Response:
    path = f"/partners/fibreworks/services/{reference}/terminate"
    return await sandbox.client.post(path, headers={"Idempotency-Key": f"{reference}:terminate"})


async def state(sandbox: RunningSandbox, reference: str = REFERENCE) -> str:
    return str((await sandbox.client.get(f"/partners/fibreworks/services/{reference}")).json()["state"])


def read(received: tuple[dict[str, str], bytes]) -> PartnerCallback:
    """The callback, if its signature is right."""
    headers, body = received
    return PartnerCallback.model_validate(Webhook(SECRET).verify(body, headers))


@asynccontextmanager
async def sandbox_process(data: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The sandbox as its own process; yields it with its root URL."""
    command = ["-m", "workers.sandbox", "--callback-url", NOBODY, "--data", str(data)]
    environment = os.environ | {"TURNUP_SANDBOX_SECRETS": json.dumps({"fibreworks": SECRET})}
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        ready = await asyncio.wait_for(process.stdout.readline(), 30)
        yield process, ready.decode().split()[-1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_another_card_behaves_the_same_and_is_not_the_same(sandbox: RunningSandbox) -> None:
    asked = [{"token": token} for token in ("tok_declined_soft", "tok_declined_soft-2")]
    one, other = [(await sandbox.client.post("/gateway/tokens/describe", json=each)).json() for each in asked]

    declined = await pay(sandbox.client, changes={"method": "tok_declined_soft-2"})

    assert declined.json()["outcome"] == "declined_soft"
    assert one["fingerprint"] != other["fingerprint"]
    assert {**one, "fingerprint": ""} == {**other, "fingerprint": ""}


async def test_journal_tells_each_fact_in_order(sandbox: RunningSandbox) -> None:
    await pay(sandbox.client)
    authorized, captured = await sandbox.journal()
    assert (authorized.kind, captured.kind) == ("authorized", "captured")
    assert (captured.key, captured.amount) == (KEY, Money(minor=5000, currency="EUR"))
    assert await sandbox.journal(since=authorized.seq) == [captured]


async def test_journal_of_an_order_is_that_order_alone(sandbox: RunningSandbox) -> None:
    for order in ("O-1", "O-10", "O-2"):
        await pay(sandbox.client, key=f"{order}:payment:1")
    assert {fact.key for fact in await sandbox.journal("O-1")} == {"O-1:payment:1"}
    assert [payment.key for payment in (await sandbox.summary("O-1")).payments] == ["O-1:payment:1"]


async def test_summary_adds_up_what_was_moved(sandbox: RunningSandbox) -> None:
    await pay(sandbox.client)
    refund = {"refund_key": f"{KEY}:refund:1", "amount": {"minor": 2000, "currency": "EUR"}}
    headers = {"Idempotency-Key": f"{KEY}:refund:1"}
    await sandbox.client.post(f"/gateway/payments/{KEY}/refunds", json=refund, headers=headers)
    payment = (await sandbox.summary()).payments[0]
    sums = (payment.authorized.minor, payment.captured.minor, payment.refunded.minor, payment.voided.minor)
    assert sums == (5000, 5000, 2000, 0)


async def test_finished_partner_calls_back_signed_and_in_sequence(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    assert (await order_service(sandbox)).status_code == 202
    accepted, completed = read(await receiver.next()), read(await receiver.next())
    assert (accepted.status, completed.status) == (CallbackStatus.accepted, CallbackStatus.completed)
    assert (accepted.sequence, completed.sequence) == (1, 2)
    assert completed.reference == REFERENCE
    assert completed.remote_id == (await sandbox.summary()).services[0].remote_id


async def test_held_work_ends_only_when_told(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    await sandbox.configure("fibreworks", hold=True)
    await order_service(sandbox)
    assert read(await receiver.next()).status is CallbackStatus.accepted
    assert await state(sandbox) == "working"
    await sandbox.finish("fibreworks", REFERENCE, "failed")
    assert read(await receiver.next()).status is CallbackStatus.failed
    assert await state(sandbox) == "failed"


async def test_work_goes_on_when_the_hold_ends(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    await sandbox.configure("fibreworks", hold=True)
    await order_service(sandbox)
    await receiver.next()
    await sandbox.configure("fibreworks", hold=False)
    assert read(await receiver.next()).status is CallbackStatus.completed


async def test_customer_may_wish_for_failing_work(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    await order_service(sandbox, wish="fail")
    await receiver.next()
    assert read(await receiver.next()).status is CallbackStatus.failed


async def test_callback_is_repeated_until_it_is_taken(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    receiver.answers = [503, 503]
    await sandbox.configure("fibreworks", hold=True)
    await order_service(sandbox)
    tries = [await receiver.next() for _ in range(3)]
    assert len({headers["webhook-id"] for headers, _ in tries}) == 1
    assert len({body for _, body in tries}) == 1


@pytest.mark.parametrize(("mode", "tries"), [("timeout_after", 2), ("garbled", 2), ("timeout_before", 1), ("slow", 1)])
async def test_what_a_gateway_does_not_know_to_be_taken_it_tells_again(
    sandbox: RunningSandbox, receiver: CallbackReceiver, mode: str, tries: int
) -> None:
    await pay(sandbox.client)
    await sandbox.of("O-1001").fault("webhook", mode, count=1, delay_seconds=0)
    receiver.answers = [400] if mode == "garbled" else []
    (await sandbox.client.post(f"/gateway/payments/{KEY}/return", json={"reason": "AM04"})).raise_for_status()
    told = [await receiver.next() for _ in range(tries)]
    assert len({headers["webhook-id"] for headers, _ in told}) == 1
    assert [json.loads(body)["kind"] for _, body in told[-1:]] == ["payment_returned"]
    assert (told[0][1] == told[-1][1]) is (mode != "garbled")
    assert [state["struck"] for state in (await sandbox.client.get("/faults")).json()] == [1]


async def test_a_dispute_of_one_name_and_a_return_move_money_once_however_often_they_are_told(
    sandbox: RunningSandbox,
) -> None:
    await pay(sandbox.client)
    body = {"name": "dp_1", "amount": {"minor": 2000, "currency": "EUR"}, "fee": {"minor": 1500, "currency": "EUR"}}
    for _ in range(2):
        (await sandbox.client.post(f"/gateway/payments/{KEY}/dispute", json=body)).raise_for_status()
        (await sandbox.client.post("/gateway/disputes/dp_1/verdict/win", json={})).raise_for_status()
        (await sandbox.client.post(f"/gateway/payments/{KEY}/return", json={"reason": "AM04"})).raise_for_status()
    moved = [fact.amount.minor for fact in await sandbox.journal() if fact.kind == "moved" and fact.amount]
    assert sorted(moved) == [-5000, -2000, -1500, 1500, 2000]


async def test_callback_nobody_takes_is_given_up(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    receiver.answers = [503, 503, 503]
    await sandbox.configure("fibreworks", hold=True)
    await order_service(sandbox)
    for _ in range(3):
        await receiver.next()
    assert await sandbox.deliver_callbacks("fibreworks") == 0
    assert await sandbox.kinds() == ["service_created", *["callback_failed"] * 3]


async def test_terminated_service_is_called_back_about_no_more(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    await sandbox.configure("fibreworks", hold=True)
    await order_service(sandbox)
    await receiver.next()
    await terminate(sandbox)
    await sandbox.configure("fibreworks", hold=False)
    assert await sandbox.deliver_callbacks("fibreworks") == 0
    assert receiver.unread == 0
    assert await state(sandbox) == "terminated"


async def test_duplicate_callbacks_come_twice(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    await sandbox.fault("callback", "duplicate_callback", count=1)
    await order_service(sandbox)
    callbacks = [read(await receiver.next()) for _ in range(4)]
    assert [callback.sequence for callback in callbacks] == [1, 1, 2, 2]


async def test_early_callback_comes_before_create_is_answered(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    await sandbox.configure("fibreworks", hold=True)
    await sandbox.fault("callback", "early_callback", count=1)
    response = await order_service(sandbox)
    assert response.json()["state"] == "working"
    assert receiver.unread == 2
    assert [read(await receiver.next()).status for _ in range(2)] == [CallbackStatus.accepted, CallbackStatus.completed]


async def test_late_callback_comes_long_after_the_work(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    await sandbox.configure("fibreworks", hold=True)
    await sandbox.fault("callback", "late_callback", count=1, delay_seconds=3600)
    await order_service(sandbox)
    await receiver.next()
    await sandbox.finish("fibreworks", REFERENCE)
    assert await state(sandbox) == "inactive"
    assert receiver.unread == 0
    assert await sandbox.deliver_callbacks("fibreworks") == 0
    assert read(await receiver.next()).status is CallbackStatus.completed


async def test_silent_partner_works_and_says_nothing(sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
    await sandbox.configure("fibreworks", hold=True)
    await sandbox.fault("callback", "no_callback", count=1)
    await order_service(sandbox)
    await sandbox.finish("fibreworks", REFERENCE)
    assert await sandbox.deliver_callbacks("fibreworks") == 0
    assert receiver.unread == 0
    assert await sandbox.kinds() == ["service_created", "service_ready"]


async def test_bad_signature_comes_first_and_the_right_one_after_it_was_refused(
    sandbox: RunningSandbox, receiver: CallbackReceiver
) -> None:
    receiver.answers = [401]
    await sandbox.configure("fibreworks", hold=True)
    await sandbox.fault("callback", "bad_signature", count=1)
    await order_service(sandbox)
    forged = await receiver.next()
    with pytest.raises(WebhookVerificationError):
        read(forged)
    assert read(await receiver.next()).status is CallbackStatus.accepted


async def test_fault_strikes_as_often_as_counted(sandbox: RunningSandbox) -> None:
    await sandbox.fault("purchase", "error_500", count=2)
    statuses = [(await pay(sandbox.client)).status_code for _ in range(3)]
    assert statuses == [500, 500, 201]
    faults = (await sandbox.client.get("/faults")).json()
    assert [(fault["struck"], fault["left"]) for fault in faults] == [(2, 0)]


async def test_seeded_probability_strikes_the_same_calls_again(sandbox: RunningSandbox) -> None:
    async def run(name: str) -> list[int]:
        await sandbox.fault("purchase", "error_500", probability=0.5, seed=7)
        keys = [f"{name}:payment:{number}" for number in range(20)]
        return [(await pay(sandbox.client, key=key)).status_code for key in keys]

    first = await run("O-1")
    assert set(first) == {500, 201}
    assert await run("O-2") == first


async def test_fault_for_one_order_leaves_the_others_alone(sandbox: RunningSandbox) -> None:
    await sandbox.fault("*", "error_500", order="O-1")
    assert (await pay(sandbox.client, key="O-10:payment:1")).status_code == 201
    assert (await pay(sandbox.client, key="O-1:payment:1")).status_code == 500


async def test_fault_for_one_partner_leaves_the_others_alone(sandbox: RunningSandbox) -> None:
    await sandbox.fault("*", "error_500", partner="mailhub")
    assert (await order_service(sandbox)).status_code == 202
    assert (await sandbox.client.get("/partners/mailhub/services/O-1:1")).status_code == 500


async def test_cleared_faults_strike_no_more(sandbox: RunningSandbox) -> None:
    await sandbox.fault("*", "error_500")
    await sandbox.client.delete("/faults")
    assert (await pay(sandbox.client)).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"operation": "authorise", "mode": "slow"}, "operation"),
        ({"operation": "authorize", "mode": "sloow"}, "mode"),
        ({"operation": "authorize", "mode": "no_callback"}, "mode"),
        ({"operation": "status", "mode": "decline_soft"}, "mode"),
        ([{"operation": "void", "mode": "slow"}, {"operation": "void", "mode": "slow", "count": 0}], "[1].count"),
        ({"operation": "void", "mode": "slow", "count": 1, "probability": 0.5}, "probability"),
        ({"operation": "void", "mode": "slow", "times": 1}, "times"),
        ({"operation": "void"}, "mode"),
        ("slow", "body"),
    ],
)
async def test_bad_fault_is_refused_by_the_name_of_its_field(sandbox: RunningSandbox, body: object, field: str) -> None:
    await sandbox.fault("void", "slow")
    response = await sandbox.client.put("/faults", json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].startswith(f"{field}: ")
    assert len((await sandbox.client.get("/faults")).json()) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": {"minor": 0, "currency": "EUR"}}, "amount"),
        ({"amount": {"minor": 10.5, "currency": "EUR"}}, "amount.minor"),
        ({"amount": {"minor": 100, "currency": "EUX"}}, "amount.currency"),
        ({"mode": "take"}, "mode"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_bad_payment_is_refused_by_the_name_of_its_field(
    sandbox: RunningSandbox, changes: dict[str, object], field: str
) -> None:
    response = await pay(sandbox.client, changes=changes)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert response.json()["detail"].startswith(f"{field}: ")


async def test_call_without_an_idempotency_key_is_refused(sandbox: RunningSandbox) -> None:
    response = await sandbox.client.post(f"/gateway/payments/{KEY}/void")
    assert response.status_code == 422
    assert response.json()["detail"].startswith("idempotency-key: ")


async def test_second_refund_under_another_header_is_refused(sandbox: RunningSandbox) -> None:
    await pay(sandbox.client)
    refund = {"refund_key": f"{KEY}:refund:1", "amount": {"minor": 100, "currency": "EUR"}}
    headers = {"Idempotency-Key": "something else"}
    response = await sandbox.client.post(f"/gateway/payments/{KEY}/refunds", json=refund, headers=headers)
    assert response.status_code == 422
    assert await sandbox.kinds() == ["authorized", "captured"]


@pytest.mark.parametrize("number", ["4242424242424242", "4242-4242-4242-4242", "card 378282246310005 please"])
@pytest.mark.parametrize("field", ["method", "description"])
async def test_card_number_is_neither_kept_nor_repeated(
    sandbox: RunningSandbox, tmp_path: Path, field: str, number: str
) -> None:
    response = await pay(sandbox.client, changes={field: number})
    assert (response.status_code, response.json()["code"]) == (422, "card_number")
    assert number not in response.text
    assert number.encode() not in b"".join(file.read_bytes() for file in files_of(tmp_path))


async def test_long_order_number_is_no_card_number(sandbox: RunningSandbox) -> None:
    assert passes_luhn("4242424242424242")
    assert (await pay(sandbox.client, key="O-4242424242424242:payment:1")).status_code == 201


async def test_slow_reply_comes_late_for_what_happened_at_once(sandbox: RunningSandbox) -> None:
    await sandbox.fault("purchase", "slow", delay_seconds=60)
    async with asyncio.TaskGroup() as group:
        paying = group.create_task(pay(sandbox.client))
        while not await sandbox.journal():
            assert not paying.done()
        paying.cancel()
    assert await sandbox.kinds() == ["authorized", "captured"]


async def test_killed_sandbox_remembers_all_it_answered(tmp_path: Path) -> None:
    data = tmp_path / "sandbox.sqlite"
    async with sandbox_process(data) as (process, url), httpx.AsyncClient(base_url=url, trust_env=False) as client:
        answers = [(await pay(client, key=f"O-{number}:payment:1")).json() for number in range(20)]
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with sandbox_process(data) as (_, url), httpx.AsyncClient(base_url=url, trust_env=False) as client:
        assert [(await pay(client, key=f"O-{number}:payment:1")).json() for number in range(20)] == answers
        assert len((await client.get("/journal")).json()) == 40


async def test_restarted_sandbox_finishes_work_and_calls_back(tmp_path: Path, receiver: CallbackReceiver) -> None:
    async with running_sandbox(tmp_path, delay_seconds=3600) as sandbox:
        await order_service(sandbox)
        await sandbox.configure("fibreworks", hold=True)
    async with running_sandbox(tmp_path, callback_url=receiver.url) as sandbox:
        assert await state(sandbox) == "working"
        await sandbox.finish("fibreworks", REFERENCE)
        assert read(await receiver.next()).status is CallbackStatus.completed


def test_partner_that_calls_back_needs_a_secret(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="no webhook secret for fibreworks"):
        SandboxConfig(data=tmp_path / "sandbox.sqlite", callback_url=NOBODY)


async def test_health_is_ok(sandbox: RunningSandbox) -> None:
    assert (await sandbox.client.get("/healthz")).json() == {"status": "ok"}
