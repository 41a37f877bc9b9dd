"""Customers on test clocks, and what happens to their subscriptions while the installation is being broken."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from domain.dunning import DEFAULT, SHIPPED
from domain.keys import paid_subject
from tests.e2e.installation import Installation
from tests.reliability.torture.shapes import ACCESS, BUILD, OPEN, Json
from tests.reliability.torture.shop import AWAY, Told, retry_stuck
from workers.sandbox.faults import Mode, Operation

BORN = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
PATIENCE = 90.0
"""Seconds that anything is asked for again and again."""
DAY = timedelta(days=1)
MONTH = timedelta(days=31)
PLAN = "life"
UNITS = 3
"""What an order makes of the one unit that there is."""
CHANGE = "2"
"""Its item in that order: the first is what it adds, where it adds something."""
ENDED = frozenset({"completed", "partial", "failed", "cancelled", "rejected"})
PRICE = 1000
"""Minor units a month and unit."""


async def stock(installation: Installation) -> None:
    """A plan that a partner builds, at 10 EUR a month, which is slowed down for want of payment before it is closed; and a rule
    that sends some cards to a second gateway after the first."""
    steps = [BUILD, OPEN, {**ACCESS, "needs": ["open"]}]
    charge = {"kind": "recurring", "name": "Fee", "unit_amount": "10.00", "interval": "month", "per": "unit"}
    records: list[tuple[str, Json]] = [
        ("products", {"id": PLAN, "name": PLAN}),
        ("plans", {"id": PLAN, "product": PLAN, "name": PLAN, "entitlements": {PLAN: "1"}, "steps": steps}),
        ("prices", {"id": PLAN, "plan": PLAN, "currency": "EUR", "charges": [charge]}),
    ]
    for noun, record in records:
        await installation.record(noun, record)
    dunning = SHIPPED.model_copy(update={"throttle": 7}).model_dump(mode="json")
    (await installation.api.put(f"/v1/dunning-policies/{DEFAULT}", json=dunning)).raise_for_status()
    rule = {"id": "two-gateways", "when": {"kinds": ["card"]}, "gateways": ["sandbox", "backup"]}
    (await installation.api.put("/v1/routing-rules/two-gateways", json=rule)).raise_for_status()


@dataclass
class Life:
    """One customer with a clock and a subscription of its own, and with `card` once all is well. `strange` are answers that
    nobody should get."""

    installation: Installation
    name: str
    round: str
    strange: list[Told] = field(default_factory=list)
    subscription: str = ""
    order: str = ""
    now: datetime = BORN
    card: str = "tok_visa"
    ordered: str = ""
    """The order that was to change it, or to change it and to add to it."""

    async def begin(self) -> None:
        """Up to when the first month is paid and the service is live."""
        await self.post("/v1/test-clocks", {"id": self.name, "now": BORN.isoformat()})
        buyer = {"id": self.name, "name": self.name, "country": "DE", "verified": True, "payment_method": "tok_visa"}
        await self.post("/v1/customers", buyer)
        await self.post(f"/v1/test-clocks/{self.name}/customers", {"customer": self.name})
        items = [{"id": "1", "product": PLAN, "plan": PLAN}]
        body = {"customer": self.name, "currency": "EUR", "items": items}
        placed = await self.post("/v1/orders", body, key=f"order-{self.name}") or {}
        self.order = str(placed.get("id", ""))
        self.subscription = f"S-{self.order.removeprefix('O-')}-1"
        await self.until(lambda it: it["state"] == "active")

    async def order_change(self, *more: Json) -> None:
        """By an order, which has ended when this returns."""
        change = {"id": CHANGE, "action": "modify", "subscription": self.subscription, "quantity": UNITS, "when": "now"}
        body = {"customer": self.name, "currency": "EUR", "items": [*more, change]}
        placed = await self.post("/v1/orders", body, key=f"change-{self.name}") or {}
        self.ordered = str(placed.get("id", ""))
        began = time.monotonic()
        while self.ordered and time.monotonic() - began < PATIENCE:
            with contextlib.suppress(httpx.HTTPError):
                answer = await self.installation.api.get(f"/v1/orders/{self.ordered}")
                if answer.is_success and answer.json()["state"] in ENDED:
                    return
                await retry_stuck(self.installation, order=self.ordered)
            await asyncio.sleep(0.5)
        if self.ordered:
            self.tell(f"GET {self.ordered}", f"not ended within {PATIENCE:.0f} s")

    async def advance(self, by: timedelta) -> None:
        """Asked for until the clock shows it."""
        self.now += by
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            with contextlib.suppress(httpx.HTTPError, json.JSONDecodeError, IndexError):
                path = f"/v1/test-clocks/{self.name}/advance"
                answer = await self.installation.api.post(path, json={"to": self.now.isoformat()}, timeout=PATIENCE)
                if self._is_there(answer):
                    return
                if answer.status_code not in {200, 400, 409, 422, *AWAY}:
                    self.tell(path, f"{answer.status_code} {answer.text[:200]}")
            await asyncio.sleep(0.2)
        self.tell(f"advance {self.name} to {self.now:%Y-%m-%d}", f"not within {PATIENCE:.0f} s")

    def _is_there(self, answer: httpx.Response) -> bool:
        """It is asked again where it came to a halt, and where it lies behind what the clock shows another has moved it."""
        if answer.status_code in {400, 422} and "lies before" in answer.text:
            return True
        last = json.loads(answer.text.splitlines()[-1]) if answer.is_success else {}
        return "now" in last and datetime.fromisoformat(last["now"]) >= self.now

    async def do(self, what: str, **body: Any) -> Json | None:
        """A command to the subscription; None where it is refused."""
        return await self.post(f"/v1/subscriptions/{self.subscription}/{what}", body)

    async def pay_with(self, token: str) -> None:
        """From now on."""
        path = f"/v1/customers/{self.name}"
        await self._insist("PATCH", path, {"payment_method": token}, None)

    async def pay_at_two_gateways(self) -> None:
        """With one card that both know."""
        method = await self.post("/v1/payment-methods", {"customer": self.name, "token": "tok_visa"}) or {"id": ""}
        path = f"/v1/payment-methods/{method['id']}"
        await self.post(f"{path}/tokens", {"gateway": "backup", "token": "tok_visa"})
        await self.post(f"{path}/default", {})

    async def post(self, path: str, body: Json, key: str | None = None) -> Json | None:
        return await self._insist("POST", path, body, key)

    async def outside(self, path: str, body: Json) -> Json:
        """Have the gateway do something of its own accord; told to twice it is done once."""
        return await self._insist("POST", path, body, None, self.installation.sandbox) or {}

    async def _insist(
        self, method: str, path: str, body: Json, key: str | None, at: httpx.AsyncClient | None = None
    ) -> Json | None:
        """Until it is answered for good; None where it is refused with words."""
        began, headers = time.monotonic(), {"Idempotency-Key": key} if key else {}
        while time.monotonic() - began < PATIENCE:
            with contextlib.suppress(httpx.HTTPError):
                asked = (at or self.installation.api).request(method, path, json=body, headers=headers, timeout=30)
                answer = await asked
                if answer.is_success:
                    return dict(answer.json())
                if answer.status_code not in AWAY:
                    if answer.status_code != 409:
                        self.tell(f"{method} {path}", f"{answer.status_code} {answer.text[:200]}")
                    return None
            await asyncio.sleep(0.2)
        self.tell(f"{method} {path}", f"not within {PATIENCE:.0f} s")
        return None

    async def shown(self) -> Json | None:
        return await self.get(f"/v1/subscriptions/{self.subscription}")

    async def get(self, path: str, **query: str) -> Json | None:
        """None while it is not there, or nobody answers."""
        with contextlib.suppress(httpx.HTTPError):
            answer = await self.installation.api.get(path, params=query)
            return dict(answer.json()) if answer.is_success else None
        return None

    async def until(self, holds: Callable[[Json], bool], path: str | None = None, **query: str) -> Json:
        """What is at `path`, which is the subscription, once it is so. Without moving the clock."""
        began, where, found = time.monotonic(), path or f"/v1/subscriptions/{self.subscription}", None
        while time.monotonic() - began < PATIENCE:
            found = await self.get(where, **query)
            if found and holds(found):
                return found
            await asyncio.sleep(0.1)
        self.tell(f"GET {where}", f"not as expected within {PATIENCE:.0f} s: {str(found)[:200]}")
        return found or {}

    async def captured(self, subject: str = "") -> list[str]:
        """The keys of what was taken, in order of happening: of all there is, or for an order or invoice."""
        taken = [str(fact["key"]) for fact in await self.facts("captured")]
        return [key for key in taken if not subject or paid_subject(key) in {subject, subject.partition(":")[0]}]

    async def facts(self, kind: str) -> list[Json]:
        """What happened of a kind, in order, by the sandbox's own journal."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            with contextlib.suppress(httpx.HTTPError):
                found: list[Json] = []
                for owner in (self.order, self.subscription):
                    answer = await self.installation.sandbox.get("/journal", params={"order": owner})
                    found += [fact for fact in answer.raise_for_status().json() if fact["kind"] == kind]
                return sorted(found, key=lambda fact: int(fact["seq"]))
            await asyncio.sleep(0.2)
        self.tell("GET /journal", f"not within {PATIENCE:.0f} s")
        return []

    async def pass_until(self, *states: str, days: int = 70) -> None:
        """Day after day until it is in one of these states, or has ended."""
        for _ in range(0, days, 4):
            found = await self.shown()
            if found and found["state"] in {*states, "ended"}:
                return
            await self.advance(4 * DAY)

    def tell(self, request: str, answer: str) -> None:
        self.strange.append(Told(request, answer))

    async def rest(self) -> None:
        """With everything serving and a good card: whatever was asked of it is done, or it was never possible."""
        await self.pay_with(self.card)
        await self._payments_decided()
        for _ in range(4):
            await self.advance(DAY)
            found = await self.shown()
            if found is None or found["state"] in {"active", "ended"}:
                break
            await self.do({"suspended": "unsuspend", "paused": "resume"}.get(found["state"], "uncancel"))
        await self.advance(2 * DAY if found and found["state"] != "ended" else 2 * MONTH)

    async def _payments_decided(self) -> None:
        """What was asked of a gateway under a fault is tried for seconds, in real time, when the clock has long moved on."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            found = await self.get("/v1/payments", customer=self.name) or {"items": [{"outcome": "unknown"}]}
            if all(each["outcome"] not in {None, "unknown"} for each in found["items"]):
                return
            await asyncio.sleep(0.2)


Act = Callable[[Life], Coroutine[Any, Any, None]]


async def nothing(_life: Life) -> None:
    """It is live, and that is all that is needed."""


async def _renew(life: Life) -> None:
    await life.advance(2 * MONTH + 5 * DAY)


async def _bad_card(life: Life) -> None:
    await life.pay_with("tok_declined_soft")
    await life.advance(MONTH)


async def _unpaid(life: Life) -> None:
    """Declined, told, suspended; paid, and opened again."""
    await life.pass_until("suspended")
    await _pay(life)


async def _suspended_unpaid(life: Life) -> None:
    await _bad_card(life)
    await life.pass_until("suspended")


async def _slow_unpaid(life: Life) -> None:
    """Past the day on which it is slowed down, and before that on which it is closed."""
    await _bad_card(life)
    await life.advance(8 * DAY)


async def _pay(life: Life) -> None:
    await life.pay_with("tok_visa")
    await life.advance(8 * DAY)


async def _suspend(life: Life) -> None:
    await life.do("suspend", reason="request")
    await life.advance(DAY)


async def _unsuspend(life: Life) -> None:
    await life.do("unsuspend", reason="request")
    await life.advance(DAY)


async def _change(life: Life) -> None:
    await life.do("changes", quantity=3, when="now")
    await life.advance(MONTH + DAY)


async def _order_change(life: Life) -> None:
    await life.order_change()
    await life.advance(MONTH + DAY)


async def _order_change_and_more(life: Life) -> None:
    """Something new beside it, which has to stand before anything is changed."""
    await life.order_change({"id": "1", "product": PLAN, "plan": PLAN})
    await life.advance(MONTH + DAY)


async def _pause(life: Life) -> None:
    await life.do("pause", when="now")
    await life.advance(10 * DAY)


async def _resume(life: Life) -> None:
    await life.do("resume")
    await life.advance(MONTH)


async def _cancel(life: Life) -> None:
    await life.do("cancel", when="now")
    await life.advance(DAY)


async def _take_down(life: Life) -> None:
    await life.advance(MONTH + DAY)


async def eve(life: Life) -> None:
    """An hour before it renews on 28 February."""
    await life.advance(28 * DAY - timedelta(hours=1))


async def _renew_and_cancel(life: Life) -> None:
    await asyncio.gather(life.advance(2 * DAY), life.do("cancel", when="now"))
    await life.advance(2 * MONTH)


async def _change_and_renew(life: Life) -> None:
    await asyncio.gather(life.advance(2 * DAY), life.do("changes", quantity=2, when="now"))
    await life.advance(MONTH)


async def _renew_twice_at_once(life: Life) -> None:
    """Two who advance the clock, and two who change it, at the same instant."""
    changes = (life.do("changes", quantity=units, when="now") for units in (2, 4))
    await asyncio.gather(life.advance(2 * DAY), life.advance(timedelta()), *changes)
    await life.advance(MONTH)


async def _two_gateways(life: Life) -> None:
    await life.pay_at_two_gateways()


@dataclass(frozen=True)
class Caught:
    """Where a subscription can be caught: by the call to the outside that `act` comes to after `before`. `of_order`: a call
    about its order's payment."""

    name: str
    before: Act
    act: Act
    operation: Operation
    led_by: tuple[Operation, Mode] | None = None
    gateway: str | None = None
    of_order: bool = False


