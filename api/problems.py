"""Everything that goes wrong, told as a problem document (RFC 9457)."""

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import BadInput, Conflict, NotFound, TurnupError, Unavailable, Unknown
from domain.values import Value

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2
"""Seconds a caller should wait when something passes by itself."""
MOST_ERRORS = 50

Location = Sequence[str | int]


class FieldError(Value):
    """`field` is a path such as `items[0].quantity`; `message` says what would be right."""

    field: str
    message: str


class Problem(Value):
    """RFC 9457. `errors` names the fields of a request that are wrong; some problems add members of their own."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class Unauthorized(TurnupError):
    """Nobody knows who asks."""


class Forbidden(TurnupError):
    """It is known who asks, and that they may not."""


class Partly(Conflict):
    """A conflict with an offer: `extensions` are added to the problem document."""

    def __init__(self, message: str, extensions: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.extensions = extensions


def problem(
    status: int,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    extensions: Mapping[str, Any] | None = None,
) -> Response:
    """The response for one problem."""
    document = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=list(errors))
    content = document.model_dump(mode="json", exclude_defaults=True) | {"type": document.type} | dict(extensions or {})
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""
    handlers: dict[type[Exception], Callable[[Request, Any], Any]] = {
        TurnupError: _domain,
        RequestValidationError: _invalid,
        HTTPException: _http,
        OverflowError: _out_of_range,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def bad_input(error: ValidationError, prefix: str = "") -> BadInput:
    """The first fault pydantic found, as the domain says it. A message of the form `field: …` names its own field."""
    fault = error.errors(include_url=False, include_input=False)[0]
    named = _named(_path(fault["loc"]), _words(fault))
    return BadInput(prefix + named.field, named.message)


async def _domain(_request: Request, error: TurnupError) -> Response:
    match error:
        case Unauthorized():
            return problem(401, str(error), headers={"WWW-Authenticate": "Bearer"})
        case Forbidden():
            return problem(403, str(error))
        case NotFound():
            return problem(404, str(error))
        case Partly():
            return problem(409, str(error), extensions=error.extensions)
        case Conflict():
            return problem(409, str(error))
        case BadInput():
            return problem(422, str(error), [FieldError(field=error.field, message=error.message)])
        case Unavailable() | Unknown():
            return problem(503, str(error), headers={"Retry-After": str(RETRY_AFTER)})
    return problem(422, str(error))


async def _http(_request: Request, error: HTTPException) -> Response:
    said = {404: "there is nothing at this address; see /docs", 405: "this address does not take this method; see /docs"}
    return problem(error.status_code, said.get(error.status_code, str(error.detail)), headers=error.headers)


async def _out_of_range(_request: Request, _error: OverflowError) -> Response:
    """A date such as the year 1 in a zone east of Greenwich, which has no moment in UTC."""
    return problem(422, "a date or number in the request is out of range")


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    faults = error.errors()
    if faults and faults[0]["type"] == "json_invalid":
        where = faults[0]["loc"][-1]
        at = f" at character {where}" if isinstance(where, int) else ""
        return problem(400, f"the body is not JSON: {faults[0]['ctx']['error']}{at}")
    if isinstance(error.body, bytes) and error.body:
        return problem(415, "the body has to be JSON, sent with Content-Type: application/json")
    errors = [_fault(fault, error.body) for fault in faults[:MOST_ERRORS]]
    detail = "; ".join(f"{each.field}: {each.message}" for each in errors[:3])
    return problem(422, detail + (f"; and {len(faults) - 3} more" if len(faults) > 3 else ""), errors)


def _fault(fault: Mapping[str, Any], body: object) -> FieldError:
    named = _named(_field(fault, body), _words(fault))
    return named.model_copy(update={"field": named.field or "body"})


def _named(field: str, message: str) -> FieldError:
    """A message of the form `field: …` names a field within the one that it was found at, or that one again."""
    found = _NAMED.match(message)
    if found is None:
        return FieldError(field=field, message=message)
    inner, rest = found.groups()
    around, _, last = field.rpartition(".")
    within = around if re.split(r"[.\[]", inner)[0] == last else field
    field = f"{within}.{inner}" if within else inner
    return FieldError(field=field, message=rest)


_NAMED = re.compile(r"([a-z_]+(?:\[\d+\]|\.[a-z_]+)*): (.+)", re.DOTALL)


def _field(fault: Mapping[str, Any], body: object) -> str:
    """The field as the caller wrote it: `body`, `query` and the like left out, and the tags of unions that pydantic adds."""
    location: Location = fault["loc"]
    if location[:1] != ("body",):
        return _path(location[1:])
    kept: list[str | int] = []
    for index, part in enumerate(location[1:], start=2):
        is_absent = fault["type"] == "missing" and index == len(location)
        is_tag = isinstance(part, str) and _has_no(body, part) and not is_absent
        if not is_tag:
            kept.append(part)
            body = _inside(body, part)
    return _path(kept)


def _has_no(body: object, field: str) -> bool:
    """A tag may have the name of a field, which is then taken for the field; what follows is in no object any more."""
    return field not in body if isinstance(body, dict) else isinstance(body, str | int | float)


def _inside(body: object, part: str | int) -> object:
    if isinstance(body, dict):
        return body.get(part)
    if isinstance(body, list) and isinstance(part, int) and part < len(body):
        return body[part]
    return None


def _path(location: Location) -> str:
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if text else part
    return text


def _words(fault: Mapping[str, Any]) -> str:
    known = {
        "missing": "is required",
        "extra_forbidden": "there is no such field; see /docs for those there are",
        "string_unicode": "has to be Unicode text without lone surrogates",
    }
    if fault["type"] in known:
        return known[fault["type"]]
    message = str(fault["msg"]).removeprefix("Value error, ")
    return re.sub(r"^Input ", "", message).replace("String should", "should")
