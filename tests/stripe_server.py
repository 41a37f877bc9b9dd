"""An independent Stripe for tests: `localstripe` in a process of its own, behind a proxy that adds what it lacks.

`localstripe` knows PaymentIntents, manual and partial capture, SetupIntents, refunds, declines and signed webhooks. It ignores
idempotency keys, lets more be refunded than was captured, does not say how much of a payment was received, attaches no card by
a SetupIntent, takes a bank debit at once, and has neither search nor filters by date. The proxy adds search, the filter, what
was received, the attaching and the days that a bank takes, so that the adapter is told what Stripe would tell it; that no more
is refunded than was captured is left to the adapter, and keys to another peer.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import Request

from tests.stripe_proxy import StripeProxy
from workers.embedded.ports import free_port

CARDS = {"good": "4242424242424242", "declined": "4000000000000341", "confirm": "4000002500003155"}
"""Stripe's own test cards (https://docs.stripe.com/testing): accepted, declined once it is charged, and one to be confirmed."""


@dataclass
class RunningStripe(StripeProxy):
    """`undecided` are accounts whose bank has not said yet whether it pays."""

    undecided: set[str] = field(default_factory=set)

    async def account(self) -> str:
        """A PaymentMethod for debits, which are under way until it is not `undecided` any more."""
        holder = {"billing_details[name]": "Ada", "billing_details[email]": "ada@example.com"}
        data = {"type": "sepa_debit", "sepa_debit[iban]": "DE89370400440532013000", **holder}
        answer = await self.client.post("/v1/payment_methods", data=data)
        self.undecided.add(name := str(answer.raise_for_status().json()["id"]))
        return name

    async def card(self, kind: str = "good") -> str:
        """A PaymentMethod as a browser would have made it."""
        about = {"number": CARDS[kind], "exp_month": "12", "exp_year": "2031", "cvc": "123"}
        data = {"type": "card", **{f"card[{name}]": value for name, value in about.items()}}
        answer = await self.client.post("/v1/payment_methods", data=data)
        return str(answer.raise_for_status().json()["id"])

    async def tell(self, url: str, secret: str) -> None:
        """Have it send all that happens to `url`, signed with `secret`."""
        (await self.client.post("/_config/webhooks/tests", json={"url": url, "secret": secret})).raise_for_status()

    async def intents(self, key: str) -> list[dict[str, Any]]:
        found = (await self.client.get("/v1/payment_intents", params={"limit": "1000"})).raise_for_status().json()
        return [self._so_far(each) for each in found["data"] if each["metadata"].get("turnup_key") == key]

    def _so_far(self, intent: dict[str, Any]) -> dict[str, Any]:
        """As its bank leaves it."""
        waits = intent["status"] == "succeeded" and intent["payment_method"] in self.undecided
        return {**intent, "status": "processing", "amount_received": 0} if waits else intent

    async def forward(self, request: Request) -> tuple[int, bytes]:
        if request.url.path == "/v1/payment_intents/search":
            wanted = request.query_params["query"].split("'")[3]
            found = {"object": "search_result", "data": await self.intents(wanted), "has_more": False}
            return 200, json.dumps(found).encode()
        known = {name: value for name, value in request.query_params.multi_items() if not name.startswith("created")}
        body = await request.body()
        kind = {"Content-Type": request.headers.get("content-type", "application/x-www-form-urlencoded")}
        answer = await self.client.request(request.method, request.url.path, params=known, content=body, headers=kind)
        told = answer.json()
        if told.get("object") == "payment_intent" and told["status"] == "succeeded":
            told["amount_received"] = told["amount"] - await self._released(told["latest_charge"])
            told = self._so_far(told)
        if told.get("object") == "setup_intent" and told["status"] == "succeeded" and told["customer"]:
            place = f"/v1/payment_methods/{told['payment_method']}/attach"
            (await self.client.post(place, data={"customer": told["customer"]})).raise_for_status()
        return answer.status_code, json.dumps(told).encode()

    async def _released(self, charge: str | dict[str, Any]) -> int:
        """What of a hold was not captured stands among its refunds, without our key."""
        place = charge if isinstance(charge, str) else charge["id"]
        refunds = (await self.client.get("/v1/refunds", params={"charge": place, "limit": "1000"})).raise_for_status().json()
        return sum(int(each["amount"]) for each in refunds["data"] if "turnup_key" not in each["metadata"])


@asynccontextmanager
async def running_stripe() -> AsyncIterator[RunningStripe]:
    port = free_port()
    arguments = ("-m", "localstripe", "--port", str(port), "--from-scratch")
    async with (
        running(sys.executable, *arguments),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", auth=("sk_test_1", ""), trust_env=False) as client,
    ):
        await answering(client)
        stripe = RunningStripe(client)
        async with stripe.listening():
            yield stripe


@asynccontextmanager
async def running(program: str, *arguments: str, **environment: str) -> AsyncIterator[None]:
    """A process of its own, which is gone afterwards. Without an `environment` it has ours."""
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env=environment or None,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def answering(client: httpx.AsyncClient) -> None:
    """Wait until it does."""
    for _ in range(200):
        with suppress(httpx.HTTPError):
            await client.get("/v1/customers")
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"nobody answers at {client.base_url}")
