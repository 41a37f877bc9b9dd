"""What stands before every route: a bound on bodies, refusal of text no database can hold, one log line and one measure for
each request, and an answer for what nobody foresaw. Pure ASGI, so that streams pass through."""

import json
import re
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import card_numbers
from api.metrics import Metrics
from api.problems import FieldError, problem

LARGEST_BODY = 1_000_000
"""Bytes."""

WEBHOOKS = "/v1/webhooks/"
"""Messages of gateways bring long numbers of their own, are signed over every byte, and are not kept as they came."""
_SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_WHY = "holds a NUL character or a lone surrogate, which text cannot be kept with"
log = structlog.get_logger()


class BoundedBody:
    """Reads the whole body before the route runs: 413 above `limit`, 400 where it is not UTF-8, 422 for text with NUL
    characters, lone surrogates or a card number, in the address as in the body."""

    def __init__(self, app: ASGIApp, limit: int = LARGEST_BODY) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = _bad_address(scope) or card_numbers.in_head(scope)
        body = b"" if refusal else await self._read(receive)
        if body is None:
            refusal = problem(413, f"the body may have at most {self._limit} bytes")
        elif not refusal:
            refusal = _bad_text(body) or (None if scope["path"].startswith(WEBHOOKS) else card_numbers.in_body(body))
        if refusal:
            await refusal(scope, receive, send)
        else:
            await self._app(scope, _replay(body or b"", receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The body, or None where it is too large. The server passes over the rest and keeps the connection, since closing it
        while a caller still sends would lose them the answer."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limit:
                return None
            if not message.get("more_body"):
                return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _bad_address(scope: Scope) -> Response | None:
    if _UNKEEPABLE.search(scope["path"]):
        return problem(422, f"the address {_WHY}", [FieldError(field="path", message=_WHY)])
    if b"%00" in scope["query_string"] or b"\x00" in scope["query_string"]:
        return problem(422, f"the query {_WHY}", [FieldError(field="query", message=_WHY)])
    return None


def _bad_text(body: bytes) -> Response | None:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return problem(400, "the body has to be JSON in UTF-8")
    if b"\x00" in body:
        return problem(400, "the body has to be JSON in UTF-8, without NUL bytes")
    field = _unkeepable(body) if _SUSPICIOUS.search(body) else None
    return problem(422, f"{field}: {_WHY}", [FieldError(field=field, message=_WHY)]) if field else None


def _unkeepable(body: bytes) -> str | None:
    """The first field whose name or text cannot be kept; None where there is none, or the body is not JSON."""
    try:
        return _search(json.loads(body), "")
    except (ValueError, RecursionError):
        return None


def _search(value: object, path: str) -> str | None:
    if isinstance(value, str):
        return (path or "body") if _UNKEEPABLE.search(value) else None
    if isinstance(value, list):
        found = (_search(inner, f"{path}[{index}]") for index, inner in enumerate(value))
        return next((field for field in found if field), None)
    if isinstance(value, dict):
        if any(_UNKEEPABLE.search(name) for name in value):
            return path or "body"
        found = (_search(inner, f"{path}.{name}" if path else name) for name, inner in value.items())
        return next((field for field in found if field), None)
    return None


class Observed:
    """Logs and measures each request, and answers 500 with an id where an error was not foreseen."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, began, status = uuid.uuid4().hex, time.perf_counter(), 0

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            log.exception("unforeseen error", request_id=request_id, path=card_numbers.shown(scope["path"]))
            if status:
                raise
            await _unforeseen(request_id)(scope, receive, noting)
        finally:
            self._note(scope, request_id, status, time.perf_counter() - began)

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        self._metrics.observe(scope["method"], route, status, seconds)
        log.info(
            "request",
            method=scope["method"],
            path=card_numbers.shown(scope["path"]),
            status=status,
            ms=round(seconds * 1000, 1),
            by=scope.get("state", {}).get("principal"),
            request_id=request_id,
        )


def _unforeseen(request_id: str) -> Response:
    return problem(500, f"this was not foreseen; its log lines carry the id {request_id}", extensions={"id": request_id})
