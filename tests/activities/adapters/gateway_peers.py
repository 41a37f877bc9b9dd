"""The gateways that every adapter's contract is held against, and what each of them cannot show."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from activities.adapters.gateway.port import Gateway, Herald, Vault
from activities.adapters.gateway.sandbox import SandboxGateway
from activities.adapters.gateway.sandbox_herald import SandboxHerald
from activities.adapters.gateway.stripe.gateway import StripeGateway
from tests import peers
from tests.sandbox_server import SECRET, CallbackReceiver, RunningSandbox, running_sandbox, serving
from tests.stripe_charges import running_charges
from tests.stripe_proxy import StripeProxy
from tests.stripe_server import RunningStripe, running_stripe

WEBHOOK_SECRET = "whsec_test"


class Fact(StrEnum):
    """What every adapter must do."""

    hold = "holds, takes a part, and gives a part back, never more than it took"
    same_key = "makes one payment of one key, however often it is asked"
    same_body = "refuses a key that comes again with another amount"
    lost_answer = "says unknown for a lost answer, and knows by the key what has become of it"
    nothing_happened = "tells what may have happened from what certainly did not"
    soft_decline = "says that a card may do later"
    hard_decline = "says that a card will not do"
    void = "releases what is held, once"
    method = "keeps a card for later, and says what a person may see of it"
    forget = "forgets a card for good, however often it is told to"
    events = "reads what the gateway tells, and believes nobody else"
    unknown = "says of what the gateway does not know that it is not there"


NO_METHODS = "has Charges, and no PaymentMethods or SetupIntents"
CANNOT: Mapping[str, Mapping[Fact, str]] = {
    "sandbox": {},
    "localstripe": {
        Fact.same_key: "ignores idempotency keys",
        Fact.same_body: "ignores idempotency keys",
        Fact.soft_decline: "declines every card for the same reason",
    },
    "stateful_mock": {Fact.method: NO_METHODS, Fact.forget: NO_METHODS, Fact.events: "tells nothing of its own accord"},
}
"""By peer, the facts that it cannot show, and why. What it can is asked of it."""


class Adapter(Gateway, Vault, Protocol):
    """As the worker and the API have it."""


class Peer(ABC):
    """One gateway, running. `methods` are tokens of it by what becomes of them."""

    nonce: str
    methods: Mapping[str, str]

    @abstractmethod
    def adapter(self) -> Adapter:
        """One that remembers nothing, as after a restart."""

    @abstractmethod
    def herald(self) -> Herald: ...

    @abstractmethod
    async def strike(self, order: str, fault: str) -> None:
        """The next payment of an order meets it: `lost` (it happened, no answer), `broken` (an error, and nothing happened) or
        `limited` (turned away)."""

    @abstractmethod
    async def count(self, key: str) -> int:
        """The payments that it has under a key, by its own word."""

    @abstractmethod
    async def told(self, key: str) -> tuple[dict[str, str], bytes]:
        """What it sends when a payment has changed: headers and body."""


class SandboxPeer(Peer):
    nonce = "nonce_visa"
    methods = {"good": "tok_visa", "soft": "tok_declined_soft", "hard": "tok_declined_hard"}
    _modes = {"lost": "timeout_after", "broken": "error_500", "limited": "rate_limit"}

    def __init__(self, sandbox: RunningSandbox, receiver: CallbackReceiver) -> None:
        self._sandbox = sandbox
        self._receiver = receiver

    def adapter(self) -> SandboxGateway:
        return SandboxGateway(self._sandbox.gateway_url, self._sandbox.client)

    def herald(self) -> SandboxHerald:
        return SandboxHerald(self._sandbox.gateway_url, self._sandbox.client, SecretStr(SECRET))

    async def strike(self, order: str, fault: str) -> None:
        await self._sandbox.of(order).fault("purchase", self._modes[fault], count=1)

    async def count(self, key: str) -> int:
        return (await self._sandbox.kinds(key.partition(":")[0])).count("authorized")

    async def told(self, key: str) -> tuple[dict[str, str], bytes]:
        (await self._sandbox.client.post(f"/gateway/payments/{key}/changed", json={})).raise_for_status()
        return await self._receiver.next()


class StripePeer(Peer):
    def __init__(self, stripe: StripeProxy, receiver: CallbackReceiver, nonce: str, methods: Mapping[str, str]) -> None:
        self._stripe = stripe
        self._receiver = receiver
        self.nonce = nonce
        self.methods = methods

    def adapter(self) -> StripeGateway:
        return StripeGateway(SecretStr("sk_test_1"), SecretStr(WEBHOOK_SECRET), url=self._stripe.url)

    def herald(self) -> StripeGateway:
        return self.adapter()

    async def strike(self, order: str, fault: str) -> None:
        modes = {"lost": "after", "broken": "before", "limited": "limited"}
        self._stripe.faults.append(("/v1/payment_intents", modes[fault]))

    async def count(self, key: str) -> int:
        return len(await self._stripe.intents(key))

    async def told(self, key: str) -> tuple[dict[str, str], bytes]:
        """Of all that has happened so far, which may be other payments too."""
        while True:
            headers, body = await self._receiver.next()
            if f'"{key}"'.encode() in body:
                return headers, body


@asynccontextmanager
async def receiving() -> AsyncIterator[CallbackReceiver]:
    app = FastAPI()
    async with serving(app) as url:
        receiver = CallbackReceiver(url)
        app.add_route("/{path:path}", receiver.take, methods=["POST"])
        yield receiver


@asynccontextmanager
async def sandbox(folder: Path) -> AsyncIterator[Peer]:
    async with receiving() as receiver, running_sandbox(folder, callback_url=receiver.url) as running:
        yield SandboxPeer(running, receiver)


@asynccontextmanager
async def localstripe(_: Path) -> AsyncIterator[Peer]:
    async with receiving() as receiver, running_stripe() as stripe:
        await stripe.tell(f"{receiver.url}/stripe", WEBHOOK_SECRET)
        yield StripePeer(stripe, receiver, await stripe.card(), await _kept(stripe))


async def _kept(stripe: RunningStripe) -> dict[str, str]:
    return {"good": await stripe.card(), "hard": await stripe.card("declined")}


@asynccontextmanager
async def stateful_mock(_: Path) -> AsyncIterator[Peer]:
    folder = peers.stateful_mock()
    assert folder is not None
    methods = {"soft": "pm_card_visa_chargeDeclinedInsufficientFunds", "hard": "pm_card_radarBlock"}
    async with receiving() as receiver, running_charges(folder) as charges:
        yield StripePeer(charges, receiver, "", {"good": "pm_card_visa", **methods})


STARTS: Mapping[str, Callable[[Path], AbstractAsyncContextManager[Peer]]] = {
    "sandbox": sandbox,
    "localstripe": localstripe,
    "stateful_mock": stateful_mock,
}
MARKS = {"stateful_mock": pytest.mark.needs_stateful_mock}


def shown_by_all_who_can(fact: Fact) -> pytest.MarkDecorator:
    """A test of this fact, at each peer that can show it."""
    able = [pytest.param(name, marks=MARKS.get(name, ())) for name in STARTS if fact not in CANNOT[name]]
    return pytest.mark.parametrize("peer", able, indirect=True, scope="module")
