"""Orders: placed, listed, looked at, and acted on."""

from typing import Annotated

from fastapi import APIRouter, Body, Header, Query, Response
from pydantic import Field
from starlette.requests import Request
from starlette.responses import StreamingResponse

from activities.runtime.settings import Settings
from activities.store import views
from activities.store.database import Connection
from activities.store.entitlements import Entitlement
from activities.store.views import EventPage, InboxMessage, OrderDetail, OrderFilter, OrderLine, OrderScreening, StoredEvent
from api import acceptance, commands, live
from api.acceptance import Placed
from api.auth import Keyring
from api.commands import Amended, Answered, Cancelled
from api.dependencies import Approver, Changer, Config, Ctx, Db, Key, OrderId, OwnReader, Placer, Reader
from api.links import OrderLinks, links
from api.openapi import declares
from api.paging import Limit, NumberCursor, Page, page
from api.preview import OrderPreview
from api.preview_tokens import PreviewToken
from api.requests import DecisionRequest
from api.samples import AMEND, CHANGES, ORDER
from domain.cancellation import CancellationPreview, CancelRequest
from domain.errors import NotFound
from domain.jeopardy import Jeopardy
from domain.money import Money
from domain.orders import AmendRequest, OrderRequest
from domain.plans import Identifier
from domain.roles import Principal, Right
from domain.states import OrderState
from domain.values import StrictValue, Value

router = APIRouter(prefix="/v1/orders", tags=["orders"])


class PlacedOrder(Value):
    id: str
    state: OrderState
    version: int
    total: Money
    links: OrderLinks


class OrderWithLinks(OrderDetail):
    links: OrderLinks
    inbox: list[InboxMessage] = []
    entitlements: list[Entitlement] = []
    screening: OrderScreening | None = None


class OrderQuery(StrictValue):
    state: OrderState | None = None
    customer: Identifier | None = None
    waiting_on: Annotated[str, Field(min_length=1, max_length=200, description="how the text begins")] | None = None
    jeopardy: Jeopardy | None = None
    cursor: NumberCursor | None = None
    limit: Limit = 50


class EventQuery(StrictValue):
    after: Annotated[int, Field(ge=0, le=2**31 - 1, description="the `seq` of the last event known")] = 0
    limit: Limit = 100


@router.post(
    "",
    status_code=202,
    summary="Place an order",
    responses=declares(
        409,
        {200: "Placed before under the same Idempotency-Key", 201: "Kept as a draft"},
        model=PlacedOrder,
        headers={"Location": "the order", "Idempotent-Replayed": "`true` where this key placed it before"},
    ),
)
async def place_order(
    request: Annotated[OrderRequest, Body(examples=[ORDER, CHANGES])],
    principal: Placer,
    context: Ctx,
    settings: Config,
    response: Response,
    key: Key = None,
    token: PreviewToken = None,
) -> PlacedOrder:
    """Checks the order against the catalogue, freezes its prices, coupons and tax and keeps it, whole or not at all; it is
    then fulfilled in its own time, and its state can be read or watched. With `submit: false` it stays a draft."""
    placed = await acceptance.place(context, principal, request, key, token)
    return _placed(placed, settings, response)


@router.post("/preview", summary="See what an order would cost and do")
async def preview_order(
    request: Annotated[OrderRequest, Body(examples=[ORDER, CHANGES])], principal: Placer, context: Ctx
) -> OrderPreview:
    """The money, the steps, the points of no return and the blockers. Placing the same order charges the same amount, or is
    refused where the `token` is given back and it would not."""
    return await acceptance.preview(context, principal, request)


@router.get("", summary="List orders, the newest first")
async def list_orders(query: Annotated[OrderQuery, Query()], principal: Reader, database: Db) -> Page[OrderLine]:
    wanted = OrderFilter.model_validate(query.model_dump())
    before = int(query.cursor) if query.cursor else None
    async with database.transaction() as connection:
        found = await views.order_lines(connection, wanted, before, query.limit + 1)
    return page(found, query.limit, lambda line: str(line.number))


@router.get("/{order_id}", summary="Look at one order", responses=declares(404))
async def get_order(order_id: OrderId, principal: OwnReader, database: Db, settings: Config) -> OrderWithLinks:
    """Its items, steps, payments, approvals, fallout, invoice and services; what it waits for and whose turn it is; and where
    else to look at it."""
    async with database.transaction() as connection:
        await _refuse_others(connection, principal, order_id)
        detail = await views.order_detail(connection, order_id)
        inbox = await views.inbox_of(connection, order_id)
        granted = await views.entitlements_of(connection, order_id)
        screening = await views.screening_of(connection, order_id)
    beside = {"links": links(settings, order_id), "inbox": inbox, "entitlements": granted, "screening": screening}
    return OrderWithLinks.model_validate({**dict(detail), **beside})


