"""Another independent Stripe for tests: `stripe-stateful-mock` from npm, which keeps idempotency keys as Stripe does.

It knows Stripe's Charges and none of the PaymentIntents that came after them, nor SetupIntents, PaymentMethods and webhooks. A
proxy tells it of each PaymentIntent as the Charge that Stripe makes for it, under the same idempotency key, and tells of the
Charge as the PaymentIntent. It keeps nothing itself, but why a card was declined, which only the answer to the call says.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from fastapi import Request

from tests.stripe_proxy import StripeProxy
from tests.stripe_server import answering, running
from workers.embedded.ports import free_port

TOKENS = {
    "pm_card_visa": "tok_visa",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "tok_chargeDeclinedInsufficientFunds",
    "pm_card_radarBlock": "tok_chargeDeclinedFraudulent",
}
"""Stripe's own test PaymentMethods, and the tokens of the same cards (https://docs.stripe.com/testing)."""
Form = dict[str, str]
Answer = tuple[int, dict[str, Any]]


@dataclass
class RunningCharges(StripeProxy):
    reasons: dict[str, str] = field(default_factory=dict)

    async def intents(self, key: str) -> list[dict[str, Any]]:
        found = (await self.client.get("/v1/charges", params={"limit": "1000"})).raise_for_status().json()["data"]
        return [self._intent(each) for each in found if each["metadata"].get("turnup_key") == key]

    async def forward(self, request: Request) -> tuple[int, bytes]:
        form = dict(parse_qsl((await request.body()).decode()))
        status, told = await self._asked(request, request.url.path.removeprefix("/v1/").split("/"), form)
        return status, json.dumps(told).encode()

    async def _asked(self, request: Request, path: list[str], form: Form) -> Answer:
        match request.method, path:
            case "POST", ["payment_intents"]:
                return await self._create(request, form)
            case "POST", ["payment_intents", intent, "capture"]:
                return await self._post(request, f"charges/{_charge(intent)}/capture", {"amount": form["amount_to_capture"]})
            case "POST", ["payment_intents", intent, "cancel"]:
                await self._post(request, "refunds", {"charge": _charge(intent)})
                return await self._get(f"charges/{_charge(intent)}")
            case "POST", ["refunds"]:
                return await self._post(request, "refunds", {**form, "charge": _charge(form.pop("payment_intent"))})
            case "GET", ["refunds"]:
                about = {"charge": _charge(request.query_params["payment_intent"]), "limit": "100"}
                about |= {name: value for name, value in request.query_params.items() if name == "starting_after"}
                return await self._get("refunds", about)
            case "GET", ["payment_intents", "search"]:
                found = await self.intents(request.query_params["query"].split("'")[3])
                return 200, {"object": "search_result", "data": found, "has_more": False}
            case "GET", ["payment_intents"]:
                return await self._get("charges", {"limit": "1000"})
            case "GET", ["payment_intents", intent]:
                return await self._get(f"charges/{_charge(intent)}")
            case "GET", ["payment_methods", method] if method in TOKENS:
                return 200, {"id": method, "object": "payment_method", "type": "card", "customer": None, "card": {}}
        return 404, {"error": {"type": "invalid_request_error", "code": "resource_missing"}}

    async def _create(self, request: Request, form: Form) -> Answer:
        metadata = {name: value for name, value in form.items() if name.startswith("metadata")}
        held = "false" if form["capture_method"] == "manual" else "true"
        charge = {"amount": form["amount"], "currency": form["currency"], "capture": held}
        status, told = await self._post(request, "charges", {**charge, "source": TOKENS[form["payment_method"]], **metadata})
        error = told.get("error", {})
        if "charge" in error:
            self.reasons[error["charge"]] = error.get("decline_code") or error["code"]
            error["payment_intent"] = (await self._get(f"charges/{error['charge']}"))[1]
        return status, told

    async def _post(self, request: Request, path: str, form: Form) -> Answer:
        key = {"Idempotency-Key": request.headers["idempotency-key"]}
        return self._told(await self.client.post(f"/v1/{path}", data=form, headers=key))

    async def _get(self, path: str, query: Form | None = None) -> Answer:
        return self._told(await self.client.get(f"/v1/{path}", params=query))

    def _told(self, answer: httpx.Response) -> Answer:
        told = answer.json()
        if told.get("object") == "charge":
            told = self._intent(told)
        if told.get("object") == "list":
            told["data"] = [self._intent(each) if each["object"] == "charge" else each for each in told["data"]]
        return answer.status_code, told

    def _intent(self, charge: dict[str, Any]) -> dict[str, Any]:
        """By https://docs.stripe.com/payments/payment-intents/migration/charges."""
        failed = charge["status"] == "failed"
        given_up = charge["refunded"] and (failed or not charge["captured"])
        held = "succeeded" if charge["captured"] else "requires_capture"
        status = "canceled" if given_up else "requires_payment_method" if failed else held
        error = {"code": charge["failure_code"], "decline_code": self.reasons.get(charge["id"])}
        same = {name: charge[name] for name in ("amount", "currency", "created", "metadata")}
        return {
            "id": f"pi_{charge['id']}",
            "object": "payment_intent",
            "amount_received": charge["amount_captured"] if charge["captured"] else 0,
            "status": status,
            "latest_charge": charge,
            "last_payment_error": error if charge["failure_code"] else None,
            **same,
        }


def _charge(intent: str) -> str:
    return intent.removeprefix("pi_")


@asynccontextmanager
async def running_charges(folder: Path) -> AsyncIterator[RunningCharges]:
    """`folder` is the package's."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "LOG_LEVEL": "silent"}
    async with (
        running("node", str(folder / "autostart.js"), **environment),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", auth=("sk_test_1", ""), trust_env=False) as client,
    ):
        await answering(client)
        charges = RunningCharges(client)
        async with charges.listening():
            yield charges
