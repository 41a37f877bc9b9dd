"""A sandbox for tests: the real application behind a real server on a free port, and a receiver for its callbacks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI, Request, Response

from workers.sandbox.app import create_app
from workers.sandbox.config import SandboxConfig
from workers.sandbox.journal import Fact, Summary
from workers.sandbox.wire import SandboxServer, listen

SECRET = "whsec_c2FuZGJveCBzZWNyZXQgZm9yIHRlc3Rz"
NOBODY = "http://127.0.0.1:1"
"""An address where nobody takes callbacks."""


class RunningSandbox:
    """`url` is its root, `client` an HTTP client with that root. With an `order`, faults and journal are of that order
    unless another is named, so that tests can share one sandbox."""

    def __init__(self, url: str, client: httpx.AsyncClient, order: str | None = None) -> None:
        self.url = url
        self.client = client
        self.order = order

    def of(self, order: str) -> "RunningSandbox":
        return RunningSandbox(self.url, self.client, order)

    @property
    def gateway_url(self) -> str:
        return f"{self.url}/gateway"

    def partner_url(self, partner: str) -> str:
        return f"{self.url}/partners/{partner}"

    async def fault(self, operation: str, mode: str, **details: str | float) -> None:
        """One fault, in place of all that were there; it strikes every call unless `count=` or `probability=`."""
        await self.faults({"operation": operation, "mode": mode, **details})

    async def faults(self, *faults: dict[str, str | float]) -> None:
        """These faults in place of all that were there; none of them clears."""
        narrowed = [fault if self.order is None else {"order": self.order, **fault} for fault in faults]
        (await self.client.put("/faults", json=narrowed)).raise_for_status()

    async def configure(self, partner: str, **settings: str | float | bool) -> None:
        (await self.client.put(f"/partners/{partner}/settings", json=settings)).raise_for_status()

    async def finish(self, partner: str, reference: str, status: str = "completed") -> None:
        path = f"/partners/{partner}/services/{reference}/finish"
        (await self.client.post(path, json={"status": status})).raise_for_status()

    async def settle(self, key: str) -> None:
        (await self.client.post(f"/gateway/payments/{key}/settle")).raise_for_status()

    async def deliver_callbacks(self, partner: str) -> int:
        """Try all that is owed now; returns how many callbacks are still owed."""
        response = await self.client.post(f"/partners/{partner}/callbacks/deliver")
        return int(response.raise_for_status().json()["owed"])

    async def journal(self, order: str | None = None, since: int = 0) -> list[Fact]:
        parameters = {"since": str(since)} | self._narrowed(order)
        response = (await self.client.get("/journal", params=parameters)).raise_for_status()
        return [Fact.model_validate(fact) for fact in response.json()]

    async def kinds(self, order: str | None = None) -> list[str]:
        """The kinds of the facts, in order of happening."""
        return [fact.kind.value for fact in await self.journal(order)]

    async def summary(self, order: str | None = None) -> Summary:
        response = (await self.client.get("/journal/summary", params=self._narrowed(order))).raise_for_status()
        return Summary.model_validate(response.json())

    def _narrowed(self, order: str | None) -> dict[str, str]:
        named = order or self.order
        return {} if named is None else {"order": named}


class CallbackReceiver:
    """Keeps every callback it gets, and answers with the next of `answers`, or 204."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[int] = []
        self._received: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    def forget(self) -> None:
        """As if nothing had come yet."""
        self.answers = []
        self._received = asyncio.Queue()

    async def next(self) -> tuple[dict[str, str], bytes]:
        """Headers and body of the next callback, in order of arrival."""
        return await asyncio.wait_for(self._received.get(), 10)

    @property
    def unread(self) -> int:
        return self._received.qsize()

    async def take(self, request: Request) -> Response:
        self._received.put_nowait((dict(request.headers), await request.body()))
        return Response(status_code=self.answers.pop(0) if self.answers else 204)


@asynccontextmanager
async def running_sandbox(folder: Path, **settings: object) -> AsyncIterator[RunningSandbox]:
    """`folder` keeps the journal; `settings` are fields of SandboxConfig, to replace those below.

    Partners `fibreworks` and `mailhub` sign with SECRET; `fibreworks` works asynchronously and at once.
    """
    config = SandboxConfig.model_validate(
        {
            "data": folder / "sandbox.sqlite",
            "callback_url": NOBODY,
            "secrets": {"fibreworks": SECRET, "mailhub": SECRET, "sandbox": SECRET, "backup": SECRET},
            "delay_seconds": 0,
            "callback_backoff_seconds": 0,
            "callback_attempts": 3,
        }
        | settings
    )
    async with serving(create_app(config)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield RunningSandbox(url, client)


@asynccontextmanager
async def callback_receiver() -> AsyncIterator[CallbackReceiver]:
    """Stands where the API will be."""
    app = FastAPI()
    async with serving(app) as url:
        receiver = CallbackReceiver(url)
        for path in ("/v1/callbacks/{partner}", "/v1/webhooks/{gateway}"):
            app.post(path)(receiver.take)
        yield receiver


@asynccontextmanager
async def serving(app: FastAPI, port: int = 0) -> AsyncIterator[str]:
    """A real server on the loopback, on a free port unless given, in this event loop; yields its root URL."""
    with listen("127.0.0.1", port) as listener:
        server = SandboxServer(app, handle_signals=False)
        running = asyncio.create_task(server.serve([listener]))
        await server.ready.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running
