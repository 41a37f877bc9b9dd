"""Stripe's webhooks at the route: its signature over the raw body, once each, in any order, and what Temporal is told of it."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import select

from activities.adapters.gateway.settings import GatewaySettings
from activities.runtime.settings import Settings
from activities.runtime.temporal import connect
from activities.store import attempts
from activities.store.database import Database
from activities.store.tables.orders import dispatches
from api.app import create_app
from domain.money import Money
from domain.payments import Outcome, PaymentRequest, PaymentResult
from domain.routing import Decision
from tests.api.conftest import StandIn
from tests.sandbox_server import serving

SECRET = "whsec_stripe_test"
Facts = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stripe(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """An API whose gateway `stripe` is Stripe."""
    kept = GatewaySettings(kind="stripe", api_key=SecretStr("sk_test_1"), webhook_secret=SecretStr(SECRET))
    changed = settings.model_copy(update={"gateways": {"stripe": kept}, "gateway": "stripe"})
    app = create_app(changed, database=database, client=await connect(changed, lazy=True), processes=StandIn())
    async with serving(app) as url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        yield client


def message(kind: str, subject: Facts, created: int = 1_790_000_000) -> tuple[str, bytes]:
    """Its id and the raw body, as Stripe words it."""
    name = f"evt_{secrets.token_hex(8)}"
    event = {"id": name, "object": "event", "type": kind, "created": created, "data": {"object": subject}}
    return name, json.dumps(event, indent=2).encode()


async def tell(client: httpx.AsyncClient, body: bytes, *, age: int = 0, signed: bytes | None = None) -> httpx.Response:
    """Signed by Stripe's description: HMAC-SHA256 of `<time>.<body>` (https://docs.stripe.com/webhooks#verify-manually)."""
    at = int(time.time()) - age
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + (signed or body), hashlib.sha256).hexdigest()
    headers = {"stripe-signature": f"t={at},v1={digest}", "content-type": "application/json"}
    return await client.post("/v1/webhooks/stripe", content=body, headers=headers)


async def told(database: Database, name: str) -> list[Facts]:
    """What Temporal is told of a message."""
    query = select(dispatches.c.payload).where(dispatches.c.key == f"gateway:stripe:{name}")
    async with database.transaction() as connection:
        return [row["event"] for row in (await connection.execute(query)).scalars()]


def debit(status: str, key: str) -> Facts:
    return {"id": "pi_1", "object": "payment_intent", "status": status, "metadata": {"turnup_key": key}}


async def test_a_debit_under_way_that_succeeds_is_told_once_also_out_of_order(
    stripe: httpx.AsyncClient, database: Database
) -> None:
    key = f"O-{secrets.randbelow(10**6)}:payment:1"
    later, succeeded = message("payment_intent.succeeded", debit("succeeded", key), 1_790_000_100)
    before, processing = message("payment_intent.processing", debit("processing", key))
    answers = [await tell(stripe, body) for body in (succeeded, processing, succeeded)]
    assert [(each.status_code, each.json()["status"]) for each in answers] == [
        (202, "new"),
        (202, "new"),
        (200, "duplicate"),
    ]
    for name in (later, before):
        assert [(event["kind"], event["payment"]) for event in await told(database, name)] == [("payment_changed", key)]


@pytest.mark.parametrize("changes", [{"age": 301}, {"signed": b"{}"}, {"signed": None, "age": 10**9}])
async def test_what_was_altered_or_signed_long_ago_is_refused(
    stripe: httpx.AsyncClient, database: Database, changes: Facts
) -> None:
    name, body = message("payment_intent.succeeded", debit("succeeded", "O-1:payment:1"))
    answer = await tell(stripe, body, **changes)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert await told(database, name) == []


async def test_a_kind_that_means_nothing_here_is_taken_and_left(stripe: httpx.AsyncClient, database: Database) -> None:
    name, body = message("invoice.sent", {"id": "in_1"})
    answer = await tell(stripe, body)
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert await told(database, name) == []


async def test_a_dispute_that_names_its_payment_as_stripe_does_goes_on_under_our_key(
    stripe: httpx.AsyncClient, database: Database
) -> None:
    key, intent, now = f"O-{secrets.randbelow(10**6)}:payment:1", f"pi_{secrets.token_hex(6)}", datetime.now(UTC)
    asked = PaymentRequest(key=key, amount=Money(minor=5000, currency="EUR"), method="pm_1", customer="C-1")
    async with database.transaction() as connection:
        await attempts.begin(connection, asked, Decision(gateway="stripe", rule="default", looks=()), now)
        answer = PaymentResult(outcome=Outcome.succeeded, reference=intent)
        await attempts.answer(connection, key, answer, None, now)
    dispute = {"id": "du_1", "amount": 5000, "currency": "eur", "status": "needs_response", "payment_intent": intent}
    name, body = message("charge.dispute.created", dispute)
    assert (await tell(stripe, body)).status_code == 202
    assert [(event["kind"], event["payment"]) for event in await told(database, name)] == [("dispute_opened", key)]
