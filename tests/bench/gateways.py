"""Orders at two gateways that fail in turn: how much slower they are, and what the gateways' own journal says was taken."""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncpg
import httpx

from domain.money import total
from tests.bench.connection import connected
from tests.bench.installation import FINISHED, SAMPLE, Installation
from tests.bench.load import Target, complete
from tests.bench.report import Figure, Section, figure
from tests.bench.wire import post
from workers.sandbox.journal import Summary

GATEWAYS = ("sandbox", "backup")
CUSTOMERS = [f"G-{number}" for number in range(1, 21)]
TURN = 3.0
"""Seconds for which one gateway fails, before the other one does."""
TROUBLE = (("authorize", "not_attempted"), ("capture", "timeout_after"), ("status", "error_500"))
"""The first sends a payment to the other gateway; with the second money is taken and nobody is told, and the third keeps that
from being found out."""

_OWED = "SELECT id, total FROM orders WHERE id = ANY($1)"


@dataclass(frozen=True)
class Size:
    orders: int
    together: int


QUICK = Size(orders=100, together=20)
FULL = Size(orders=600, together=50)


async def measure(installation: Installation, size: Size, say: Callable[[str], None]) -> Section:
    await _prepare(installation)
    target = _target(installation)
    calm = await complete(target, size.orders, size.together)
    async with _failing_in_turn(installation):
        rough = await complete(target, size.orders, size.together)
    say(f"{calm.rate:.1f} orders/s while both gateways are well, {rough.rate:.1f} while one of them always fails")
    async with connected(installation.running.database_url) as connection:
        wrong = await _wrong(installation, connection, calm.ids + rough.ids)
    figures = [
        figure("orders a second, one gateway always failing", rough.rate, "/s", reference=calm.rate, against="both well"),
        *wrong,
    ]
    return Section(
        title=f"{size.orders} orders at two gateways that fail in turn, {TURN:.0f} s each", figures=figures, samples={}
    )


async def _prepare(installation: Installation) -> None:
    """Customers with a card that both gateways know, and a rule that asks one after the other."""
    headers = {"Authorization": f"Bearer {installation.key}"}
    async with httpx.AsyncClient(base_url=installation.running.api_url, headers=headers, trust_env=False, timeout=30) as api:
        rule = {"id": "two-gateways", "when": {"kinds": ["card"]}, "gateways": list(GATEWAYS)}
        (await api.put("/v1/routing-rules/two-gateways", json=rule)).raise_for_status()
        for customer in CUSTOMERS:
            record = {"id": customer, "name": customer, "country": "DE", "verified": True}
            (await api.put(f"/v1/customers/{customer}", json=record)).raise_for_status()
            added = await api.post("/v1/payment-methods", json={"customer": customer, "token": "tok_visa"})
            path = f"/v1/payment-methods/{added.raise_for_status().json()['id']}"
            (await api.post(f"{path}/tokens", json={"gateway": "backup", "token": "tok_visa"})).raise_for_status()
            (await api.post(f"{path}/default", json={})).raise_for_status()


def _target(installation: Installation) -> Target:
    url = f"{installation.running.api_url}/v1/orders"
    requests = [post(url, json.dumps({"customer": customer, **SAMPLE}).encode(), installation.key) for customer in CUSTOMERS]
    turn = itertools.cycle(requests)
    return Target(url, installation.running.database_url, FINISHED, lambda _: next(turn))


@contextlib.asynccontextmanager
async def _failing_in_turn(installation: Installation) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=installation.running.sandbox_url, trust_env=False, timeout=30) as sandbox:

        async def turn_about() -> None:
            for gateway in itertools.cycle(GATEWAYS):
                faults = [
                    {"operation": operation, "mode": mode, "gateway": gateway, "delay_seconds": 0.2}
                    for operation, mode in TROUBLE
                ]
                (await sandbox.put("/faults", json=faults)).raise_for_status()
                await asyncio.sleep(TURN)

        failing = asyncio.create_task(turn_about())
        try:
            yield
        finally:
            failing.cancel()
            await asyncio.gather(failing, return_exceptions=True)
            (await sandbox.delete("/faults")).raise_for_status()


async def _wrong(installation: Installation, connection: "asyncpg.Connection", orders: list[str]) -> list[Figure]:
    """By the journal of both gateways: orders of which more was taken, or less, than they come to."""
    owed = {row["id"]: row["total"] for row in await connection.fetch(_OWED, orders)}
    async with httpx.AsyncClient(base_url=installation.running.sandbox_url, trust_env=False, timeout=120) as sandbox:
        summary = Summary.model_validate_json((await sandbox.get("/journal/summary")).content)
    taken: Counter[str] = Counter()
    for payment in summary.payments:
        order = payment.key.partition(":")[0]
        if order in owed:
            taken[order] += total([payment.captured, -payment.refunded], payment.captured.currency).minor
    return [
        figure("orders charged more than they come to", sum(taken[one] > due for one, due in owed.items()), "", at_most=0),
        figure("orders charged less than they come to", sum(taken[one] < due for one, due in owed.items()), "", at_most=0),
    ]
