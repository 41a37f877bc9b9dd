"""The people around the installation: a shop that places orders and repeats itself, an operator, and an approver."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from domain import keys
from domain.invariants.facts import PromiseFacts
from tests.e2e.installation import Installation
from tests.reliability.torture.shapes import ORDERS, PLANS, PRICES, Json

AWAY = (502, 503, 504)
PATIENCE = 60.0
AT_ONCE = 12
"""Requests of one round that are out together."""


@dataclass(frozen=True)
class Told:
    """An answer that nobody should get: neither what was asked for, nor that it cannot be had now."""

    request: str
    answer: str


CARDS = {
    "C-good": "tok_visa",
    "C-poor": "tok_declined_hard",
    "C-pending": "tok_pending",
    "C-trusted": "tok_sepa_slow",
    "C-bounced": "tok_debit_fails",
}
SLOW = ("pending", "trusted", "bounced")
"""Customers whose payment is decided only when its issuer is told to."""


@dataclass
class Shop:
    """`promises` are all orders acknowledged, one entry an answer; `rounds` says in which round each was placed. `undecided`
    are customers whose orders nobody approves."""

    installation: Installation
    promises: list[PromiseFacts] = field(default_factory=list)
    bodies: dict[str, Json] = field(default_factory=dict)
    rounds: dict[str, str] = field(default_factory=dict)
    strange: list[Told] = field(default_factory=list)
    decisions: int = 0
    undecided: frozenset[str] = frozenset()

    async def stock(self) -> None:
        """Products, plans, prices, and customers with a good card, a poor one and a slow one, and with debits on whose word
        access is given: one is paid in the end, the other is not."""
        api = self.installation.api
        for name, steps in PLANS.items():
            plan = {"id": name, "product": name, "name": name, "entitlements": {name: "1"}, "steps": steps}
            charge = {"kind": "one_time", "name": "Fee", "unit_amount": PRICES[name], "per": "unit"}
            price = {"id": name, "plan": name, "currency": "EUR", "charges": [charge]}
            for noun, record in (("products", {"id": name, "name": name}), ("plans", plan), ("prices", price)):
                (await api.post(f"/v1/{noun}", json=record)).raise_for_status()
        (await api.put("/v1/policies/capture", json={"sepa_debit": "open"})).raise_for_status()
        for customer, card in CARDS.items():
            buyer = {"id": customer, "name": customer, "country": "DE", "verified": True, "payment_method": card}
            (await api.post("/v1/customers", json=buyer)).raise_for_status()

    async def place(self, key: str, kind: str, round_: str, customer: str = "C-good", *, submit: bool = True) -> str | None:
        """The same request under the same key until it is acknowledged; None where it is not in all that time."""
        items = [{"id": str(number), "product": item["plan"], **item} for number, item in enumerate(ORDERS[kind], start=1)]
        self.bodies[key] = {"customer": customer, "currency": "EUR", "items": items, "submit": submit}
        return await self.repeat(key, round_)

    async def repeat(self, key: str, round_: str) -> str | None:
        answer = await self._insist("/v1/orders", self.bodies[key], key)
        if answer is None:
            return None
        order = str(answer["id"])
        self.promises.append(PromiseFacts(key=key, order=order))
        self.rounds[order] = round_
        return order

    def customers(self) -> dict[str, str]:
        """Whose each order is."""
        return {promise.order: str(self.bodies[promise.key]["customer"]) for promise in self.promises}

    async def register(self, buyer: Json) -> None:
        await self._insist("/v1/customers", buyer, f"customer-{buyer['id']}")

    async def submit(self, order: str) -> None:
        await self._insist(f"/v1/orders/{order}/submit", {}, f"submit-{order}")

    async def state(self, order: str) -> str | None:
        """As the API has it; None where it does not answer."""
        with contextlib.suppress(httpx.HTTPError):
            answer = await self.installation.api.get(f"/v1/orders/{order}")
            return str(answer.json()["state"]) if answer.is_success else None
        return None

    async def settle(self, order: str) -> None:
        """Have the issuer of a payment that is pending decide, as soon as there is one."""
        path, began = f"/gateway/payments/{keys.payment(order, 1)}/settle", time.monotonic()
        while time.monotonic() - began < PATIENCE:
            with contextlib.suppress(httpx.HTTPError):
                if (await self.installation.sandbox.post(path)).is_success:
                    return
            await asyncio.sleep(0.5)

    async def cancel(self, order: str) -> None:
        """Asked for once; whatever comes of it, it must be consistent."""
        with contextlib.suppress(httpx.HTTPError):
            body = {"reason": "changed her mind", "accept_partial": True}
            self._judge(f"cancel {order}", await self.installation.api.post(f"/v1/orders/{order}/cancel", json=body))

    async def _insist(self, path: str, body: Json, key: str) -> Json | None:
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            with contextlib.suppress(httpx.HTTPError):
                answer = await self.installation.api.post(path, json=body, headers={"Idempotency-Key": key})
                if answer.is_success:
                    return dict(answer.json())
                if self._judge(f"POST {path}", answer):
                    return None
            await asyncio.sleep(0.1)
        self.strange.append(Told(f"POST {path} under {key}", f"not within {PATIENCE:.0f} s"))
        return None

    def _judge(self, request: str, answer: httpx.Response) -> bool:
        """Whether the answer is final. 409 is a refusal with words; 500 is nothing that anybody may be told."""
        if answer.is_success or answer.status_code in AWAY:
            return False
        if answer.status_code != 409:
            self.strange.append(Told(request, f"{answer.status_code} {answer.text[:200]}"))
        return True

    async def help(self) -> None:
        """Retry what is stuck and approve what waits but for what nobody decides about, for ever: cancel it to end."""
        while True:
            with contextlib.suppress(httpx.HTTPError, KeyError, ValueError):
                self.decisions += await retry_stuck(self.installation)
                await self._approve_waiting()
            await asyncio.sleep(1)

    async def _approve_waiting(self) -> None:
        query = {"state": "pending", "waiting_on": "approval", "limit": "50"}
        for order in await listed(self.installation, "/v1/orders", query):
            if order["customer"] in self.undecided:
                continue
            path = f"/v1/orders/{order['id']}/approvals"
            await self.installation.approver.post(path, json={"decision": "approve", "reason": "agreed"})


async def retry_stuck(installation: Installation, **of: str) -> int:
    """As an operator would: how many decisions were taken."""
    taken = 0
    for record in await listed(installation, "/v1/fallout", {"open": "true", "limit": "200", **of}):
        verb = "compensate" if record["subject"] == "payment" and "declined" in record["title"] else "retry"
        body = {"reason": "no use"} if verb == "compensate" else {}
        taken += (await installation.api.post(f"/v1/fallout/{record['id']}/{verb}", json=body)).is_success
    return taken


async def listed(installation: Installation, path: str, query: dict[str, str]) -> list[Any]:
    answer = await installation.api.get(path, params=query)
    return list(answer.json()["items"]) if answer.is_success else []
