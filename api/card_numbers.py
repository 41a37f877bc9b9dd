"""No card number comes in: looked for in all that a request may bring and this product may keep."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response
from starlette.types import Scope

from api.problems import FieldError, problem
from domain.cards import REFUSAL, shows_card_number

HIDDEN = "(an address with a card number)"
_FEWEST_DIGITS = 13
_KEPT_HEADERS = (b"idempotency-key", b"webhook-id")
_COUNTED = frozenset({"minor"})
"""Numbers that are amounts, of any length."""


def in_head(scope: Scope) -> Response | None:
    """The refusal of a request whose address or kept headers show one."""
    if shows_card_number(scope["path"]):
        return _refusal("path")
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if shows_card_number(value) or shows_card_number(name):
            return _refusal("query" if shows_card_number(name) else name)
    for header in _KEPT_HEADERS:
        if any(name == header and shows_card_number(value.decode("latin-1")) for name, value in scope["headers"]):
            return _refusal(header.decode())
    return None


def in_body(body: bytes) -> Response | None:
    """The refusal of a body, in UTF-8, with one in any name, text or number, at any depth; of one that is no JSON, as it is."""
    if sum(body.count(digit) for digit in b"0123456789") < _FEWEST_DIGITS and body.isascii() and b"\\u" not in body:
        return None
    try:
        field = next(_shown(_parsed(body), ""), None)
    except (ValueError, RecursionError):
        field = "body" if shows_card_number(body.decode("utf-8")) else None
    return _refusal(field or "body") if field is not None else None


def shown(path: str) -> str:
    """An address as it may be logged."""
    return HIDDEN if shows_card_number(path) else path


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)


def _shown(value: object, path: str) -> Iterator[str]:
    """Fields that show one. A name that does is not repeated: the field is then what it stands in."""
    if isinstance(value, str):
        if shows_card_number(value):
            yield path
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) >= 10 ** (_FEWEST_DIGITS - 1) and shows_card_number(str(value)):
            yield path
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _shown(inner, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, inner in value.items():
            if shows_card_number(name):
                yield path
            elif not (name in _COUNTED and isinstance(inner, int)):
                yield from _shown(inner, f"{path}.{name}" if path else name)


def _refusal(field: str) -> Response:
    return problem(422, f"{field}: {REFUSAL}", [FieldError(field=field, message=REFUSAL)])