CATCHES = (
    Caught("renewal: take the money", nothing, _renew, Operation.purchase),
    Caught("renewal: ask about the payment", nothing, _renew, Operation.status, (Operation.purchase, Mode.timeout_after)),
    Caught("dunning: ask for the money again", _bad_card, _unpaid, Operation.purchase),
    Caught("dunning: slow it down", _bad_card, _unpaid, Operation.throttle),
    Caught("dunning: to full speed again", _slow_unpaid, _pay, Operation.unthrottle),
    Caught("dunning: close access", _bad_card, _unpaid, Operation.suspend),
    Caught("dunning: open access that is paid", _suspended_unpaid, _pay, Operation.resume),
    Caught("dunning: take the money after all", _suspended_unpaid, _pay, Operation.purchase),
    Caught("suspension", nothing, _suspend, Operation.suspend),
    Caught("suspension: see that it is done", nothing, _suspend, Operation.verify),
    Caught("suspension lifted", _suspend, _unsuspend, Operation.resume),
    Caught("change: hold the money", nothing, _change, Operation.authorize),
    Caught("change: at the partner", nothing, _change, Operation.change),
    Caught("change: see that it is done", nothing, _change, Operation.verify),
    Caught("change: take the money", nothing, _change, Operation.capture),
    Caught("change that failed: give the money back", nothing, _change, Operation.void, (Operation.change, Mode.decline_hard)),
    Caught("ordered change: hold the money", nothing, _order_change, Operation.authorize),
    Caught("ordered change: at the partner", nothing, _order_change, Operation.change),
    Caught("ordered change: take the money", nothing, _order_change, Operation.capture),
    Caught("ordered change beside something new: at the partner", nothing, _order_change_and_more, Operation.change),
    Caught("pause: at the partner", nothing, _pause, Operation.suspend),
    Caught("resumption: at the partner", _pause, _resume, Operation.resume),
    Caught("cancellation: close access", nothing, _cancel, Operation.suspend),
    Caught("deprovisioning: give out what is in it", nothing, _cancel, Operation.export),
    Caught("deprovisioning", _cancel, _take_down, Operation.terminate),
    Caught("deprovisioning: see that it is gone", _cancel, _take_down, Operation.verify),
    Caught("renewed and cancelled at once", eve, _renew_and_cancel, Operation.purchase),
    Caught("changed and renewed at once", eve, _change_and_renew, Operation.authorize),
    Caught("advanced twice and changed twice at once", eve, _renew_twice_at_once, Operation.purchase),
    Caught("two gateways: the first", _two_gateways, _renew, Operation.purchase, gateway="sandbox"),
    Caught(
        "two gateways: the second",
        _two_gateways,
        _renew,
        Operation.purchase,
        (Operation.purchase, Mode.not_attempted),
        "backup",
    ),
)
