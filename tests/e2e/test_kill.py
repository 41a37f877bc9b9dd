"""Break any part of it without losing an order or charging twice: one real installation, its processes killed and frozen."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest
import pytest_asyncio

from activities.runtime.settings import load_settings
from activities.runtime.temporal import connect
from tests.e2e.installation import LINE, SEATS, Installation, Json, running_installation, until
from tests.workers.conftest import StackProcess, reachable_folder
from workers.embedded.process import Mark

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERYTHING = ("worker", "api", "sandbox", "temporal", "postgres", "supervisor")
"""The supervisor last: it should see the others die by the same hand."""

SHORT = 2
"""Seconds that the partner's answer is waited for in the plan whose worker is frozen."""


@pytest_asyncio.fixture(scope="module")
async def installed() -> AsyncIterator[Installation]:
    """`turnup start`, in processes of its own, with the samples loaded."""
    with reachable_folder() as folder:
        stack = StackProcess(folder / "turnup", module=("-m", "workers.cli.main", "start"))
        async with running_installation(stack) as installation:
            yield installation


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("worker", "acknowledged"),
        ("worker", "authorized"),
        ("worker", "captured"),
        ("api", "acknowledged"),
        ("sandbox", "authorized"),
        ("temporal", "acknowledged"),
        ("temporal", "captured"),
        ("postgres", "acknowledged"),
        ("postgres", "captured"),
    ],
)
async def test_a_killed_process_is_started_again_and_every_order_goes_on(
    installed: Installation, name: str, moment: str
) -> None:
    """Killed as soon as orders are acknowledged, or when the gateway has held or taken the money of one."""
    batch = await installed.batch(f"{name}-{moment}")
    if moment != "acknowledged":
        await until(lambda: installed.happened(batch.others[-1], moment), f"money is {moment}")
    before = installed.mark(name)

    installed.stack.kill(name)

    await installed.back(name, before)
    await installed.finish(batch)


async def test_everything_killed_at_once_goes_on_after_the_next_start(installed: Installation) -> None:
    batch = await installed.batch("everything")

    installed.stack.kill(*EVERYTHING)
    await installed.start()

    await installed.finish(batch)


async def test_asked_to_stop_it_ends_in_good_order_and_goes_on_after_the_next_start(installed: Installation) -> None:
    batch = await installed.batch("stopped")

    code = await asyncio.to_thread(installed.stack.stop)

    assert code == 0
    await installed.start()
    await installed.finish(batch)


async def test_orders_are_acknowledged_while_temporal_is_down(installed: Installation) -> None:
    with installed.down("temporal"):
        orders = [await installed.place(f"without-temporal-{number}", SEATS) for number in range(3)]
        again = await installed.place("without-temporal-0", SEATS)

    assert again == orders[0]
    assert len(set(orders)) == 3
    await installed.verify(orders)


async def test_orders_are_acknowledged_while_no_worker_runs(installed: Installation) -> None:
    with installed.down("worker"):
        orders = [await installed.place(f"without-worker-{number}", SEATS) for number in range(3)]
        again = await installed.place("without-worker-0", SEATS)

    assert again == orders[0]
    assert len(set(orders)) == 3
    await installed.verify(orders)


async def test_a_worker_asked_to_stop_while_postgresql_is_down_leaves_by_itself(installed: Installation) -> None:
    """What an order writes, as that it was sent an approval it cannot read, is tried again for ever: by whoever works next."""
    batch = await installed.batch("left")
    worker, known = installed.mark("worker"), _failed_writes(installed)
    client = await connect(load_settings(temporal_address=installed.running.temporal_address))

    with installed.down("postgres"):
        await client.get_workflow_handle(f"order-{batch.large}").signal("approval", {})
        await until(partial(_fails_again, installed, known), "what the order writes fails")
        os.kill(worker.pid, signal.SIGTERM)
        await until(lambda: _has_left(worker), "the worker has left")

    await installed.finish(batch)
    assert "worker ended with code 0" in installed.stack.output


async def test_a_callback_that_comes_while_temporal_is_down_is_delivered_later(installed: Installation) -> None:
    """Before the partner would be asked, 30 s after it was ordered."""
    order = await installed.place("callback-without-temporal", LINE)
    await installed.waits(order, "fibreworks")

    with installed.down("temporal"):
        await until(lambda: _told(installed, order), "the partner's last callback is taken")

    await installed.reaches(order, lambda it: _state(it, "built") == "done", "hears of it", patience=20)
    await installed.verify([order])


async def test_a_worker_frozen_in_the_middle_of_a_call_does_nothing_twice(installed: Installation) -> None:
    """Temporal gives the call up and makes it again; both answers then come at once."""
    order = await _draft_with_short_timeout(installed)
    slow = {"operation": "create", "mode": "slow", "count": 1, "delay_seconds": 1, "order": order}
    (await installed.sandbox.put("/faults", json=slow)).raise_for_status()
    (await installed.api.post(f"/v1/orders/{order}/submit")).raise_for_status()
    await until(lambda: installed.happened(order, "service_created"), "the partner has created the account")

    os.kill(installed.mark("worker").pid, signal.SIGSTOP)
    try:
        await until(lambda: _tried(installed, order, 2), "the call is given up and made again")
    finally:
        os.kill(installed.mark("worker").pid, signal.SIGCONT)

    await installed.verify([order])


