"""One JSON call to an outside system, with everything that can go wrong sorted into Refused, Unavailable or Unknown.

The texts of the errors name the system, the call, our own ids and the peer's error code. They never hold a body, a
token or a header, because they end in Temporal's history and in the logs.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from domain.errors import Refused, Unavailable, Unknown
from domain.values import Value

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 10.0

NOT_ATTEMPTED = "not_attempted"
"""The error code by which a peer says, with a 503, that it certainly did nothing."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_MAY_HAVE_HAPPENED = frozenset({408})

AnswerT = TypeVar("AnswerT", bound=BaseModel)


class Throttled(Unavailable):
    """The peer asks for patience. `retry_after_seconds` is what it named, or None."""

    def __init__(self, message: str, retry_after_seconds: float | None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True)
class Call:
    """`path` holds unescaped segments; `key` becomes the Idempotency-Key; `also_answers` are error statuses whose
    body is an answer all the same (a declined card)."""

    method: str
    path: tuple[str, ...]
    key: str | None = None
    body: BaseModel | None = None
    also_answers: frozenset[int] = frozenset()
    query: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.method} {'/'.join(self.path)}"


class _Problem(Value):
    code: str = ""


class Peer:
    """An outside system at `base_url`. `total_seconds` bounds a call from first to last byte; `headers` go with each call."""

    def __init__(
        self,
        name: str,
        base_url: str,
        client: httpx.AsyncClient,
        total_seconds: float = TOTAL_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._headers = dict(headers or {})
        self.name = name
        self._base_url = base_url.rstrip("/")
        self._client = client
        self._total_seconds = total_seconds
        self._timeout = httpx.Timeout(total_seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)

    async def call(self, call: Call, answer: type[AnswerT]) -> AnswerT:
        """Raises Refused on a 4xx, Unavailable when nothing was done, and Unknown when something may have been."""
        response = await self._exchange(call)
        if not response.is_success and response.status_code not in call.also_answers:
            raise self._failure(call, response)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError:
            raise self.unknown(call, "answered with something unreadable") from None

    def unknown(self, call: Call, what: str) -> Unknown:
        return Unknown(f"{self.name}: {call}: {what}")

    async def _exchange(self, call: Call) -> httpx.Response:
        try:
            async with asyncio.timeout(self._total_seconds):
                return await self._client.send(self._request(call), follow_redirects=False)
        except _NOT_SENT as error:
            raise Unavailable(f"{self.name}: {call}: could not connect ({type(error).__name__})") from error
        except httpx.RequestError as error:
            raise self.unknown(call, f"no complete answer ({type(error).__name__})") from error
        except TimeoutError as error:
            raise self.unknown(call, f"no complete answer within {self._total_seconds:g} s") from error

    def _request(self, call: Call) -> httpx.Request:
        headers = {"Accept": "application/json", **self._headers}
        if call.key is not None:
            headers["Idempotency-Key"] = quote(call.key, safe=":")
        content = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = call.body.model_dump_json()
        url = "/".join([self._base_url, *(quote(segment, safe="") for segment in call.path)])
        return self._client.build_request(
            call.method, url, params=call.query, headers=headers, content=content, timeout=self._timeout
        )

    def _failure(self, call: Call, response: httpx.Response) -> Refused | Unavailable | Unknown:
        status, code = response.status_code, _code(response)
        what = f"{self.name}: {call}: {code} (HTTP {status})"
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return _throttled(what, response)
        if status == httpx.codes.SERVICE_UNAVAILABLE and code == NOT_ATTEMPTED:
            return Unavailable(what)
        if response.is_client_error and status not in _MAY_HAVE_HAPPENED:
            return Refused(what, code)
        return Unknown(what)


def _code(response: httpx.Response) -> str:
    """The peer's own error code if it is one short word, which a body or a token could not be."""
    try:
        code = _Problem.model_validate_json(response.content).code
    except ValidationError:
        code = ""
    return code if code.isidentifier() and len(code) <= 60 else f"http_{response.status_code}"


def _throttled(what: str, response: httpx.Response) -> Throttled:
    """Only the form of Retry-After in seconds is understood (RFC 9110, 10.2.3); a date is as good as none."""
    named = response.headers.get("Retry-After", "")
    seconds = float(named) if named.isascii() and named.isdigit() else None
    return Throttled(what if seconds is None else f"{what}, retry after {seconds:g} s", seconds)
