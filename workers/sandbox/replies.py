"""What the sandbox sends back, also where it sends nothing or nonsense."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HANG_UP = "turnup.hang_up"
"""The ASGI extension by which `wire` lets a response drop the connection."""


@dataclass(frozen=True)
class Reply:
    """`remember` says whether the same idempotency key gets this very reply again."""

    status: int
    content: str
    remember: bool = True
    media_type: str = "application/json"

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        return Response(self.content, self.status, headers, self.media_type)


class Problem(Exception):
    """A definite no. Nothing has changed."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail

    def reply(self) -> Reply:
        content = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        return Reply(self.status, json.dumps(content), False, "application/problem+json")


def answer(status: int, body: BaseModel, *, remember: bool = True) -> Reply:
    return Reply(status, body.model_dump_json(), remember)


class HangUp(Response):
    """No answer at all: after the delay, or once the caller gave up, the connection is dropped."""

    def __init__(self, delay_seconds: float) -> None:
        super().__init__()
        self._delay_seconds = delay_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _pause(receive, self._delay_seconds)
        scope["extensions"][HANG_UP]["abort"]()
        await _caller_gone(receive)


class Late(Response):
    """A whole answer that takes its time."""

    def __init__(self, reply: Reply, delay_seconds: float) -> None:
        super().__init__()
        self._reply = reply
        self._delay_seconds = delay_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _pause(receive, self._delay_seconds)
        await self._reply.response()(scope, receive, send)


def garbled(reply: Reply) -> Response:
    """The right status with an answer cut off in the middle."""
    return Response(reply.content[: len(reply.content) // 2], reply.status, media_type=reply.media_type)


async def _pause(receive: Receive, seconds: float) -> None:
    if seconds > 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(_caller_gone(receive), seconds)


async def _caller_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
