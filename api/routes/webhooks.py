"""Payment gateways tell here what happened by itself. The signature alone says that it is them; no API key is asked for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.requests import Request

from activities.adapters.gateway.port import Herald
from activities.store import gateway_inbox
from api.dependencies import Ctx
from api.openapi import declares
from api.problems import Unauthorized
from domain.errors import BadInput, NotFound, Refused
from domain.gateway_events import GatewayEvent
from domain.values import Value

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


class Received(StrEnum):
    new = "new"
    duplicate = "duplicate"
    ignored = "ignored"
    """It is of a kind that means nothing here."""


class Receipt(Value):
    status: Received


@router.post(
    "/{gateway}",
    status_code=202,
    summary="A gateway tells about a payment, refund, dispute or payment method",
    responses=declares(404, {200: "This message came before, or means nothing here"}, model=Receipt),
    openapi_extra=_BODY,
)
async def receive_webhook(
    gateway: Annotated[str, Path(max_length=40, examples=["sandbox"])], request: Request, response: Response, context: Ctx
) -> Receipt:
    """In the gateway's own form and under its own signature. Each message counts once, by the gateway's id of it; it may come
    early, late, twice or out of order, and is kept before it is answered."""
    event = _read(context.heralds, gateway, request, await request.body())
    if event is None:
        response.status_code = 200
        return Receipt(status=Received.ignored)
    async with context.database.transaction() as connection:
        fresh = await gateway_inbox.receive(connection, gateway, event, context.now())
    response.status_code = 202 if fresh else 200
    return Receipt(status=Received.new if fresh else Received.duplicate)


def _read(heralds: Mapping[str, Herald], gateway: str, request: Request, body: bytes) -> GatewayEvent | None:
    herald = heralds.get(gateway)
    if herald is None:
        raise NotFound("gateway", gateway)
    try:
        return herald.read_event({name.lower(): value for name, value in request.headers.items()}, body)
    except Refused as refusal:
        if refusal.code == "bad_signature":
            raise Unauthorized(str(refusal)) from None
        raise BadInput("body", str(refusal)) from None
