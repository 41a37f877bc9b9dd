"""The HTTP face of the gateway."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel
from starlette.responses import Response

from workers.sandbox.cards import body_shows_card_number
from workers.sandbox.faults import Fault, Faults, Operation
from workers.sandbox.gateway import PaymentDesk
from workers.sandbox.journal import MAIN_GATEWAY
from workers.sandbox.payments import CaptureBody, KnownToken, PaymentBody, PaymentMode, RefundBody, TokenBody
from workers.sandbox.replies import Problem
from workers.sandbox.serving import IdempotencyKey, serve

_STARTS = {PaymentMode.authorize: Operation.authorize, PaymentMode.purchase: Operation.purchase}


def gateway_router(desk: PaymentDesk, faults: Faults, name: str = MAIN_GATEWAY) -> APIRouter:
    """One gateway: the main one at `/gateway`, others at `/gateways/<name>`."""
    prefix = "/gateway" if name == MAIN_GATEWAY else f"/gateways/{name}"
    router = APIRouter(prefix=prefix, tags=[name])

    def drawn(operation: Operation, subject: str) -> Fault | None:
        return faults.draw(operation, subject, gateway=name)

    @router.post("/tokens")
    async def tokenize(body: TokenBody, idempotency_key: IdempotencyKey) -> Response:
        _refuse_card_numbers(body)
        fault = drawn(Operation.tokenize, idempotency_key)
        return serve(fault, lambda forced: desk.tokenize(idempotency_key, body, forced))

    @router.post("/tokens/describe")
    async def describe(body: KnownToken) -> Response:
        _refuse_card_numbers(body)
        return serve(drawn(Operation.describe, body.token), lambda _: desk.describe(body.token, datetime.now(UTC)))

    @router.post("/tokens/forget")
    async def forget(body: KnownToken) -> Response:
        return serve(drawn(Operation.forget, body.token), lambda _: desk.forget(body.token))

    @router.post("/payments")
    async def start(body: PaymentBody, idempotency_key: IdempotencyKey) -> Response:
        _refuse_card_numbers(body)
        _must_agree("key", body.key, idempotency_key)
        return serve(drawn(_STARTS[body.mode], body.key), lambda forced: desk.start(body, forced))

    @router.post("/payments/{key}/capture")
    async def capture(key: str, body: CaptureBody, idempotency_key: IdempotencyKey) -> Response:
        fault = drawn(Operation.capture, key)
        return serve(fault, lambda forced: desk.capture(key, idempotency_key, body, forced))

    @router.post("/payments/{key}/void")
    async def void(key: str, idempotency_key: IdempotencyKey) -> Response:
        return serve(drawn(Operation.void, key), lambda forced: desk.void(key, idempotency_key, forced))

    @router.post("/payments/{key}/refunds")
    async def refund(key: str, body: RefundBody, idempotency_key: IdempotencyKey) -> Response:
        _refuse_card_numbers(body)
        _must_agree("refund_key", body.refund_key, idempotency_key)
        return serve(drawn(Operation.refund, key), lambda forced: desk.refund(key, body, forced))

    @router.post("/payments/{key}/settle")
    async def settle(key: str) -> Response:
        return desk.settle(key).response()

    @router.get("/report")
    async def report(since: AwareDatetime, until: AwareDatetime, cursor: Annotated[int, Query(ge=0)] = 0) -> Response:
        return serve(drawn(Operation.report, "report"), lambda _: desk.report(since, until, cursor))

    @router.get("/payments/{key}")
    async def status(key: str) -> Response:
        return serve(drawn(Operation.status, key), lambda _: desk.status(key))

    return router


def _refuse_card_numbers(body: BaseModel) -> None:
    if body_shows_card_number(body):
        raise Problem(422, "card_number", "this looks like a card number; send a token")


def _must_agree(field: str, key: str, idempotency_key: str) -> None:
    """One key for one payment or refund, so that another header cannot make a second one of it."""
    if key != idempotency_key:
        raise Problem(422, "idempotency_key_differs", f"{field} and the Idempotency-Key header must be the same")
