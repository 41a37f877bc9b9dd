"""The API's own description. What every operation of a kind can answer is declared here, once for all."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.problems import MEDIA_TYPE, Problem

DESCRIPTION = """
Takes orders from *accepted* to *live and billed*. Errors are problem documents (RFC 9457) that name the field and say what
would be right. Lists come in pages: give `next` back as `cursor`. Placing an order with an `Idempotency-Key` is safe to repeat.
"""
MEANINGS = {
    400: "The body is not JSON in UTF-8",
    401: "No API key was sent, or it is unknown or revoked",
    403: "The key lacks the right; the problem names it",
    404: "There is no such record",
    409: "Right in itself, but not in the present state",
    413: "The body has more than 1,000,000 bytes",
    415: "The body was not sent as application/json",
    422: "A field is wrong; `errors` names it and says what would be right",
    500: "Not foreseen; `id` finds it in the log",
    503: "Something this needs does not answer now; try again after `Retry-After` seconds",
}
_METHODS = ("get", "post", "put", "patch", "delete")


def declares(
    *given: int | dict[int, str],
    model: type[BaseModel] | None = None,
    headers: dict[str, str] | None = None,
    streams: str | None = None,
) -> dict[int | str, dict[str, Any]]:
    """Responses of one route besides those of every route: problems by code, and successes with their meaning, all of
    `model`. `streams` describes a text/event-stream."""
    found: dict[int | str, dict[str, Any]] = {}
    for entry in given:
        if isinstance(entry, int):
            found[entry] = _problem(entry)
            continue
        for code, meaning in entry.items():
            found[code] = {"description": meaning} | ({"model": model} if model else {})
    if headers:
        shown = {name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()}
        for code in (200, 201, 202):
            found.setdefault(code, {})["headers"] = shown
    if streams:
        found[200] = {"content": {"text/event-stream": {"schema": {"type": "string", "description": streams}}}}
    return found


def install(app: FastAPI) -> None:
    """Serve the description with every error declared."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1."""
    schema = get_openapi(title=app.title, version=app.version, summary=app.summary, description=DESCRIPTION, routes=app.routes)
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    schemas.update(schemas["Problem"].pop("$defs"))
    schemas["Problem"]["additionalProperties"] = True
    schemas["Problem"]["required"] = ["type", "title", "status", "detail"]
    for path, operation in _operations(schema):
        _declare_common(path, operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return schema


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield path, methods[method]


def _declare_common(path: str, operation: dict[str, Any]) -> None:
    codes = {500}
    if path.startswith("/v1"):
        codes |= {401, 503}
    if operation.get("security"):
        codes.add(403)
    if "requestBody" in operation:
        codes |= {400, 413, 415, 422}
    if operation.get("parameters"):
        codes.add(422)
    operation["responses"].pop("422", None)
    for code in sorted(codes):
        operation["responses"].setdefault(str(code), _problem(code))


def _problem(code: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": MEANINGS[code], "content": content}
