"""What stands between Stripe's adapter and a Stripe that somebody else wrote: it adds what that one lacks, and misbehaves."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response

from tests.sandbox_server import serving


@dataclass
class StripeProxy(ABC):
    """`url` is the proxy's, `client` goes to the peer behind it. `faults` are what the next calls meet whose path begins so:
    `before` and `after` answer 500 without or with the call having happened, `limited` 429, `garbled` after it happened."""

    client: httpx.AsyncClient
    url: str = ""
    faults: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0

    @abstractmethod
    async def forward(self, request: Request) -> tuple[int, bytes]:
        """The peer's status and body, in the words of the Stripe that the adapter is written for."""

    @abstractmethod
    async def intents(self, key: str) -> list[dict[str, Any]]:
        """The payments that the peer has under one of our keys."""

    async def take(self, request: Request) -> Response:
        path, method = request.url.path, request.method
        self.calls += 1
        fault = next((each for each in self.faults if method == "POST" and path.startswith(each[0])), None)
        if fault is not None:
            self.faults.remove(fault)
        if fault is not None and fault[1] in {"before", "limited"}:
            return _failure(500 if fault[1] == "before" else 429)
        status, content = await self.forward(request)
        if fault is not None and fault[1] == "after":
            return _failure(500)
        return Response(content[: len(content) // 2] if fault else content, status, media_type="application/json")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = FastAPI()
        app.add_route("/{path:path}", self.take, methods=["GET", "POST", "DELETE"])
        async with serving(app) as url:
            self.url = url
            yield


def _failure(status: int) -> Response:
    return Response(b'{"error": {"type": "api_error", "message": "it was told to"}}', status, media_type="application/json")
