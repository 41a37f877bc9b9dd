"""The base of every domain value: frozen, and tolerant of fields that a later release adds."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=120)]
LARGEST_QUANTITY = 1_000_000
Quantity = Annotated[int, Field(ge=1, le=LARGEST_QUANTITY, strict=True)]
"""Units of a plan."""
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["DE"])]
"""ISO 3166-1 alpha-2."""


class Value(BaseModel):
    """A frozen value. Unknown fields are ignored, since payloads in old histories must stay readable."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class StrictValue(BaseModel):
    """A frozen value at the HTTP edge: an unknown field is an error that names it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def digest_of(value: Value) -> str:
    """SHA-256 of the value as JSON: the same for the same value, in any process."""
    return sha256(value.model_dump_json().encode()).hexdigest()


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; ValueError where it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError("needs a time zone, for example 2026-12-01T09:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("needs a year from 1 to 9999 in UTC") from None


Instant = Annotated[datetime, AfterValidator(as_utc)]
"""An aware moment, normalised to UTC; a naive datetime is refused."""
