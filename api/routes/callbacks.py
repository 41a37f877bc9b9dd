"""Partners call back here. Whoever holds the partner's secret is the partner; no API key is asked for."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.requests import Request

from activities.runtime.settings import Settings
from activities.store import inbox
from api.dependencies import Config, Ctx
from api.openapi import declares
from api.problems import Unauthorized
from api.samples import CALLBACK
from domain import keys
from domain.errors import NotFound
from domain.provisioning import PartnerCallback
from domain.values import Value

router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])

TOLERANCE = timedelta(minutes=5)
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": PartnerCallback.model_json_schema(), "example": CALLBACK}},
    }
}


class Received(StrEnum):
    new = "new"
    duplicate = "duplicate"


class Receipt(Value):
    status: Received


@router.post(
    "/{partner}",
    status_code=202,
    summary="A partner tells about one service",
    responses=declares(404, {200: "This message came before"}, model=Receipt),
    openapi_extra=_BODY,
)
async def receive_callback(
    partner: Annotated[str, Path(max_length=40, examples=["fibreworks"])],
    request: Request,
    response: Response,
    context: Ctx,
    settings: Config,
    message_id: Annotated[str | None, Header(alias="webhook-id", max_length=200)] = None,
    sent_at: Annotated[str | None, Header(alias="webhook-timestamp", max_length=40)] = None,
    signature: Annotated[str | None, Header(alias="webhook-signature", max_length=4000)] = None,
) -> Receipt:
    """Signed as Standard Webhooks say; a message may be five minutes old. Each counts once, by its `webhook-id`; it may come
    early, late, twice or out of order."""
    body = await request.body()
    _verify(settings, partner, body, {"webhook-id": message_id, "webhook-timestamp": sent_at, "webhook-signature": signature})
    callback = _parsed(body)
    order, item = _split(callback.reference)
    async with context.database.transaction() as connection:
        fresh = await inbox.receive(connection, partner, str(message_id), order, item, callback, context.now())
    if not fresh:
        response.status_code = 200
        return Receipt(status=Received.duplicate)
    return Receipt(status=Received.new)


def _verify(settings: Settings, partner: str, body: bytes, headers: dict[str, str | None]) -> None:
    """Unauthorized, in the same words for an unknown partner, a missing header and a wrong signature."""
    secret = settings.partner_secrets.get(partner)
    if secret is None or None in headers.values():
        raise _unsigned()
    given = {name: str(value) for name, value in headers.items()}
    try:
        Webhook(secret.get_secret_value()).verify(body, given, json_parse=False)
    except (WebhookVerificationError, ValueError):
        raise _unsigned(_out_of_time(given["webhook-timestamp"])) from None


def _unsigned(because: str = "") -> Unauthorized:
    return Unauthorized(
        because or "the signature is not one of a known partner (Standard Webhooks: webhook-id, -timestamp, -signature)"
    )


def _out_of_time(timestamp: str) -> str:
    """What is wrong with the moment of sending, or nothing."""
    try:
        sent_at = datetime.fromtimestamp(float(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    if abs(datetime.now(UTC) - sent_at) <= TOLERANCE:
        return ""
    return f"webhook-timestamp {timestamp} is more than five minutes off; sign the message anew when sending it again"


def _parsed(body: bytes) -> PartnerCallback:
    try:
        return PartnerCallback.model_validate_json(body)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from None


def _split(reference: str) -> tuple[str, str]:
    parts = keys.split_reference(reference)
    if parts is None:
        raise NotFound("reference", reference)
    return parts
