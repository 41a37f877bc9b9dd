"""The command line's way to the API: one line for every way it can go wrong."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx

from activities.runtime.settings import Settings
from domain.errors import TurnupError, Unavailable
from workers.embedded.running import with_running_stack

RECONNECT_AFTER = 1.0
"""Seconds."""


class ApiRefused(TurnupError):
    """The API's problem document (RFC 9457) as one line; `problem` is the document, {} where the answer held none."""

    def __init__(self, answer: httpx.Response) -> None:
        self.problem = _problem(answer)
        super().__init__(_words(self.problem, answer.status_code))


class _NoMore(Exception):
    """The server says not to connect again."""


class Api:
    """A connection for one command."""

    def __init__(self, settings: Settings) -> None:
        found = with_running_stack(settings)
        if found.api_url is None:
            raise Unavailable("no API to talk to: run `turnup start`, or set TURNUP_API_URL")
        self._url = found.api_url
        headers = {"Authorization": f"Bearer {_key(found)}", "Accept": "application/json"}
        self._http = httpx.Client(base_url=self._url, headers=headers, timeout=30)

    def get(self, path: str, **query: Any) -> Any:
        """The decoded answer. Raises `ApiRefused` or `Unavailable`."""
        return self._send("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: object, *, key: str | None = None, **query: Any) -> Any:
        """As `get`. With `key` a repeated call has its effect once."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._send("POST", path, json=body, headers=headers, params=query)

    def patch(self, path: str, body: object) -> Any:
        """As `get`."""
        return self._send("PATCH", path, json=body)

    def lines(self, path: str, body: object) -> Iterator[dict[str, Any]]:
        """What is posted is answered by lines of JSON, for as long as it takes. Raises as `get`, also where it breaks off."""
        try:
            with self._http.stream("POST", path, json=body, timeout=httpx.Timeout(30, read=None)) as answer:
                if not answer.is_success:
                    answer.read()
                    raise ApiRefused(answer)
                yield from map(json.loads, answer.iter_lines())
        except httpx.TransportError as error:
            raise self._unavailable(error) from None

    def download(self, path: str, **query: Any) -> Iterator[bytes]:
        """A file in pieces. Raises as `get`, also where it breaks off."""
        given = {name: value for name, value in query.items() if value is not None}
        try:
            with self._http.stream("GET", path, params=given, headers={"Accept": "*/*"}, timeout=60) as answer:
                if not answer.is_success:
                    answer.read()
                    raise ApiRefused(answer)
                yield from answer.iter_bytes()
        except httpx.TransportError as error:
            raise self._unavailable(error) from None

    def events(self, path: str) -> Iterator[dict[str, Any]]:
        """Server-sent events; a broken connection goes on after the last one received. Ends where there are no more to come."""
        last: str | None = None
        while True:
            try:
                for identity, event in self._stream(path, last):
                    last = identity or last
                    yield event
            except httpx.TransportError:
                pass
            except _NoMore:
                return
            time.sleep(RECONNECT_AFTER)

    def _stream(self, path: str, last: str | None) -> Iterator[tuple[str | None, dict[str, Any]]]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        with self._http.stream("GET", path, headers=headers, timeout=httpx.Timeout(30, read=60)) as answer:
            if not answer.is_success:
                answer.read()
                raise ApiRefused(answer)
            if answer.status_code == httpx.codes.NO_CONTENT:
                raise _NoMore
            yield from _server_sent(answer.iter_lines())

    def _send(self, method: str, path: str, **how: Any) -> Any:
        try:
            answer = self._http.request(method, path, **how)
        except httpx.TransportError as error:
            raise self._unavailable(error) from None
        if not answer.is_success:
            raise ApiRefused(answer)
        return answer.json()

    def _unavailable(self, error: httpx.TransportError) -> Unavailable:
        return Unavailable(f"the API does not answer at {self._url}: {error}")


def _server_sent(lines: Iterator[str]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Each event's id and its data, which is JSON; comments and events without data are passed over."""
    identity, data = None, ""
    for line in lines:
        name, _, value = line.partition(":")
        if name == "id":
            identity = value.strip()
        elif name == "data":
            data += value.removeprefix(" ")
        elif not line and data:
            yield identity, json.loads(data)
            identity, data = None, ""


def _key(settings: Settings) -> str:
    if settings.api_key:
        return settings.api_key.get_secret_value()
    file = settings.admin_key_file or settings.data_dir / "admin.key"
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        raise Unavailable("no key for the API: set TURNUP_API_KEY") from None


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _words(problem: dict[str, Any], status: int) -> str:
    """Each thing once: the detail of a problem may already name the fields that its errors name."""
    detail = str(problem.get("detail") or problem.get("title") or f"the API answered {status}")
    fields = [f"{error.get('field', '')}: {error.get('message', '')}" for error in problem.get("errors", ())]
    said = fields if fields and detail.startswith(fields[0]) else [detail, *fields]
    return f"{'; '.join(said)} ({status})" if problem else detail
