"""Making a test clock and advancing it, as the API and the console both ask for it."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from activities.store import clocks
from api.auth import demand
from api.context import Context
from domain.clocks import FURTHEST, Advance, Clock, later
from domain.errors import BadInput
from domain.plans import Identifier
from domain.roles import Principal, Right
from domain.values import Instant, Name, StrictValue


class NewClock(StrictValue):
    """Stands still at `now` until it is advanced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "two-years", "now": "2026-01-31T09:00:00Z"}]})

    id: Identifier
    name: Name | None = None
    now: Instant


class AdvanceRequest(StrictValue):
    """Either."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"by": "P1M"}]})

    to: Instant | None = None
    by: Annotated[str, Field(max_length=40, description="a duration after ISO 8601, such as P1M")] | None = None

    @model_validator(mode="after")
    def _one(self) -> "AdvanceRequest":
        if (self.to is None) == (self.by is None):
            raise ValueError("to: give either it or 'by', such as {'by': 'P1M'}")
        return self


@dataclass(frozen=True)
class Begun:
    """An advance under way: where it began, where it goes, and what the clock shows at last, or Conflict where it came to a
    halt."""

    since: datetime
    to: datetime
    ended: Awaitable[str]


async def make(context: Context, principal: Principal, request: NewClock) -> Clock:
    """Raises BadInput, and Conflict where there is one of this id."""
    demand(principal, Right.write_records)
    now = context.now()
    clock = Clock(id=request.id, name=request.name or request.id, now=request.now, created_at=now, created_by=principal.name)
    if not now.year - 50 <= request.now.year <= now.year + 50:
        raise BadInput("now", "has to lie within fifty years of today")
    async with context.database.transaction() as connection:
        await clocks.add(connection, clock)
    return clock


async def advance(context: Context, clock: str, request: AdvanceRequest) -> Begun:
    """Raises NotFound, BadInput, and Conflict where it is being advanced already."""
    async with context.database.transaction() as connection:
        found = await clocks.get(connection, clock)
    to = request.to or later(found.now, request.by or "", "by")
    if to < found.now:
        raise BadInput("to" if request.to else "by", f"lies before what the clock shows, {found.now.isoformat()}")
    if to - found.now > FURTHEST:
        raise BadInput("to" if request.to else "by", f"one advance goes {FURTHEST.days // 366} years at most; take it in steps")
    return Begun(since=found.now, to=to, ended=await context.processes.advance(Advance(clock=clock, to=to)))