async def test_over_all_of_it_no_order_was_lost_or_made_twice(installed: Installation) -> None:
    found: list[str] = []
    query: dict[str, str] | None = {"limit": "100"}
    while query is not None:
        page = (await installed.api.get("/v1/orders", params=query)).raise_for_status().json()
        found += [order["id"] for order in page["items"]]
        query = {"limit": "100", "cursor": page["next_cursor"]} if page.get("next_cursor") else None

    assert sorted(found) == sorted(installed.placed)
    await installed.verify(installed.placed)
    payments = (await installed.sandbox.get("/journal/summary")).raise_for_status().json()["payments"]
    assert len(payments) == len(installed.placed)


def _failed_writes(installed: Installation) -> int:
    log = (installed.stack.data_dir / "logs" / "worker.log").read_text(encoding="utf-8")
    return sum("Completing activity as failed" in line and "'activity_type': 'record'" in line for line in log.splitlines())


async def _fails_again(installed: Installation, known: int) -> bool:
    return _failed_writes(installed) > known


async def _has_left(process: Mark) -> bool:
    return process.process() is None


async def _told(installed: Installation, order: str) -> bool:
    return "completed" in [fact["detail"] for fact in await installed.happened(order, "callback_sent")]


async def _tried(installed: Installation, order: str, times: int) -> bool:
    return await installed.attempts(order) >= times


def _state(order: Json, step: str) -> str:
    return next(str(each["state"]) for each in order["steps"] if each["step"] == step)


async def _draft_with_short_timeout(installed: Installation) -> str:
    step = {"id": "build", "name": "Build", "adapter": "mailhub", "verb": "create", "undo": "terminate", "timeout": SHORT}
    opened = {"id": "open", "name": "Open", "adapter": "mailhub", "verb": "activate", "needs": ["build"], "undo": "terminate"}
    await installed.record("products", {"id": "quick", "name": "Quick"})
    await installed.record("plans", {"id": "quick", "product": "quick", "name": "Quick", "steps": [step, opened]})
    charge = {"kind": "one_time", "name": "Fee", "unit_amount": "10.00", "per": "unit"}
    await installed.record("prices", {"id": "quick-eur", "plan": "quick", "currency": "EUR", "charges": [charge]})
    return await installed.place("frozen", {"product": "quick", "plan": "quick", "quantity": 1}, submit=False)


async def test_a_subscription_renews_once_a_month_whatever_is_killed_on_the_way(installed: Installation) -> None:
    """A test clock is advanced by half a year, while worker, sandbox, Temporal and PostgreSQL die one after the other."""
    await installed.record("test-clocks", {"id": "kill", "now": "2026-01-31T09:00:00Z"})
    await installed.record("customers", {"id": "C-KILL", "name": "K", "country": "DE", "payment_method": "tok_visa"})
    await installed.record("test-clocks/kill/customers", {"customer": "C-KILL"})
    order = {"customer": "C-KILL", "currency": "EUR", "items": [{"id": "1", **SEATS}]}
    await installed.record("orders", order)
    await until(lambda: _subscribed(installed, "C-KILL"), "the subscription is taken over")

    advance = asyncio.create_task(_advanced(installed, "kill", "2026-07-31T12:00:00Z"))
    for number, name in enumerate(("worker", "sandbox", "temporal", "postgres"), start=1):
        await until(partial(_renewed, installed, "kill", number), f"month {number} is renewed")
        before = installed.mark(name)
        installed.stack.kill(name)
        await installed.back(name, before)
    await advance

    invoices = (await installed.api.get("/v1/invoices", params={"customer": "C-KILL"})).raise_for_status().json()["items"]
    assert sorted((each["issue_date"][:7], each["state"]) for each in invoices) == [
        (f"2026-{month:02}", "paid") for month in range(1, 8)
    ]
    summary = (await installed.sandbox.get("/journal/summary")).raise_for_status().json()
    renewals = [one for one in summary["payments"] if one["key"].startswith("S-") and one["captured"]["minor"]]
    assert [one["captured"]["minor"] for one in renewals] == [1900] * 6


async def _subscribed(installed: Installation, customer: str) -> bool:
    answer = await installed.api.get("/v1/subscriptions", params={"customer": customer})
    return bool(answer.raise_for_status().json()["items"])


async def _renewed(installed: Installation, clock: str, times: int) -> bool:
    """Asked of a system parts of which are down."""
    try:
        answer = await installed.api.get(f"/v1/test-clocks/{clock}/events", params={"limit": 200})
    except httpx.TransportError:
        return False
    items: list[Json] = answer.json()["items"] if answer.is_success else []
    return len([event for event in items if event["type"] == "subscription.renewed"]) >= times


async def _advanced(installed: Installation, clock: str, to: str) -> None:
    """Asked for until the clock shows it."""

    async def there() -> bool:
        try:
            answer = await installed.api.post(f"/v1/test-clocks/{clock}/advance", json={"to": to}, timeout=60)
        except httpx.TransportError:
            return False
        last = json.loads(answer.text.splitlines()[-1]) if answer.is_success else {}
        return str(last.get("now", "")).startswith(to[:16])

    await until(there, f"the clock shows {to}", patience=120)
