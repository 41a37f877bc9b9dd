"""The HTTP face of the partners."""

from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.provisioning import CallbackStatus
from domain.values import StrictValue
from workers.sandbox.faults import Faults, Operation
from workers.sandbox.partners import PartnerDesk, PartnerSettings
from workers.sandbox.services import ChangeBody, ServiceBody, SimpleVerb
from workers.sandbox.serving import IdempotencyKey, serve

Partner = Annotated[str, InPath(pattern=r"^[a-z0-9][a-z0-9_-]{0,60}$")]


class FinishBody(StrictValue):
    status: Literal[CallbackStatus.completed, CallbackStatus.failed] = CallbackStatus.completed
    message: Annotated[str, Field(max_length=500)] = ""


class Delivery(StrictValue):
    """How many callbacks the partner still owes."""

    owed: int


def partner_router(desk: PartnerDesk, faults: Faults) -> APIRouter:
    router = APIRouter(prefix="/partners/{partner}", tags=["partners"])
    _add_service_routes(router, desk, faults)
    _add_control_routes(router, desk)
    _add_health_route(router, desk)
    return router


def _add_health_route(router: APIRouter, desk: PartnerDesk) -> None:
    @router.get("/health")
    async def health(partner: Partner) -> Response:
        settings = desk.settings(partner)
        able = {"throttle": settings.throttles, "export": settings.exports}
        said = {"status": "ok" if settings.available else "down", "capabilities": [verb for verb, can in able.items() if can]}
        return JSONResponse(said, 200 if settings.available else 503)


def _add_service_routes(router: APIRouter, desk: PartnerDesk, faults: Faults) -> None:
    @router.post("/services")
    async def create(partner: Partner, body: ServiceBody, idempotency_key: IdempotencyKey) -> Response:
        fault = faults.draw(Operation.create, body.reference, partner)
        response = serve(fault, lambda forced: desk.create(partner, idempotency_key, body, forced))
        await desk.call_back_early(partner, body.reference)
        return response

    @router.post("/services/{reference}/change")
    async def change(partner: Partner, reference: str, body: ChangeBody, idempotency_key: IdempotencyKey) -> Response:
        fault = faults.draw(Operation.change, reference, partner)
        return serve(fault, lambda forced: desk.change(partner, reference, idempotency_key, body, forced))

    @router.post("/services/{reference}/finish")
    async def finish(partner: Partner, reference: str, body: FinishBody) -> Response:
        return desk.finish(partner, reference, body.status, body.message).response()

    @router.post("/services/{reference}/export")
    async def export(partner: Partner, reference: str, request: Request, idempotency_key: IdempotencyKey) -> Response:
        fault = faults.draw(Operation.export, reference, partner)
        root = f"{str(request.base_url).rstrip('/')}/partners/{partner}"
        return serve(fault, lambda forced: desk.export(partner, reference, idempotency_key, root, forced))

    @router.get("/services/{reference}/export")
    async def look_up_export(partner: Partner, reference: str) -> Response:
        fault = faults.draw(Operation.verify, reference, partner)
        return serve(fault, lambda _: desk.look_up_export(partner, reference))

    @router.get("/exports/{secret}")
    async def fetch(partner: Partner, secret: str, request: Request) -> Response:
        return desk.fetch(partner, str(request.url.replace(query=""))).response()

    @router.post("/services/{reference}/{verb}")
    async def move(partner: Partner, reference: str, verb: SimpleVerb, idempotency_key: IdempotencyKey) -> Response:
        fault = faults.draw(Operation(verb.value), reference, partner)
        return serve(fault, lambda forced: desk.move(partner, reference, idempotency_key, verb, forced))

    @router.get("/services/{reference}")
    async def look_up(partner: Partner, reference: str) -> Response:
        fault = faults.draw(Operation.verify, reference, partner)
        return serve(fault, lambda _: desk.look_up(partner, reference))


def _add_control_routes(router: APIRouter, desk: PartnerDesk) -> None:
    @router.get("/settings")
    async def settings(partner: Partner) -> PartnerSettings:
        return desk.settings(partner)

    @router.put("/settings")
    async def configure(partner: Partner, body: PartnerSettings) -> PartnerSettings:
        desk.configure(partner, body)
        return body

    @router.post("/callbacks/deliver")
    async def deliver(partner: Partner) -> Delivery:
        """Try every callback the partner owes now, due or not, once; answers when that is done."""
        for subject in desk.callbacks.hasten(partner):
            await desk.callbacks.deliver(subject)
        return Delivery(owed=desk.callbacks.owed(partner))
