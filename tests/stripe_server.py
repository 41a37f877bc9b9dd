"""An independent Stripe for tests: `localstripe` in a process of its own, behind a proxy that adds what it lacks.

`localstripe` knows PaymentIntents, manual and partial capture, SetupIntents, refunds and declines. It ignores idempotency keys,
lets more be refunded than was captured, does not say how much of a payment was received, and has neither search nor filters by
date. The proxy adds keys, search, the filter and what was received, so that the adapter is told what Stripe would tell it; that
no more is refunded than was captured is left to the adapter. The proxy also misbehaves when told to.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response

from tests.sandbox_server import serving
from workers.embedded.ports import free_port

CARDS = {"good": "4242424242424242", "declined": "4000000000000341", "confirm": "4000002500003155"}
"""Stripe's own test cards (https://docs.stripe.com/testing): accepted, declined once it is charged, and one to be confirmed."""


@dataclass
class RunningStripe:
    """`url` is the proxy's. `faults` are what the next calls meet whose path begins so: `before` and `after` answer 500 without
    or with the call having happened, `limited` 429, `garbled` after it happened."""

    url: str
    client: httpx.AsyncClient
    faults: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    async def card(self, kind: str = "good") -> str:
        """A PaymentMethod as a browser would have made it."""
        about = {"number": CARDS[kind], "exp_month": "12", "exp_year": "2031", "cvc": "123"}
        data = {"type": "card", **{f"card[{name}]": value for name, value in about.items()}}
        answer = await self.client.post("/v1/payment_methods", data=data)
        return str(answer.raise_for_status().json()["id"])

    async def intents(self, key: str) -> list[dict[str, Any]]:
        """The payments that Stripe has under one of our keys."""
        found = (await self.client.get("/v1/payment_intents", params={"limit": "1000"})).raise_for_status().json()
        return [each for each in found["data"] if each["metadata"].get("turnup_key") == key]

    async def take(self, request: Request) -> Response:
        path, method = request.url.path, request.method
        fault = next((each for each in self.faults if method == "POST" and path.startswith(each[0])), None)
        if fault is not None:
            self.faults.remove(fault)
        if fault is not None and fault[1] in {"before", "limited"}:
            return _failure(500 if fault[1] == "before" else 429)
        status, content = await self._answered(request)
        if fault is not None and fault[1] == "after":
            return _failure(500)
        return Response(content[: len(content) // 2] if fault else content, status, media_type="application/json")

    async def _answered(self, request: Request) -> tuple[int, bytes]:
        key = request.headers.get("idempotency-key")
        place = f"{request.url.path} {key}"
        if key is not None and place in self.answers:
            return self.answers[place]
        answer = await self._forwarded(request)
        if key is not None:
            self.answers[place] = answer
        return answer

    async def _forwarded(self, request: Request) -> tuple[int, bytes]:
        if request.url.path == "/v1/payment_intents/search":
            wanted = request.query_params["query"].split("'")[3]
            found = httpx.Response(200, json={"object": "search_result", "data": await self.intents(wanted), "has_more": False})
            return found.status_code, found.content
        known = {name: value for name, value in request.query_params.multi_items() if not name.startswith("created")}
        body = await request.body()
        kind = {"Content-Type": request.headers.get("content-type", "application/x-www-form-urlencoded")}
        answer = await self.client.request(request.method, request.url.path, params=known, content=body, headers=kind)
        told = answer.json()
        if told.get("object") == "payment_intent" and told["status"] == "succeeded":
            told["amount_received"] = told["amount"] - await self._released(told["latest_charge"])
        return answer.status_code, json.dumps(told).encode()

    async def _released(self, charge: str | dict[str, Any]) -> int:
        """What of a hold was not captured stands among its refunds, without our key."""
        place = charge if isinstance(charge, str) else charge["id"]
        refunds = (await self.client.get("/v1/refunds", params={"charge": place})).raise_for_status().json()["data"]
        return sum(int(each["amount"]) for each in refunds if "turnup_key" not in each["metadata"])


def _failure(status: int) -> Response:
    return Response(b'{"error": {"type": "api_error", "message": "it was told to"}}', status, media_type="application/json")


@asynccontextmanager
async def running_stripe() -> AsyncIterator[RunningStripe]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "localstripe",
        "--port",
        str(port),
        "--from-scratch",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", auth=("sk_test_1", ""), trust_env=False) as client:
            await _answers(client)
            app = FastAPI()
            stripe = RunningStripe("", client)
            app.add_route("/{path:path}", stripe.take, methods=["GET", "POST", "DELETE"])
            async with serving(app) as url:
                stripe.url = url
                yield stripe
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _answers(client: httpx.AsyncClient) -> None:
    for _ in range(200):
        with suppress(httpx.HTTPError):
            await client.get("/v1/customers")
            return
        await asyncio.sleep(0.1)
    raise AssertionError("localstripe does not answer")
