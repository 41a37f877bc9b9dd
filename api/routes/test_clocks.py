"""Test clocks: chosen customers are moved through years in seconds, by the code that real ones live by."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from pydantic import ConfigDict, Field, model_validator
from starlette.responses import StreamingResponse

from activities.store import clock_events, clocks
from activities.store.clock_events import ClockEvent
from api.clock_stream import stream
from api.dependencies import BillingReader, Ctx, Db, RecordWriter
from api.openapi import declares
from api.paging import ById, Cursor, Limit, Page, cursor_of, page, position_of
from domain.clocks import FURTHEST, Advance, Clock, later
from domain.errors import BadInput
from domain.plans import Identifier
from domain.values import Instant, Name, StrictValue

router = APIRouter(prefix="/v1/test-clocks", tags=["test clocks"])
ClockId = Annotated[str, Path(max_length=64, examples=["two-years"])]


class NewClock(StrictValue):
    """Stands still at `now` until it is advanced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "two-years", "now": "2026-01-31T09:00:00Z"}]})

    id: Identifier
    name: Name | None = None
    now: Instant


class Attachment(StrictValue):
    customer: Identifier


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


class ShownClock(Clock):
    customers: list[str]


class EventQuery(StrictValue):
    cursor: Cursor | None = None
    limit: Limit = 50


class _Position(StrictValue):
    at: Instant
    id: str


@router.post("", status_code=201, summary="Make a test clock", responses=declares(409))
async def make_clock(request: Annotated[NewClock, Body()], principal: RecordWriter, context: Ctx) -> Clock:
    now = context.now()
    clock = Clock(id=request.id, name=request.name or request.id, now=request.now, created_at=now, created_by=principal.name)
    if not now.year - 50 <= request.now.year <= now.year + 50:
        raise BadInput("now", "has to lie within fifty years of today")
    async with context.database.transaction() as connection:
        await clocks.add(connection, clock)
    return clock


@router.get("", summary="List test clocks")
async def list_clocks(query: Annotated[ById, Query()], principal: BillingReader, database: Db) -> Page[Clock]:
    async with database.transaction() as connection:
        found = await clocks.page(connection, query.cursor, query.limit + 1)
    return page(found, query.limit, lambda clock: clock.id)


@router.get("/{clock}", summary="Look at a test clock", responses=declares(404))
async def get_clock(clock: ClockId, principal: BillingReader, database: Db) -> ShownClock:
    async with database.transaction() as connection:
        found = await clocks.get(connection, clock)
        return ShownClock(**dict(found), customers=await clocks.customers_of(connection, clock))


@router.post("/{clock}/customers", summary="Attach a customer", responses=declares(404, 409))
async def attach(clock: ClockId, request: Annotated[Attachment, Body()], principal: RecordWriter, database: Db) -> ShownClock:
    """From now on, and for good, the clock says what the time is for this customer, who must not have ordered anything yet."""
    async with database.transaction() as connection:
        await clocks.attach(connection, clock, request.customer)
        found = await clocks.get(connection, clock)
        return ShownClock(**dict(found), customers=await clocks.customers_of(connection, clock))


@router.post(
    "/{clock}/advance",
    summary="Advance a test clock",
    response_class=StreamingResponse,
    responses={
        200: {"description": "a line of JSON for each thing that happens", "content": {"application/x-ndjson": {}}},
        **declares(404, 409),
    },
)
async def advance(
    clock: ClockId, request: Annotated[AdvanceRequest, Body()], principal: RecordWriter, context: Ctx
) -> StreamingResponse:
    """All that falls due to its customers on the way happens, instant by instant, each settled before the next. The answer has
    a line for each thing that happens, `{"event": …}`, and at last `{"now": …}`, or `{"error": …}` where it came to a halt: it
    goes on from there when it is asked again. It goes on too when the caller goes away."""
    async with context.database.transaction() as connection:
        found = await clocks.get(connection, clock)
    to = request.to or later(found.now, request.by or "", "by")
    if to < found.now:
        raise BadInput("to" if request.to else "by", f"lies before what the clock shows, {found.now.isoformat()}")
    if to - found.now > FURTHEST:
        raise BadInput("to" if request.to else "by", f"one advance goes {FURTHEST.days // 366} years at most; take it in steps")
    ended = await context.processes.advance(Advance(clock=clock, to=to))
    return StreamingResponse(stream(context.database, clock, found.now, ended), media_type="application/x-ndjson")


@router.get("/{clock}/events", summary="What happened by a test clock", responses=declares(404))
async def get_events(
    clock: ClockId, query: Annotated[EventQuery, Query()], principal: BillingReader, database: Db
) -> Page[ClockEvent]:
    """In the clock's order of time."""
    position = position_of(_Position, query.cursor)
    after = None if position is None else (position.at, position.id)
    async with database.transaction() as connection:
        await clocks.get(connection, clock)
        found = await clock_events.page(connection, clock, after, query.limit + 1)
    return page(found, query.limit, lambda one: cursor_of(_Position(at=one.at, id=one.id)))
