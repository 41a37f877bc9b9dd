"""The patrol: what must never be, and where it was found."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from activities.store import patrol
from activities.store.patrol import Finding
from api.dependencies import Db, Reader
from api.paging import Limit, NumberCursor, Page, page
from domain.invariants.catalogue import INVARIANTS
from domain.values import StrictValue, Value

router = APIRouter(prefix="/v1/patrol", tags=["patrol"])


class PatrolQuery(StrictValue):
    open: Annotated[bool, Field(description="only what still holds, or only what is gone")] | None = None
    cursor: NumberCursor | None = None
    limit: Limit = 50


class Invariant(Value):
    """`open` counts what was found against it and is not gone."""

    name: str
    says: str
    open: int


class Patrol(Page[Finding]):
    """`finished_at` is the end of the last round, null before the first; `orders` is how many it looked at."""

    finished_at: datetime | None
    orders: int
    invariants: list[Invariant]


@router.get("", summary="What the patrol found")
async def show_patrol(query: Annotated[PatrolQuery, Query()], principal: Reader, database: Db) -> Patrol:
    """Findings of the rounds, the newest first. A finding is a mistake of this product, or of somebody who changed the
    database by hand: what people have to decide in the ordinary way is fallout."""
    before = int(query.cursor) if query.cursor is not None else None
    async with database.transaction() as connection:
        last = await patrol.last_round(connection)
        counts = await patrol.open_by_invariant(connection)
        found = await patrol.findings(connection, is_open=query.open, before=before, limit=query.limit + 1)
    shown = page(found, query.limit, lambda finding: str(finding.id))
    invariants = [Invariant(name=one.name, says=one.says, open=counts.get(one.name, 0)) for one in INVARIANTS]
    return Patrol(items=shown.items, next=shown.next, finished_at=last.finished_at, orders=last.orders, invariants=invariants)
