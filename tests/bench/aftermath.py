"""What comes after payments: refunds on request, disputes and returned debits, each asked for or told twice and booked once."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx

from domain import keys
from domain.billing.reconciliation.comparison import MovementPage
from tests.bench.connection import connected
from tests.bench.installation import FINISHED, SAMPLE, Installation
from tests.bench.load import Target, complete, percentile
from tests.bench.report import Figure, Section, figure
from tests.bench.wire import post

CUSTOMERS = [f"A-{number}" for number in range(1, 21)]
PATIENCE = 300.0
PART = {"minor": 500, "currency": "EUR"}
_TOOK = {
    "refunds": """
        SELECT extract(epoch FROM settled_at - requested_at) FROM refunds WHERE payment = ANY($1) AND state = 'succeeded'
    """,
    "disputes": """
        SELECT extract(epoch FROM booked.at - opened_at) FROM disputes
          JOIN ledger_transactions booked ON booked.id = payment || ':dispute:' || disputes.id WHERE payment = ANY($1)
    """,
    "returned debits": """
        SELECT extract(epoch FROM decided_at - (body ->> 'at')::timestamptz) FROM representments
          JOIN gateway_inbox ON kind = 'payment_returned' AND body ->> 'payment' = payment WHERE payment = ANY($1)
    """,
}
"""Seconds from when each was asked for, or told, until it was booked."""
_BOOKED = """
    SELECT transaction AS key, sum(amount) AS amount FROM ledger_entries
     WHERE account = 'cash:sandbox' AND split_part(transaction, ':', 1) = ANY($1) GROUP BY 1
"""


@dataclass(frozen=True)
class Size:
    """`each` of refunds, disputes and returned debits, so many of them on their way at a time."""

    each: int
    together: int


QUICK = Size(each=50, together=20)
FULL = Size(each=300, together=50)

Ask = Callable[[str], Awaitable[None]]


async def measure(installation: Installation, size: Size, say: Callable[[str], None]) -> Section:
    since = datetime.now(UTC) - timedelta(minutes=1)
    headers = {"Authorization": f"Bearer {installation.key}"}
    async with (
        httpx.AsyncClient(base_url=installation.running.api_url, headers=headers, trust_env=False, timeout=60) as api,
        httpx.AsyncClient(base_url=installation.running.sandbox_url, trust_env=False, timeout=60) as sandbox,
        connected(installation.running.database_url) as connection,
    ):
        orders = await _paid(installation, api, size)
        payments = [keys.payment(order, 1) for order in orders]
        asks = {"refunds": _refund(api), "disputes": _dispute(sandbox), "returned debits": _return(sandbox)}
        figures: list[Figure] = []
        samples: dict[str, list[float]] = {}
        for number, (what, ask) in enumerate(asks.items()):
            mine = payments[number * size.each : (number + 1) * size.each]
            rate, samples[what] = await _booked(connection, what, mine, ask, size.together)
            say(f"{rate:.1f} {what}/s, {percentile(samples[what], 0.5) * 1000:.0f} ms at the median")
            figures.append(figure(f"{what} a second, {size.together} at once", rate, "/s"))
            figures.append(figure(f"from asked or told to booked, {what}, p50", percentile(samples[what], 0.5) * 1000, "ms"))
        apart = await _apart(connection, sandbox, orders, since)
    figures.append(figure("movements that gateway and ledger have otherwise", apart, "", at_most=0))
    title = f"{size.each} each of refunds, disputes and returned debits, each asked for or told twice"
    return Section(title=title, figures=figures, samples=samples)


async def _paid(installation: Installation, api: httpx.AsyncClient, size: Size) -> list[str]:
    """Completed orders, one for each of what comes after."""
    for customer in CUSTOMERS:
        record = {"id": customer, "name": customer, "country": "DE", "verified": True, "payment_method": "tok_visa"}
        (await api.put(f"/v1/customers/{customer}", json=record)).raise_for_status()
    url = f"{installation.running.api_url}/v1/orders"
    turn = itertools.cycle(
        [post(url, json.dumps({"customer": customer, **SAMPLE}).encode(), installation.key) for customer in CUSTOMERS]
    )
    target = Target(url, installation.running.database_url, FINISHED, lambda _: next(turn))
    return sorted((await complete(target, 3 * size.each, size.together)).ids, key=keys.order_number)


def _refund(api: httpx.AsyncClient) -> Ask:
    async def ask(payment: str) -> None:
        body = {"payment": payment, "amount": PART, "reason": "bench", "access": "keep"}
        headers = {"Idempotency-Key": f"refund {payment}"}
        for answer in [await api.post("/v1/refunds", json=body, headers=headers) for _ in range(2)]:
            answer.raise_for_status()

    return ask


def _dispute(sandbox: httpx.AsyncClient) -> Ask:
    async def tell(payment: str) -> None:
        (await sandbox.post(f"/gateway/payments/{payment}/dispute", json={"amount": PART, "copies": 2})).raise_for_status()

    return tell


def _return(sandbox: httpx.AsyncClient) -> Ask:
    async def tell(payment: str) -> None:
        (await sandbox.post(f"/gateway/payments/{payment}/return", json={"reason": "MD06", "copies": 2})).raise_for_status()

    return tell


async def _booked(
    connection: "asyncpg.Connection", what: str, payments: Sequence[str], ask: Ask, together: int
) -> tuple[float, list[float]]:
    """How many a second, and how many seconds each took."""
    gate = asyncio.Semaphore(together)

    async def through(payment: str) -> None:
        async with gate:
            await ask(payment)

    began = time.perf_counter()
    await asyncio.gather(*map(through, payments))
    async with asyncio.timeout(PATIENCE):
        while len(rows := await connection.fetch(_TOOK[what], list(payments))) < len(payments):  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.1)
    return len(payments) / (time.perf_counter() - began), [float(row[0]) for row in rows]


async def _apart(connection: "asyncpg.Connection", sandbox: httpx.AsyncClient, orders: Sequence[str], since: datetime) -> int:
    """Movements of these orders, by the gateway's report and the ledger, that one of them has not, or over another amount."""
    moved: Counter[str] = Counter()
    query = {"since": since.isoformat(), "until": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    cursor: str | None = "0"
    while cursor is not None:
        answer = await sandbox.get("/gateway/report", params={**query, "cursor": cursor})
        page = MovementPage.model_validate_json(answer.raise_for_status().content)
        for one in page.movements:
            moved[one.key] += one.amount.minor
        cursor = page.next
    mine = {key: amount for key, amount in moved.items() if key.partition(":")[0] in set(orders)}
    booked = {row["key"]: int(row["amount"]) for row in await connection.fetch(_BOOKED, list(orders))}
    return sum(mine.get(key) != booked.get(key) for key in mine.keys() | booked.keys())
