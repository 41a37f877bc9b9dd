"""Tokens of previews: what was shown, and the instant that it was computed for.

A token is no secret and opens nothing: it says which instant the commit is to be computed for, and the digest of what has to
come out of it. Whoever makes one up gets what a preview at that instant would have offered, or is refused."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Header
from pydantic import Field

from domain.errors import BadInput, Conflict
from domain.values import Value, digest_of

FIELD = "Preview-Token"
VALID_FOR = timedelta(minutes=30)
PreviewToken = Annotated[
    str | None,
    Header(
        alias=FIELD,
        max_length=200,
        description="`token` of a preview: what it showed is charged, or the request is refused with 409",
    ),
]
Token = Annotated[str, Field(description="give it back as `Preview-Token` to be charged this, within 30 minutes, or nothing")]


def token_of(at: datetime, shown: Value) -> str:
    return base64.urlsafe_b64encode(f"{at.astimezone(UTC).isoformat()} {digest_of(shown)}".encode()).decode().rstrip("=")


def instant_of(token: str, now: datetime) -> datetime:
    """The instant that the commit is computed for. BadInput for what is no token, Conflict for one that is too old."""
    at, _ = _parts(token)
    if not now - VALID_FOR <= at <= now:
        raise Conflict(f"the preview is of {at:%Y-%m-%d %H:%M} UTC, and holds for 30 minutes; preview again")
    return at


def digest_in(token: str, now: datetime) -> str:
    """What has to come out of the commit. Raises as `instant_of`."""
    instant_of(token, now)
    return _parts(token)[1]


def refuse_stale(token: str, shown: Value) -> None:
    """Conflict where what is about to be charged is not what the preview showed."""
    if _parts(token)[1] != digest_of(shown):
        raise Conflict("this comes to other than the preview showed, or is another request; preview again")


def _parts(token: str) -> tuple[datetime, str]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        moment, _, digest = text.partition(" ")
        at = datetime.fromisoformat(moment)
    except (binascii.Error, UnicodeError, ValueError):
        raise BadInput(FIELD, "is no token of a preview; send its `token` as it was") from None
    if at.tzinfo is None or not digest:
        raise BadInput(FIELD, "is no token of a preview; send its `token` as it was")
    return at, digest
