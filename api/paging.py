"""Lists in pages: a page says where the next one begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field, ValidationError

from domain.errors import BadInput
from domain.values import StrictValue, Value

Item = TypeVar("Item")
Position = TypeVar("Position", bound=BaseModel)
LARGEST_PAGE = 200

Limit = Annotated[int, Field(ge=1, le=LARGEST_PAGE, description="how many at most")]
IdCursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,200}$", description="`next` of the page before")]
NumberCursor = Annotated[str, Field(pattern=r"^[0-9]{1,18}$", description="`next` of the page before")]

Cursor = Annotated[str, Field(max_length=600, description="`next` of the page before")]


class Page(Value, Generic[Item]):
    """`next` is given back as `cursor` for the page after; null on the last one."""

    items: list[Item]
    next: str | None = None


class ById(StrictValue):
    """The query of a list in order of id."""

    cursor: IdCursor | None = None
    limit: Limit = 50


def page(found: Sequence[Item], limit: int, cursor_of: Callable[[Item], str]) -> Page[Item]:
    """A page of `found`, which was read with `limit` + 1."""
    more = len(found) > limit
    shown = list(found[:limit])
    return Page(items=shown, next=cursor_of(shown[-1]) if more else None)


def slice_by_id(found: dict[str, Item], asked: ById) -> Page[Item]:
    """A page of records that are all in memory."""
    ids = sorted(key for key in found if asked.cursor is None or key > asked.cursor)[: asked.limit + 1]
    more = len(ids) > asked.limit
    ids = ids[: asked.limit]
    return Page(items=[found[key] for key in ids], next=ids[-1] if more else None)


def cursor_of(position: BaseModel) -> str:
    """A position in a list that is in order of more than one field."""
    return base64.urlsafe_b64encode(position.model_dump_json().encode()).decode().rstrip("=")


def position_of(kind: type[Position], cursor: str | None) -> Position | None:
    """Raises BadInput for what this list has not given out."""
    if cursor is None:
        return None
    try:
        return kind.model_validate_json(base64.urlsafe_b64decode(cursor.encode() + b"=="))
    except (ValueError, binascii.Error, ValidationError, OverflowError):
        raise BadInput("cursor", "is not one that this list has given out") from None
