"""Test clocks: chosen customers are moved through years in seconds, by the code that real ones live by."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from starlette.responses import StreamingResponse

from activities.store import clock_events, clocks
from activities.store.clock_events import ClockEvent
from api import test_clocks
from api.clock_stream import stream
from api.dependencies import BillingReader, Ctx, Db, RecordWriter
from api.openapi import declares
from api.paging import ById, Cursor, Limit, Page, cursor_of, page, position_of
from api.test_clocks import AdvanceRequest, NewClock
from domain.clocks import Clock
from domain.plans import Identifier
from domain.values import Instant, StrictValue

router = APIRouter(prefix="/v1/test-clocks", tags=["test clocks"])
ClockId = Annotated[str, Path(max_length=64, examples=["two-years"])]


class Attachment(StrictValue):
    customer: Identifier


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
    return await test_clocks.make(context, principal, request)


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
    a line for each thing that happens, `{"event": …}`, and at last `{"now": …}`, or `{"error": …, "fallout": […]}` where it
    came to a halt, with what waits for a decision: it goes on from there when it is asked again. It goes on too when the
    caller goes away."""
    begun = await test_clocks.advance(context, clock, request)
    return StreamingResponse(stream(context.database, clock, begun.since, begun.ended), media_type="application/x-ndjson")


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