@router.patch("/{order_id}", summary="Amend an order", responses=declares(404, 409))
async def amend_order(
    order_id: OrderId,
    request: Annotated[AmendRequest, Body(examples=[AMEND])],
    principal: Changer,
    context: Ctx,
    key: Key = None,
) -> Amended:
    """Of an order at work, new steps are held back, running ones finish, and the difference to what has really been done is
    computed and priced. A draft is simply changed."""
    return await commands.amend(context, principal, order_id, request, key)


@router.post("/{order_id}/submit", status_code=202, summary="Submit a draft", responses=declares(404, 409))
async def submit_order(
    order_id: OrderId,
    principal: Placer,
    context: Ctx,
    settings: Config,
    response: Response,
    key: Key = None,
    token: PreviewToken = None,
) -> PlacedOrder:
    """At today's prices, coupons and tax."""
    placed = await acceptance.submit_draft(context, principal, order_id, key, token)
    return _placed(placed, settings, response)


@router.post(
    "/{order_id}/cancel",
    status_code=202,
    summary="Cancel an order, or see what that would come to",
    responses=declares(404, 409, {200: "What cancelling would come to"}, model=CancellationPreview),
)
async def cancel_order(
    order_id: OrderId,
    principal: Changer,
    context: Ctx,
    response: Response,
    request: Annotated[CancelRequest | None, Body(examples=[{"reason": "ordered twice"}])] = None,
    preview: Annotated[bool, Query(description="change nothing; say what would be refunded, kept and not undone")] = False,
    key: Key = None,
) -> Cancelled | CancellationPreview:
    """A request that can be refused. Where some items are past their point of no return, the 409 carries an offer as `preview`;
    repeat the request with `accept_partial: true` to take it."""
    asked = request or CancelRequest()
    if preview:
        response.status_code = 200
        return await commands.preview_cancellation(context, principal, order_id, asked.items)
    return await commands.cancel(context, principal, order_id, asked, key)


@router.post("/{order_id}/approvals", summary="Approve, reject or delegate", responses=declares(404, 409))
async def decide_order(
    order_id: OrderId, request: DecisionRequest, principal: Approver, context: Ctx, key: Key = None
) -> Answered:
    """Counts as the word of whoever holds the key. Nobody decides on an order they placed."""
    return await commands.decide(context, principal, order_id, request, key)


@router.get(
    "/{order_id}/events",
    summary="Its history; live with Accept: text/event-stream",
    response_model=Page[StoredEvent],
    responses=declares(
        404,
        {204: "The order has ended and everything up to `Last-Event-ID` is known"},
        streams="id = seq, event = type, data = the event as JSON; ends with the order",
    ),
)
async def order_events(
    order_id: OrderId,
    query: Annotated[EventQuery, Query()],
    principal: OwnReader,
    database: Db,
    request: Request,
    accept: Annotated[str, Header()] = "application/json",
    last_event_id: Annotated[
        int | None, Header(alias="Last-Event-ID", ge=0, le=2**31 - 1, description="go on after this event")
    ] = None,
) -> Page[StoredEvent] | Response:
    """As JSON, a page of events after `after`. As server-sent events, all of them and then each as it happens."""
    after = query.after if last_event_id is None else last_event_id
    async with database.transaction() as connection:
        await _refuse_others(connection, principal, order_id)
        found = await views.event_page(connection, order_id, after, query.limit + 1)
    if "text/event-stream" in accept:
        return _live(request, order_id, after, found)
    return page(found.items, query.limit, lambda event: str(event.seq))


def _placed(placed: Placed, settings: Settings, response: Response) -> PlacedOrder:
    where = links(settings, placed.id)
    response.headers["Location"] = where.self
    if placed.replayed:
        response.status_code = 200
        response.headers["Idempotent-Replayed"] = "true"
    elif placed.state is OrderState.draft:
        response.status_code = 201
    return PlacedOrder.model_validate({**dict(placed), "links": where})


async def _refuse_others(connection: Connection, principal: Principal, order_id: str) -> None:
    """To a key that may only place orders, those of others do not exist."""
    if not principal.may(Right.read_orders) and await views.placed_by(connection, order_id) != principal.name:
        raise NotFound("order", order_id)


def _live(request: Request, order_id: str, after: int, found: EventPage) -> Response:
    """204 tells a browser not to connect again."""
    if live.is_finished(found, after):
        return Response(status_code=204)
    state = request.app.state
    keyring: Keyring = state.keyring
    key = request.headers["authorization"].partition(" ")[2].strip()

    async def allowed() -> bool:
        return await keyring.principal(key) is not None

    events = live.stream(state.context.database, state.listener, order_id, after, allowed)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
